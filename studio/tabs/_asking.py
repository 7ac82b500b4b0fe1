"""The question before a model is downloaded or used for the first time: what it fetches, under which terms, and two answers.

Knows a model and its terms. Does not know what is to be made of it.
"""

from html import escape

from studio.agreements import terms
from studio.studio import ModelStatus, Offer
from studio.tabs import _stage as stage
from studio.tabs import _words as words

TOKEN = "set <code>HF_TOKEN</code> before the studio starts, or run <code>hf auth login</code> once"  # HTML


def question(status: ModelStatus, offer: Offer, verb: str = "generate") -> str:
    """Return the panel; its buttons are the acts `agree`, with the model's id, and `later`."""
    spec = status.spec
    head = f"{spec.name} has terms to agree to" if status.on_disk else f"{spec.name} has to be downloaded first"
    about = f"<p>{escape(spec.description)}</p>" if spec.description else ""
    rows = "".join(f"<div><dt>{label}</dt><dd>{html}</dd></div>" for label, html in facts(status, offer))
    go = ("Agree and " if status.on_disk else "Download and ") + verb
    buttons = stage.button(go, "agree", "do", id=spec.id) + stage.button("Not now", "later", "soft")
    return (
        f'<section class="card ask" role="group" aria-label="{stage.quoted(head)}"><h2>{escape(head)}</h2>{about}<dl>{rows}</dl>'
        f'{warnings(status, offer)}<div class="do-row">{buttons}</div></section>'
    )


def facts(status: ModelStatus, offer: Offer) -> list[tuple[str, str]]:
    """Return (label, HTML) of what is to be known first."""
    spec = status.spec
    pairs = []
    if not status.on_disk:
        pairs.append(("To download", words.said_size(offer.bytes) if offer.bytes else "size not known"))
        pairs.append(("Free on disk", words.said_size(offer.free)))
    if spec.parameters:
        pairs.append(("Parameters", words.said_count(spec.parameters)))
    licence = "of its own" if spec.license == "other" else spec.license
    pairs.append(("Licence", escape(licence) or "not stated"))
    if offer.page:
        pairs.append(("From", link(offer.page, offer.page.partition("//")[2])))
    return pairs


def warnings(status: ModelStatus, offer: Offer) -> str:
    """Return what forbids something or has to be done elsewhere, each a paragraph."""
    spec, lines = status.spec, []
    if not spec.commercial:
        lines.append("<b>Not for commercial use:</b> its licence forbids it.")
    if offer.gated:
        page = link(offer.page, "its Hub page") if offer.page else "its Hub page"
        lines.append(f"<b>Gated:</b> accept its terms on {page} and give the studio your access token: {TOKEN}.")
    if offer.bytes > offer.free:
        lines.append(f"<b>Too little room:</b> {words.said_size(offer.bytes - offer.free)} more have to be free on the disk.")
    if terms(spec) or offer.gated:
        lines.append("By going on you agree to its terms.")
    return "".join(f'<p class="term">{line}</p>' for line in lines)


def sure(status: ModelStatus) -> str:
    """Return the same question in one plain sentence, for a button of the Models tab."""
    return f"{terms(status.spec)} Do you agree to its terms?"


def link(address: str, text: str) -> str:
    return f'<a href="{stage.quoted(address)}" target="_blank" rel="noopener">{escape(text)}</a>'
