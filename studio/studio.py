"""Studio: the whole data flow, from a request to a record, in a few short methods.

Knows the parts and the order they work in. Does not know gradio, HTTP or torch.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from studio import __version__, fit, media
from studio.agreements import Agreements, terms
from studio.cache import Cached
from studio.checking import checked, shown
from studio.choices import Choices
from studio.database import Database, new_id, now
from studio.devices import budget_bytes, find_device
from studio.engines import Engine, default_dtype
from studio.errors import AgreementRequired, BadRequest, Forbidden, ModelUnavailable, NotFound, StudioError
from studio.gallery import Gallery
from studio.hub import Hub
from studio.inputs import Inputs
from studio.jobs import Jobs
from studio.registry import Registry
from studio.settings import Settings
from studio.storage import Plan, Storage
from studio.types import MAX_SEED, Job, JobEvent, MemoryTable, Mode, ModelSpec, Record, Request, Resident
from studio.waiting import Waiting
from studio.worker import InProcessWorker, Task, Worker
from studio.worker_process import ProcessWorker

UNFINISHED = ("queued", "downloading", "loading", "running")
SOUNDS = ("wav", "flac", "mp3", "opus")


class ModelStatus(BaseModel):
    """A model of the catalogue as it stands now.

    Attributes:
        spec: as the user wants it put into memory.
        loaded: it is in memory; `memory_bytes` is then measured, else predicted (0 where nothing is known).
        dtype, mode: how it lies in memory; of one that is not loaded, how it will if there is room.
        modes, dtypes: what can be chosen instead.
        disk_bytes: what of it lies on this machine's disk; 0 when it has to be downloaded.
    """

    spec: ModelSpec
    task: str
    loaded: bool
    on_disk: bool
    disk_bytes: int
    memory_bytes: int
    dtype: str = ""
    mode: Mode = "whole"
    modes: tuple[Mode, ...] = ("whole",)
    dtypes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """What a model asks for before its first use.

    Attributes:
        bytes: still to be downloaded, 0 where nothing or where it is not known. free: left on that disk.
        page: its address on the Hub, "" for a local one.
        gated: that page asks for an agreement.
    """

    bytes: int
    free: int
    page: str
    gated: bool


class Studio:
    """What the page and the HTTP interface speak to.

    Attributes:
        registry: the catalogue and what was wrong in it.
        gallery: everything ever made. inputs: files that things are made from.
        device: where models run.
        problems: what the user should know about this start, in sentences.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.folder = settings.data
        self.registry = Registry(settings.models)
        self.device = find_device(settings.device)
        self._hub = Hub(None, settings.offline, default_dtype(self.device))
        self._storage = Storage(self._hub, self.registry, self.device)
        self._database = Database(self.folder / "studio.db")
        self.gallery = Gallery(self._database, self.folder)
        self.inputs = Inputs(self._database, self.gallery)
        self._agreements = Agreements(self._database)
        self._choices = Choices(self._database)
        self._worker = self._new_worker()
        waiting = Waiting(settings.queue_each, settings.queue, settings.owner)
        self._jobs = Jobs(self._database, self._worker, self.gallery, self._task, waiting)
        self.problems = [*self.registry.problems, *filter(None, [self._database.problem])]

    def _new_worker(self) -> Worker:
        budget = budget_bytes(self.settings.memory, self.device)
        if self.settings.in_process:
            return InProcessWorker(self.device, budget, self._hub, self.folder)
        return ProcessWorker(self.device, budget, self._hub, self.folder / "logs" / "worker.log", folder=self.folder)

    def start(self) -> None:
        """Get the worker ready and load what the settings ask for, once the page is up; forget files that nothing came of."""
        self._worker.start()
        for model in self.settings.preload:
            try:
                self.submit(Request(model=model), action="load")
            except StudioError as problem:
                self.problems.append(f"--preload: {problem}")
        self.inputs.clear()

    def submit(self, request: Request | dict[str, Any], user: str = "", action: str = "run", ask: bool = False) -> Job:
        """Check the request, write its job down and return it, queued. Raises BadRequest, NotFound or AgreementRequired.

        `ask`: also require an agreement before a model is downloaded for the first time, whatever its terms.
        """
        if isinstance(request, dict):
            request = checked(Request, request)
        engine = self.registry.engine(request.model)
        spec = self.registry.spec(request.model)
        prompt = _cleaned(request.prompt)
        if action == "run":
            _require_words(engine, request, prompt)
        options = checked(engine.Options, {**spec.options, **request.options})
        self._require_agreement(spec, user, ask)
        seed = secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed
        parents = [*request.parents, *self.inputs.check(request.inputs, engine.inputs, spec.name, user)]
        request = request.model_copy(update={"prompt": prompt, "seed": seed, "parents": list(dict.fromkeys(parents))})
        job = Job(
            id=new_id(), user=user, action=action, state="queued", task=self.registry.task(spec.id), model=spec.id, prompt=_title(request),
            seed=seed, options=options.model_dump(mode="json"), request=request, created=now(),
        )  # fmt: skip
        return self._jobs.submit(job)

    def _require_agreement(self, spec: ModelSpec, user: str, ask: bool) -> None:
        first_download = ask and self._hub.path(spec) is None
        if not (terms(spec) or first_download) or self._agreements.has(spec, user):
            return
        why = terms(spec) or f"{spec.name} has to be downloaded first."
        way = f"Agree on the page when it asks, or POST /v1/registry/{spec.id}/agree, then ask again."
        raise AgreementRequired(f"{why} {way}", param="model")

    def agree(self, model: str, user: str = "") -> None:
        """Remember that a user agrees to a model's terms and to its download. Raises NotFound."""
        self._agreements.add(self.registry.spec(model), user)

    def agreed(self, model: str, user: str = "") -> bool:
        """Tell whether a user has agreed to a model's terms, or need not. Raises NotFound."""
        spec = self.registry.spec(model)
        return not terms(spec) or self._agreements.has(spec, user)

    def offer(self, model: str) -> Offer:
        """Return what a model asks for, as the Hub says now; by the catalogue where the Hub cannot be asked. Raises NotFound."""
        spec = self.registry.spec(model)
        try:
            missing, gated = (found := self._hub.plan(spec)).download_bytes, found.gated
        except ModelUnavailable:
            missing, gated = max(0, (spec.size_bytes or 0) - self._hub.disk_bytes(spec)), spec.gated
        return Offer(missing, self._hub.free_bytes(), self._hub.page(spec), gated)

    def spec(self, model: str) -> ModelSpec:
        """Return one model as it is run: put into memory as the user chose, checked for safety where others can reach the studio.

        Raises NotFound.
        """
        spec = self._choices.apply(self.registry.spec(model))
        return spec if spec.safety is not None else spec.model_copy(update={"safety": self.settings.reachable})

    def choose(self, model: str, mode: Mode | None = None, dtype: str | None = None) -> None:
        """Have a model put into memory in this way from its next load on; None leaves a value to the catalogue and the device.

        Raises NotFound, and BadRequest for what is not to be had here.
        """
        spec, engine = self.registry.spec(model), self.registry.engine(model)
        there: tuple[str, ...] = fit.modes(engine, self.device)
        if mode and mode not in there:
            raise BadRequest(fit.refusal(spec.name, mode, there, self.device), param="mode")
        kinds = fit.choosable(engine, self.device)
        if dtype and dtype not in kinds:
            raise BadRequest(f"dtype is {shown(dtype)}: {spec.name} can be had as {', '.join(kinds)}.", param="dtype")
        self._choices.keep(model, mode, dtype)

    def _task(self, job: Job) -> Task:
        spec = self.spec(job.model)
        record = {
            "job": job.id, "task": job.task, "model": job.model, "title": spec.name, "source": _public(spec), "prompt": job.prompt,
            "messages": [message.model_dump() for message in job.request.messages], "seed": job.seed, "options": job.options,
            "parents": job.request.parents, "created": now(), "version": __version__,
        }  # fmt: skip
        inputs = {role: self.inputs.find(name, job.user) for role, name in job.request.inputs.items()}
        if inputs:
            record["inputs"] = {role: found.sha256 for role, found in inputs.items()}
        request = job.request.model_copy(update={"inputs": {role: str(found.path.absolute()) for role, found in inputs.items()}})
        day = self.folder / "outputs" / job.created[:10]
        return Task(job.id, spec, request, job.options, job.seed, record, day, f"{_slug(job.prompt) or job.model}-{job.id}", job.action)

    def follow(self, job: str, after: int = 0) -> Iterator[tuple[int, JobEvent]]:
        """Yield (number, event) from event `after` on: what has been, then what comes, until the job has ended."""
        return self._jobs.follow(job, after)

    def cancel(self, job: str) -> None:
        """Stop a queued or running job. A job that has ended is left as it is."""
        self._jobs.cancel(job)

    def move(self, job: str, place: int) -> None:
        """Give a job another place, from 0, among its user's own that wait. Raises NotFound when it does not wait."""
        self._jobs.move(job, place)

    @property
    def paused(self) -> bool:
        """Whether no further job begins until told otherwise."""
        return self._jobs.paused

    def may_pause(self, user: str) -> bool:
        """Whether a user may stop the queue for all: the owner; without accounts whoever sits at this machine."""
        return user == self.settings.owner if self.settings.owner else not self.settings.reachable

    def pause(self, on: bool = True, user: str = "") -> None:
        """Begin no further job, or go on. Raises Forbidden for a user who may not."""
        if not self.may_pause(user):
            raise Forbidden("Only the owner of this studio can pause its queue.")
        self._jobs.pause(on)

    def forget(self, job: str) -> None:
        """Remove a job that has ended, and with it what it made. Raises BadRequest while it waits or runs."""
        self._jobs.forget(job)

    def rerun(self, job: str, user: str = "") -> Job:
        """Run the same request with the same seed again: an interrupted job under its own id, any other as a new one."""
        old = self.job(job)
        self.registry.spec(old.model)
        if old.state != "interrupted":
            return self.submit(old.request, user, old.action)
        fresh = {"state": "queued", "started": None, "finished": None, "error": None, "code": None}
        return self._jobs.submit(old.model_copy(update=fresh))

    def job(self, job: str, user: str | None = None) -> Job:
        """Return a job; with a user, only one of hers. Raises NotFound."""
        return self._jobs.get(job, user)

    def jobs(self, user: str | None = None, states: tuple[str, ...] = (), task: str | None = None, limit: int = 50) -> list[Job]:
        """Return jobs, newest first."""
        return self._jobs.list(user, states, task, limit)

    def counts(self) -> tuple[int, int]:
        """Return how many jobs run and how many wait."""
        return self._jobs.counts()

    def models(self, task: str | None = None) -> list[ModelStatus]:
        """Return the catalogue in its order, with what is in memory and on disk."""
        resident = {model.model: model for model in self.memory().models}
        return [self._status(spec.id, resident) for spec in self.registry.specs(task)]

    def model(self, model: str) -> ModelStatus:
        """Return one model of the catalogue. Raises NotFound naming the nearest right one."""
        return self._status(model, {model.model: model for model in self.memory().models})

    def _status(self, model: str, resident: dict[str, Resident]) -> ModelStatus:
        spec, engine = self.spec(model), self.registry.engine(model)
        path = self._hub.path(spec)
        one = resident.get(model) or self._foreseen(spec, path)
        return ModelStatus(
            spec=spec, task=self.registry.task(model), loaded=model in resident, on_disk=path is not None,
            disk_bytes=self._hub.disk_bytes(spec) if path else 0, memory_bytes=one.bytes, dtype=one.dtype, mode=one.mode,
            modes=fit.modes(engine, self.device), dtypes=fit.choosable(engine, self.device),
        )  # fmt: skip

    def _foreseen(self, spec: ModelSpec, path: Path | None) -> Resident:
        """Return what a model will be in memory, if there is room for the best way."""
        parts = self._hub.parts(path) if path else ()
        placement = fit.first(spec, parts, self.registry.engine(spec.id), self.device, bool(fit.remembered(self.folder)))
        return Resident(spec.id, placement.bytes if parts else spec.size_bytes or 0, False, 0.0, placement.dtype, placement.mode)

    def plan(self, model: str) -> Plan:
        """Return what using a model would bring here and take of memory. Raises NotFound, and ModelUnavailable as its download would."""
        return self._storage.plan(self.spec(model), self.memory().budget)

    def cached(self) -> list[Cached]:
        """Return the repositories in the Hub's cache, in the catalogue or not, the largest first."""
        return self._storage.cached()

    def disk_free(self) -> int:
        """Return the bytes the cache's disk has left."""
        return self._storage.free_bytes()

    @property
    def may_delete(self) -> bool:
        """Whether what is on the disk may be deleted: not where everybody is let in."""
        return not self.settings.public

    def made_of(self, repository: str) -> list[str]:
        """Return the names of the models that are made of a repository."""
        return [spec.name for spec in self._storage.users(repository)]

    def remove_cached(self, repository: str) -> int:
        """Delete a repository from the Hub's cache and return the bytes this frees.

        Raises NotFound, Forbidden where strangers may come in, and BadRequest while a model made of it is in memory or on its way.
        """
        if not self.may_delete:
            raise Forbidden("This studio is open to everybody, so nothing is deleted from its disk through it.")
        busy = {model.model for model in self.memory().models} | {job.model for job in self.jobs(states=UNFINISHED, limit=1000)}
        return self._storage.remove(repository, busy)

    def voices(self, model: str) -> list[dict[str, str]]:
        """Return the voices of a speech model that is on disk; empty where there is no choice or it is not on disk yet."""
        spec = self.registry.spec(model)
        path = self._hub.path(spec)
        return self.registry.engine(model).voices(spec, str(path)) if path else []

    def unload(self, model: str) -> None:
        """Free a model's memory. Raises BadRequest while a job uses it."""
        self._worker.unload(self.registry.spec(model).id)

    def memory(self) -> MemoryTable:
        """Return what is in memory."""
        return self._worker.table()

    def file(self, record: Record, format: str | None = None) -> Path:
        """Return the path of a record's file; with a format (`wav`, `flac`, `mp3`, `opus`, `mid`) that one, converted if need be."""
        relative = record.files.get(format) if format else record.path
        if relative is None and record.medium == "audio" and format in SOUNDS:
            target = self.folder / "converted" / f"{record.id}.{format}"
            return target if target.is_file() else media.convert(self.folder / record.path, format, target)
        if relative is None:
            there = [*record.files, *(SOUNDS if record.medium == "audio" else ())]
            raise BadRequest(f"format is {shown(format)}: this file can be had as {', '.join(dict.fromkeys(there))}.", param="format")
        path = self.folder / relative
        if not path.is_file():
            raise NotFound(f"The file {relative} is no longer there; somebody moved or deleted it.", param="id")
        return path

    def input(self, record: Record, role: str) -> Path:
        """Return the file that a record was made from in this role. Raises NotFound."""
        if role not in record.inputs:
            there = f"from {', '.join(record.inputs)}" if record.inputs else "from words alone"
            raise NotFound(f"{record.id} has no {shown(role)}: it was made {there}.", param="role")
        return self.inputs.find(record.inputs[role], record.user).path

    def close(self) -> None:
        """Stop what runs and end the workers."""
        self._jobs.close()
        self._worker.close()
        self._database.close()


def _cleaned(text: str) -> str:
    """Return text without the control characters that no model means and many files cannot hold."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", text.replace("\r\n", "\n"))


def _require_words(engine: type[Engine], request: Request, prompt: str) -> None:
    if engine.needs_prompt and not prompt.strip() and not request.messages:
        raise BadRequest("prompt is empty: say what you want made.", param="prompt")
    if request.messages and not any(message.content.strip() for message in request.messages):
        raise BadRequest("messages are empty: say something.", param="messages")


def _title(request: Request) -> str:
    """Return what a job is listed under: the prompt, or the last thing said."""
    said = [message.content for message in request.messages if message.role == "user"]
    return request.prompt or (_cleaned(said[-1]) if said else "")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")


def _public(spec: ModelSpec) -> str:
    """Return a model's source as files may say it: a Hub repository by name, a local folder by its last part only."""
    return spec.source if not Path(spec.source).is_absolute() else Path(spec.source).name
