"""The question before a first use in Chromium: what it says, both answers, and that nothing written is lost."""


def test_a_first_download_is_asked_about_and_can_wait(visit, server):
    visitor = visit()
    visitor.choose("SD Turbo")
    visitor.see("textarea").fill("a red circle")
    visitor.generate()
    panel = visitor.see(".stage .card.ask")
    said = panel.inner_text()
    for part in ("SD Turbo has to be downloaded first", "5.2 GB", "Free on disk", "1.3 billion", "stability-ai-community"):
        assert part in said
    assert panel.get_by_role("link").get_attribute("href").endswith("/stabilityai/sd-turbo")
    panel.get_by_role("button", name="Not now").click()
    visitor.see(".stage .card.empty")
    assert visitor.see("textarea").input_value() == "a red circle"
    assert server.get("/v1/jobs")["data"] == [] or server.get("/v1/jobs")["data"][0]["model"] != "sd-turbo"


def test_terms_are_agreed_to_once(visit, server):
    visitor = visit()
    visitor.choose("Closed pictures")
    visitor.see("textarea").fill("made under its terms")
    visitor.generate()
    panel = visitor.see(".stage .card.ask")
    assert "Not for commercial use" in panel.inner_text()
    assert server.get("/v1/models/closed")["agreed"] is False
    panel.get_by_role("button", name="Agree and generate").click()
    visitor.see(".stage img[alt='made under its terms']")
    visitor.see("textarea").fill("once more")
    visitor.generate()
    visitor.see(".stage img[alt='once more']")
    assert server.get("/v1/models/closed")["agreed"] is True


def test_the_menu_and_the_models_say_what_is_not_free_to_use(visit):
    visitor = visit()
    visitor.page.get_by_label("Model", exact=True).locator("visible=true").first.click()
    entry = visitor.page.get_by_role("option", name="FLUX.1 dev").first.inner_text()
    assert "17B" in entry and "33.7 GB" in entry and "gated, not for commercial use" in entry
    visitor.page.keyboard.press("Escape")
    visitor.open("Models")
    row = visitor.see("table.models tr:has-text('FLUX.1 dev')").inner_text()
    assert "Gated" in row and "Not for commercial use" in row and "17 billion parameters" in row and "Download 33.7 GB" in row
