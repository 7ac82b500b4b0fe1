"""The page: its theme, its header and one gr.Tab for each module of tabs/.

Knows how the page is framed. Does not know what stands on any tab.
"""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from studio.studio import Studio
from studio.tabs import Page, find, user_of
from studio.tabs._stage import CLICKS
from studio.tabs._words import plural

HERE = Path(__file__).parent
REFRESH = 2.0  # seconds between two looks at memory and queue
WIDE = 500  # events of one kind at once: each is short, or waits without holding a thread

HEADER = """
<a class="skip" href="#nav">Skip to the tabs</a>
<span class="brand"><svg viewBox="0 0 20 20" aria-hidden="true"><path d="M3 3h14v14H3z" fill="none" stroke="currentColor" stroke-width="2"/>
<path d="M3 13 8 8l4 4 2-2 3 3v4H3z" fill="currentColor"/></svg>Studio</span>
<span class="right">
  <span class="chip device" title="Where models run">${device}</span>
  <button type="button" class="chip meter" data-act="models" aria-label="Memory: ${used} of ${budget} GB in use. Opens Models.">
    <span class="word">Memory</span><i class="bar"><i style="width:${share}%"></i></i>
    <span class="num">${used} <span class="of">of ${budget} GB</span></span></button>
  <button type="button" class="chip queue ${busy}" data-act="models" aria-label="Queue: ${running}${waiting}. Opens Models.">
    <span>${running}<span class="more">${waiting}</span></span></button>
  <button type="button" class="chip theme" data-act="theme" aria-label="Switch between light and dark">
    <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5"/>
    <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/></svg></button>
  ${account}
</span>"""

HUES = {
    "viridian": "#EDF6F3 #DCEFE9 #B5DFD3 #86CAB8 #5CC9AE #1E8C75 #0C6B58 #095647 #074337 #053229 #03211B",
    "slate": "#F6F7F5 #EEF0ED #DFE3DE #C9CFC9 #A3ACA6 #838C86 #59625C #3A433E #252B28 #191D1B #111413",
}
LIGHT_DARK = {
    "body_background_fill": ("*neutral_50", "*neutral_950"),
    "body_text_color": ("#1B211E", "#ECEFEC"),
    "body_text_color_subdued": ("*neutral_600", "*neutral_400"),
    "background_fill_primary": ("#FFFFFF", "*neutral_900"),
    "background_fill_secondary": ("*neutral_100", "#0B0D0C"),
    "border_color_primary": ("*neutral_200", "#2C322F"),
    "border_color_accent": ("*primary_600", "*primary_400"),
    "color_accent_soft": ("*primary_100", "#12332B"),
    "link_text_color": ("*primary_600", "*primary_400"),
    "link_text_color_hover": ("*primary_700", "*primary_300"),
    "block_background_fill": ("transparent", "transparent"),
    "block_label_text_color": ("*neutral_600", "*neutral_400"),
    "block_title_text_color": ("#1B211E", "#ECEFEC"),
    "block_info_text_color": ("*neutral_600", "*neutral_400"),
    "input_background_fill": ("#FFFFFF", "#131615"),
    "input_background_fill_focus": ("#FFFFFF", "#131615"),
    "input_border_color": ("#848C86", "#67706A"),
    "input_border_color_hover": ("*neutral_600", "*neutral_400"),
    "input_border_color_focus": ("*primary_600", "*primary_400"),
    "input_placeholder_color": ("#69726C", "#8E9892"),
    "input_shadow_focus": ("0 0 0 3px *primary_100", "0 0 0 3px #12332B"),
    "button_primary_background_fill": ("*primary_600", "*primary_400"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_300"),
    "button_primary_text_color": ("#FFFFFF", "#04211A"),
    "button_primary_border_color": ("transparent", "transparent"),
    "button_secondary_background_fill": ("#FFFFFF", "*neutral_800"),
    "button_secondary_background_fill_hover": ("*neutral_100", "*neutral_700"),
    "button_secondary_border_color": ("*neutral_300", "#434B47"),
    "button_secondary_border_color_hover": ("*neutral_500", "*neutral_500"),
    "button_secondary_text_color": ("#1B211E", "#ECEFEC"),
    "slider_color": ("*primary_600", "*primary_400"),
    "checkbox_background_color_selected": ("*primary_600", "*primary_400"),
    "checkbox_label_background_fill": ("transparent", "transparent"),
    "checkbox_label_background_fill_hover": ("*neutral_200", "*neutral_800"),
    "checkbox_label_background_fill_selected": ("#FFFFFF", "*neutral_700"),
    "error_background_fill": ("#FBEDEB", "#2E1816"),
    "error_border_color": ("#B3261E", "#FF9C92"),
    "error_text_color": ("#9C1F18", "#FF9C92"),
    "panel_background_fill": ("#FFFFFF", "*neutral_900"),
    "table_even_background_fill": ("#FFFFFF", "*neutral_900"),
    "table_odd_background_fill": ("#FFFFFF", "*neutral_900"),
}
PLAIN = {
    "block_border_width": "0px", "block_padding": "0px", "block_shadow": "none", "block_label_border_width": "0px",
    "block_title_text_size": "*text_sm", "block_title_text_weight": "700", "block_info_text_size": "*text_xs",
    "block_radius": "*radius_lg", "input_radius": "*radius_md", "input_padding": "9px 12px", "input_shadow": "none",
    "input_border_width": "1px", "layout_gap": "*spacing_xl", "form_gap_width": "0px", "shadow_drop": "none",
    "button_large_padding": "10px 18px", "button_large_text_size": "*text_md", "button_large_radius": "*radius_md",
    "button_small_padding": "6px 12px", "button_small_text_size": "*text_sm", "button_small_radius": "*radius_md",
    "button_medium_padding": "8px 14px", "button_medium_text_size": "*text_sm", "button_medium_radius": "*radius_md",
    "button_border_width": "1px", "button_primary_shadow": "none", "button_secondary_shadow": "none",
    "button_transition": "background-color .12s, border-color .12s", "checkbox_label_border_width": "0px",
    "checkbox_label_shadow": "none", "checkbox_label_padding": "6px 12px", "chatbot_text_size": "*text_lg",
    "section_header_text_size": "*text_sm", "section_header_text_weight": "700",
}  # fmt: skip


def theme() -> gr.themes.Base:
    """Return the page's colours, type and spacing, light and dark; page.css builds on their variables."""
    accent, grey = (gr.themes.Color(*hexes.split(), name=name) for name, hexes in HUES.items())
    fonts = gr.themes.utils.fonts.LocalFont  # these come with gradio; only weights 400 and 700 hold Latin letters
    base = gr.themes.Base(
        primary_hue=accent,
        secondary_hue=accent,
        neutral_hue=grey,
        font=[fonts("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[fonts("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
        text_size=gr.themes.Size("11px", "12px", "13px", "14px", "16px", "20px", "28px", name="studio"),
        spacing_size=gr.themes.Size("2px", "4px", "6px", "8px", "12px", "16px", "24px", name="studio"),
        radius_size=gr.themes.Size("3px", "4px", "6px", "8px", "8px", "12px", "16px", name="studio"),
    )
    coloured = {name: light for name, (light, _) in LIGHT_DARK.items()} | {f"{name}_dark": dark for name, (_, dark) in LIGHT_DARK.items()}
    return base.set(**PLAIN, **coloured)


def gigabytes(count: float) -> str:
    """Return bytes as the header writes them: `0`, `1.64`, `12`."""
    return f"{count / 1e9:.2f}".rstrip("0").rstrip(".") if count < 1e10 else f"{count / 1e9:.0f}"


def standing(studio: Studio, user: str = "") -> dict[str, Any]:
    """Return what the header shows: the device, memory in use, jobs that run and wait, who is signed in."""
    memory, (running, waiting) = studio.memory(), studio.counts()
    device = memory.device
    return {
        "device": f"{device.name}, {device.total_bytes / 1e9:.0f} GB",
        "used": gigabytes(memory.used),
        "budget": gigabytes(memory.budget),
        "share": round(100 * min(1.0, memory.used / memory.budget), 1) if memory.budget else 0,
        "running": f"{running} running" if running else "Idle",
        "waiting": f", {waiting} waiting" if waiting else "",
        "busy": "busy" if running or waiting else "",
        "account": f'<a class="chip account" href="logout" title="Sign out">{escape(user)}, sign out</a>' if user else "",
    }


def draw_header(studio: Studio) -> gr.HTML:
    return gr.HTML(html_template=HEADER, js_on_load=CLICKS, apply_default_css=False, elem_id="top", **standing(studio))


def draw_problems(studio: Studio) -> None:
    """Say once, above the tabs, what this start had trouble with."""
    if studio.problems:
        lines = "".join(f"<li>{escape(problem)}</li>" for problem in studio.problems)
        heading = f"{plural(len(studio.problems), 'thing')} to know about this start"
        gr.HTML(
            f'<details class="problems"><summary>{heading}</summary><ul>{lines}</ul></details>',
            apply_default_css=False, elem_id="problems",
        )  # fmt: skip


def keep_header(header: gr.HTML, nav: gr.Tabs, studio: Studio) -> None:
    """Let the header's numbers follow what happens, and its chips open Models."""

    def refresh(shown: dict[str, Any], request: gr.Request) -> Any:
        now = standing(studio, user_of(request))
        return (gr.skip(), gr.skip()) if now == shown else (gr.HTML(**now), now)

    shown = gr.State({})
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    gr.Timer(REFRESH).tick(refresh, shown, [header, shown], queue=False, **quiet)
    header.click(lambda: gr.Tabs(selected="models"), None, nav, queue=False, **quiet)


def show_no_progress(page: gr.Blocks, place: gr.HTML) -> None:
    """Let the events that show no progress say so of one small block.

    gradio tells every block that ever was an output of an event how that event stands, again with each event on the page: with hundreds
    of blocks, half a second of a processor each time.
    """
    for event in page.fns.values():
        if event.show_progress == "hidden":
            event.show_progress_on = [place]


def build(studio: Studio) -> gr.Blocks:
    """Return the page over a studio. Draws only; no model is loaded and nothing is downloaded."""
    with gr.Blocks(title="Studio", fill_width=True, analytics_enabled=False) as page:
        header = draw_header(studio)
        draw_problems(studio)
        call = gr.State(None)
        with gr.Tabs(elem_id="nav", overflow_behavior="wrap") as nav:
            shared = Page(studio, page, nav, call)
            for tab in (tab for tab in find() if not tab.needs or studio.registry.specs(tab.needs)):
                with gr.Tab(tab.title, id=tab.id, elem_id=f"panel-{tab.id}"):  # its button's aria-controls names it
                    tab.build(shared)
        keep_header(header, nav, studio)
        show_no_progress(page, header)
    page.queue(default_concurrency_limit=WIDE)
    return page


def page_options(studio: Studio) -> dict[str, Any]:
    """Return what `gr.mount_gradio_app` or `launch` has to know besides the page: its looks and its script."""
    return {"theme": theme(), "css": styles(), "js": (HERE / "page.js").read_text("utf-8")}


def styles() -> str:
    """Return page.css and after it every stylesheet of tabs/; that of a tab stands beside it and is called like it."""
    return "\n".join(file.read_text("utf-8") for file in (HERE / "page.css", *sorted((HERE / "tabs").glob("*.css"))))
