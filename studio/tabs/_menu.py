"""The model menu: its entries, and the note under it that says what the chosen model is good for."""

from collections.abc import Sequence
from html import escape

from studio.studio import ModelStatus, Studio
from studio.tabs import _words as words
from studio.tabs._stage import button, note


def entry(status: ModelStatus) -> str:
    """Return what the menu says of a model: title, sizes, where it is, its marks, and the licence last, which a narrow menu cuts off."""
    spec = status.spec
    count = words.said_short(spec.parameters) if spec.parameters else ""
    parts = [part for part in (count, weight_said(status), words.standing(status), *words.marks(spec), spec.license) if part]
    return f"{status.spec.name}  ·  {', '.join(parts)}"


def weight_said(status: ModelStatus) -> str:
    weight = words.weight(status)
    return words.said_size(weight) if weight else ""


def entries(studio: Studio, task: str) -> list[tuple[str, str]]:
    """Return the models of a task as (what the menu says, id)."""
    return [(entry(status), status.spec.id) for status in studio.models(task)]


def first(studio: Studio, task: str, among: Sequence[str] | None = None) -> str | None:
    """Return the model to begin with: one in memory, else one on disk, else the first; with `among`, one of these."""
    found = [status for status in studio.models(task) if among is None or status.spec.id in among]
    for wanted in (lambda one: one.loaded, lambda one: one.on_disk, lambda one: True):
        for status in found:
            if wanted(status):
                return status.spec.id
    return None


def bigger(statuses: Sequence[ModelStatus], model: str) -> str | None:
    """Return a model to go to from a starter: one that is here already, else the smallest to download; None where there is none."""
    others = [status for status in statuses if not status.spec.starter and status.spec.id != model]
    return min(others, key=lambda one: (not one.on_disk, words.weight(one) or 1e15)).spec.id if others else None


def nothing(studio: Studio) -> str:
    """Return the note of a menu without a model."""
    return note(f"<p>No model in {escape(studio.registry.path.name)} can do this. Add one, then start the studio again.</p>")


def about(status: ModelStatus, prompt: str = "", has_bigger: bool = True) -> str:
    """Return the note of a model: a starter's world and the words of the prompt it does not know, or licence, memory and download."""
    return starter_note(status, prompt, has_bigger) if status.spec.starter else model_note(status)


def starter_note(status: ModelStatus, prompt: str, has_bigger: bool) -> str:
    spec, missed = status.spec, words.unknown_words(prompt, status.spec.words)
    world = f"Its world: {spec.world.rstrip('.')}." if spec.world else spec.description
    lines = [f"<p><b>Starter model.</b> {escape(world)}</p>"]
    if missed:
        listed = ", ".join(f"<b>{escape(word)}</b>" for word in missed[:6]) + (" and others" if len(missed) > 6 else "")
        lines.append(f'<p class="miss">It does not know {listed}.</p>')
    if has_bigger:
        lines.append(button("Use a bigger model", "bigger", "link"))
    return note(*lines)


def model_note(status: ModelStatus) -> str:
    spec, facts = status.spec, []
    if spec.license:
        facts.append("A licence of its own, see its Hub page" if spec.license == "other" else f"Licence {spec.license}")
    if spec.parameters:
        facts.append(f"{words.said_count(spec.parameters)} parameters")
    if status.memory_bytes:
        facts.append(f"{words.said_size(status.memory_bytes)} of memory")
    if not status.on_disk:
        size = max((spec.size_bytes or 0) - status.disk_bytes, 0)
        facts.append(f"{words.said_size(size)} to download first" if size else "to be downloaded first")
    gate = "<p>Its Hub page asks you to agree to its terms before the download.</p>" if spec.gated and not status.on_disk else ""
    gate += "" if spec.commercial else "<p><b>Not for commercial use.</b></p>"
    sentence = f"<p>{escape(spec.description)}</p>" if spec.description else ""
    return note(sentence, f"<p>{escape('; '.join(facts))}.</p>" if facts else "", gate)
