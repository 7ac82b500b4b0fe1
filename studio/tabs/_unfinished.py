"""Jobs that came to nothing: which of them can be run again, and the list of them.

Knows jobs and records. Does not know the tabs their results belong to.
"""

from html import escape

from studio.studio import Studio
from studio.tabs import _stage as stage
from studio.tabs import _words as words
from studio.tabs._tasks import title
from studio.types import Job, Record, Request

LEFT = 5  # jobs that are listed; the others are folded


def unfinished(studio: Studio, user: str) -> list[Job]:
    """Return the jobs that can be run again, the newest first: interrupted ones, and failed ones that were not made since."""
    jobs = [job for job in studio.jobs(user, ("interrupted", "failed", "done"), limit=200) if job.action == "run"]
    made, left = set(), []
    for job in jobs:
        key = (job.model, job.prompt, job.seed, str(job.options))
        if job.state == "done":
            made.add(key)
        elif job.state == "interrupted" or key not in made:
            left.append(job)
            made.add(key)
    return left


def unfinished_list(studio: Studio, jobs: list[Job]) -> str:
    """Return the list of jobs that came to nothing, with the ways to run them again."""
    if not jobs:
        return ""
    interrupted = sum(job.state == "interrupted" for job in jobs)
    every = stage.button("Run all again", "all", label="Run all interrupted jobs again") if interrupted > 1 else ""
    counted = words.plural(len(jobs), "result was not made", "results were not made")
    lines = [unfinished_line(studio, job) for job in jobs]
    more = f"<details><summary>{len(jobs) - LEFT} more</summary><ul>{''.join(lines[LEFT:])}</ul></details>" if len(jobs) > LEFT else ""
    head = f"<header><h2>{counted}</h2>{every}</header>"
    return f'<section class="left" aria-label="Not finished">{head}<ul>{"".join(lines[:LEFT])}</ul>{more}</section>'


def unfinished_line(studio: Studio, job: Job) -> str:
    prompt = job.prompt or f"Seed {job.seed}"
    why = "Interrupted: the studio ended while it was being made." if job.state == "interrupted" else job.error or "It failed."
    about = f"{title(job.task)}, {escape(words.title_of(studio, job.model))}, {words.said_ago(job.created)}"
    again = stage.button("Run again", "rerun", id=job.id, label=f"Run again: {prompt[:80]}")
    return f'<li><div><b>{escape(prompt[:160])}</b><p class="miss">{escape(why)}</p><p>{about}</p></div>{again}</li>'


def again(studio: Studio, record: Record, user: str) -> Job:
    """Submit what made exactly this record, with its own seed: of several made at once, this one alone."""
    asked = studio.job(record.job, user).request
    alone = {"count": 1} if record.options.get("count", 1) != 1 else {}
    options = {**record.options, **alone}
    return studio.submit(Request(**{**asked.model_dump(), "seed": record.seed, "options": options}), user)
