"""The page as a whole: widths, themes, keys, what a screen reader hears."""

import pytest

TABS = ("Image", "Text", "Speech", "Music", "Video", "Faces", "Gallery", "Models")


def test_the_tabs_stand_in_their_order(visit):
    assert visit().page.get_by_role("tab").all_inner_texts() == list(TABS)


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("tab", TABS)
def test_nothing_is_wider_than_the_window(visit, tab, width):
    visitor = visit(width=width, height=844)
    visitor.open(tab)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("tab", TABS[:6])
def test_generate_is_in_reach_on_a_phone(visit, tab):
    visitor = visit(width=390, height=844)
    visitor.open(tab)
    box = visitor.see("button.go").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 844 and box["height"] >= 40


def test_light_and_dark_are_switched_and_remembered(visit):
    visitor = visit()
    background = "getComputedStyle(document.querySelector('gradio-app')).backgroundColor"
    light = visitor.page.evaluate(background)
    visitor.see(".chip.theme").click()
    visitor.page.wait_for_function("document.body.classList.contains('dark')")
    visitor.page.wait_for_function(f"before => {background} !== before", arg=light)
    visitor.page.wait_for_timeout(2000)  # until the events of the first load have ended, which a reload would cut off
    visitor.reload()
    assert visitor.page.evaluate("document.body.classList.contains('dark')")


@pytest.mark.parametrize("tab", TABS)
def test_every_control_has_a_name(visit, tab):
    visitor = visit()
    visitor.open(tab)
    nameless = visitor.page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea, select, a[href]')]
            .filter(e => e.offsetParent !== null && e.type !== 'hidden')
            .filter(e => !((e.getAttribute('aria-label') || '') + (e.innerText || '') + (e.title || '') + (e.alt || '')
                + [...(e.labels || [])].map(l => l.innerText).join('') +
                (document.getElementById(e.getAttribute('aria-labelledby')) || {innerText: ''}).innerText).trim())
            .map(e => e.outerHTML.slice(0, 160))"""
    )
    assert nameless == []


def test_the_memory_meter_opens_models(visit):
    visitor = visit()
    visitor.see(".chip.meter").click()
    visitor.see("table.models")
