"""A talk with a text model: what was said, how it is shown, and the earlier ones as the jobs tell them.

Nothing of a talk is kept apart from its jobs: each answer names the one before it as its parent, and its request holds all that was
said before. Knows no gradio.
"""

import re
from dataclasses import dataclass, replace

from studio import media
from studio.errors import StudioError
from studio.studio import Studio
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._follow import Seen
from studio.types import Job, Message

CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)
SHOWN = 8  # earlier talks in the list
LOOKED_AT = 200  # jobs they are found in


@dataclass(frozen=True)
class Talk:
    """What was said so far.

    Attributes:
        messages: the chat without the system's message. text: the page that a model goes on writing, where one does not chat.
        before: the text as it was before the model went on.
        parent: gallery id of the last answer. job: the id of the job that writes the next one, "" where none does.
    """

    messages: tuple[Message, ...] = ()
    text: str = ""
    before: str = ""
    parent: str = ""
    job: str = ""

    def saying(self, text: str) -> "Talk":
        """Return the talk with one more message of the user's."""
        return replace(self, messages=(*self.messages, Message(role="user", content=text)))

    def until(self, index: int) -> "Talk":
        """Return the talk as it was before message `index`."""
        return replace(self, messages=self.messages[:index])

    def with_piece(self, piece: str) -> "Talk":
        """Return the talk with what the model has written so far; it goes on an answer that was begun."""
        if not self.messages:
            return replace(self, text=self.before + piece)
        if self.messages[-1].role == "assistant":
            begun = self.messages[-1]
            return replace(self, messages=(*self.messages[:-1], Message(role="assistant", content=begun.content + piece)))
        return replace(self, messages=(*self.messages, Message(role="assistant", content=piece))) if piece else self


def harmless(text: str) -> str:
    """Return a text so that the page shows it and fetches nothing: pictures and HTML outside of code stay the words they are."""
    parts = CODE.split(text)
    parts[::2] = [re.sub(r"<(?=[A-Za-z/!])", "&lt;", part.replace("![", "!\\[")) for part in parts[::2]]
    return "".join(parts)


def plain(text: str) -> str:
    """Return what `harmless` was made of, after somebody has edited it."""
    return text.replace("&lt;", "<").replace("!\\[", "![")


def bubbles(talk: Talk, waits: bool = False) -> list[dict[str, str]]:
    """Return the messages as gradio's Chatbot takes them; where an answer is waited for, an empty one stands for it."""
    said = [{"role": one.role, "content": harmless(one.content)} for one in talk.messages]
    if waits and said and said[-1]["role"] == "user":
        said.append({"role": "assistant", "content": ""})
    return said


def asked_before(job: Job) -> Talk:
    """Return the talk a job was asked in, before its answer."""
    said = tuple(message for message in job.request.messages if message.role != "system")
    parent = job.request.parents[-1] if job.request.parents else ""
    return Talk(said, text="" if said else job.request.prompt, before="" if said else job.request.prompt, parent=parent)


def instructions_of(job: Job) -> str:
    """Return the system's message of a job."""
    return next((message.content for message in job.request.messages if message.role == "system"), str(job.options.get("system") or ""))


def answer_of(studio: Studio, job: Job) -> str:
    """Return what a job wrote, "" where it is no longer there."""
    try:
        return media.read_text(studio.file(studio.gallery.get(job.results[0]))) if job.results else ""
    except StudioError:
        return ""


def opened(studio: Studio, job: Job) -> Talk:
    """Return a talk up to and with a job's answer."""
    said = asked_before(job).with_piece(answer_of(studio, job))
    return replace(said, parent=job.results[0] if job.results else said.parent)


def heads(jobs: list[Job]) -> list[Job]:
    """Return the last job of each talk, newest first, out of jobs newest first."""
    followed: set[str] = set()
    last = []
    for job in jobs:
        if not followed & set(job.results):
            last.append(job)
        followed |= set(job.request.parents)
    return last


def title(job: Job) -> str:
    """Return what a talk is called: the first thing said."""
    first = next((message.content for message in job.request.messages if message.role == "user"), job.prompt)
    return " ".join(first.split())[:80] or "Without words"


def earlier(studio: Studio, task: str, user: str, current: str) -> str:
    """Return the list of earlier talks; `current` is the gallery id of the last answer on the page."""
    found = heads(studio.jobs(user, ("done",), task, limit=LOOKED_AT))[:SHOWN]
    rows = "".join(row(job, bool(current) and current in job.results) for job in found)
    heading = '<h3 class="over">Earlier talks</h3>' if found else ""
    return f'<div class="talks">{heading}{rows}{stage.button("New talk", "new", "link")}</div>'


def row(job: Job, here: bool) -> str:
    mark = ' aria-current="true"' if here else ""
    said, age = stage.quoted(title(job)), words.said_ago(job.created)
    return f'<button type="button" data-act="open" data-id="{stage.quoted(job.id)}"{mark}><b>{said}</b><span>{age}</span></button>'


def pulse(seen: Seen, model: str) -> str:
    """Return the line over the composer while an answer is on its way."""
    line = {"queued": words.place_in_queue(seen.position, seen.wait), "downloading": f"Downloading {model}", "loading": f"Loading {model}"}
    facts = []
    if seen.state == "downloading" and seen.transfer and seen.transfer.total:
        facts = [words.said_part(seen.transfer.done, seen.transfer.total)]
        facts += [f"{words.said_time(seen.left)} left"] if seen.left is not None else []
    elif seen.state == "running" and seen.tokens:
        facts = [words.plural(seen.tokens, "token"), f"{seen.pace:.1f} tokens/s"][: 2 if seen.pace else 1]
    spans = "".join(f"<span>{fact}</span>" for fact in facts)
    return f'<div class="pulse"><i></i><b>{stage.quoted(line.get(seen.state, "Writing"))}</b>{spans}</div>'


def after(seen: Seen, chat: bool) -> str:
    """Return the line over the composer when an answer has ended: what it took, and what can be done next."""
    if seen.state == "failed":
        again = stage.button("Try again", "again", "link")
        return f'<div class="pulse failed" role="alert"><span class="tag">Not written</span><p>{stage.quoted(seen.error)}</p>{again}</div>'
    said = {"cancelled": "Stopped", "interrupted": "Interrupted"}.get(seen.state, "Done")
    record, facts = next(iter(seen.records), None), []
    if record:
        facts = [words.plural(int(record.facts.get("completion_tokens", seen.tokens)), "token"), words.said_time(record.seconds)]
    spans = "".join(f"<span>{fact}</span>" for fact in facts)
    goes_on = stage.button("Go on", "on", "link", label="Go on with this answer") if chat else stage.button("Undo", "undo", "link")
    saved = stage.download(record, "Download", look="link") if record else ""
    return f'<div class="pulse still"><b>{said}</b>{spans}{goes_on}{stage.button("Write it anew", "again", "link")}{saved}</div>'
