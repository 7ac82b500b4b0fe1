"""A repository of the Hub: its listing, which of its files a model needs, and in words what is wrong with it.

Asks the Hub for listings, small files and the headers of weights. Does not download weights and does not know the cache.
"""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from studio import weights
from studio.checking import nearest
from studio.errors import ModelUnavailable, StudioError
from studio.sources import ADAPTED, Source, split_source
from studio.types import ModelSpec

PATIENCE = 10  # seconds the Hub has to answer a question
MOST = 1_000_000  # bytes of a small file
TOKEN_ADVICE = "give the studio your access token: set HF_TOKEN, or run `hf auth login` once"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository: `size` in bytes, `oid` the name its content has in the cache, as far as the listing says it."""

    repository: str
    commit: str
    name: str
    size: int
    oid: str

    @property
    def url(self) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repository, self.name, revision=self.commit)


@dataclass(frozen=True)
class Need:
    """What a source needs of its repository. `licence` is the Hub's name of it, "" where it says none."""

    source: Source
    files: tuple[RemoteFile, ...]
    gated: bool
    licence: str


def need_of(source: Source) -> Need:
    """Ask the Hub what a source needs. Raises ModelUnavailable when that is not there, unsafe, or there as pickles only."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(source.repository, revision=source.revision, files_metadata=True, timeout=PATIENCE)
    files = {file.rfilename: _file(source.repository, info.sha, file) for file in info.siblings or []}
    folders = None
    if "model_index.json" in files and not source.file and source.role != "vae":
        folders = _components(_fetched(files["model_index.json"]), source)
    _check(source, list(files), folders)
    wanted = source.wanted(list(files), folders)
    licence = getattr(info.card_data, "license", None) or "" if info.card_data else ""
    return Need(source, tuple(files[name] for name in wanted), bool(info.gated), str(licence))


def _file(repository: str, commit: str, file: Any) -> RemoteFile:
    return RemoteFile(repository, commit, file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else file.blob_id or "")


def _fetched(file: RemoteFile) -> bytes:
    """Return the content of a small file, of one that goes on and on its beginning."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    content = b""
    with get_session().stream("GET", file.url, headers=build_hf_headers(), timeout=PATIENCE) as answer:
        hf_raise_for_status(answer)
        for block in answer.iter_bytes():
            content += block
            if len(content) > MOST:
                break
    return content


def _components(content: bytes, source: Source) -> list[str]:
    """Return a pipeline's folders. Raises ModelUnavailable for an index that cannot be read or reaches outside of the libraries."""
    try:
        index = json.loads(content)
        folders = weights.components(index)
    except (ValueError, AttributeError):
        raise ModelUnavailable(f"model_index.json of {source.repository} cannot be read. Choose another repository.", "model") from None
    strange = weights.foreign_modules(index)
    if strange:
        raise ModelUnavailable(
            f"model_index.json of {source.repository} names {strange[0]!r}, which is no part of a library; it is refused, as it may "
            "lead to code of a stranger. Choose another repository.",
            "model",
        )
    return folders


def _check(source: Source, files: list[str], folders: list[str] | None) -> None:
    repository = source.repository
    if source.file and source.file not in files:
        raise ModelUnavailable(f"{repository} has no file {source.file}.{nearest(source.file, files)}", "model")
    outside = [name for name in [*files, *(folders or [])] if _leads_outside(name)]
    if outside:
        raise ModelUnavailable(f"{repository} lists {outside[0]!r}, a path that leads out of its folder; it is refused.", "model")
    wanted, bad = source.wanted(files, folders), source.lacks(files, folders)
    if bad is None and source.role in ADAPTED and len(wanted) > 1:
        example = f"{repository}/{wanted[0]}"
        raise ModelUnavailable(f"{repository} holds {len(wanted)} .safetensors files. Name the one meant, such as {example}.", "model")
    if bad is None and wanted:
        return
    place = repository if bad in (None, ".") else f"{bad}/ of {repository}"
    if bad and any(Path(file).suffix in weights.PICKLES for file in ([source.file] if source.file else files)):
        raise ModelUnavailable(
            f"The weights in {place} are pickles only, which can run code when they are opened, so they are refused. "
            "Choose a repository with .safetensors files.",
            "model",
        )
    what = "files of a configuration" if bad is None else "weights as .safetensors files"
    raise ModelUnavailable(f"{place} holds no {what}. Choose a repository that does.", "model")


def _leads_outside(name: str) -> bool:
    return ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute() or "\\" in name or bool(PureWindowsPath(name).drive)


def header_of(file: RemoteFile) -> dict[str, dict[str, Any]]:
    """Return a safetensors file's tensors by name, each with dtype, shape and data_offsets, by reading its first bytes only.

    Raises ModelUnavailable where it is no safetensors file.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import NotASafetensorsRepoError, SafetensorsParsingError

    try:
        found = HfApi().parse_safetensors_file_metadata(file.repository, file.name, revision=file.commit, timeout=PATIENCE)
    except (SafetensorsParsingError, NotASafetensorsRepoError, ValueError, KeyError, TypeError, AttributeError):
        raise ModelUnavailable(not_weights(file.repository, file.name, pointer=file.size < 1000), "model") from None
    entries = found.tensors.items()
    return {name: {"dtype": one.dtype, "shape": one.shape, "data_offsets": one.data_offsets} for name, one in entries}


def not_weights(repository: str, name: str, pointer: bool) -> str:
    """Say that a file called .safetensors is none."""
    if pointer:
        return (
            f"{name} of {repository} is a pointer of Git LFS, a few lines that say where the weights lie, not the weights. "
            "Whoever put it up left them out: choose another repository."
        )
    return f"{name} of {repository} is no safetensors file, whatever it is called. Choose another repository."


@contextmanager
def explained(spec: ModelSpec, source: Source | None = None) -> Iterator[None]:
    """Turn what the library raises into one sentence for the user."""
    try:
        yield
    except StudioError:
        raise
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelUnavailable(f"The disk is full: {spec.name} could not be written. Make room and try again.", "model") from problem
        raise ModelUnavailable(_sentence(spec, source, problem), "model") from problem
    except Exception as problem:
        raise ModelUnavailable(_sentence(spec, source, problem), "model") from problem


def _sentence(spec: ModelSpec, source: Source | None, problem: Exception) -> str:
    from huggingface_hub import constants, errors

    text, revision = (source.text, source.revision) if source else (spec.source, spec.revision)
    named, known = getattr(problem, "repo_id", None), {split_source(one)[0] for one in (spec.source, *spec.extras)}
    repository = named if named in known else split_source(text)[0]
    page = f"{constants.ENDPOINT}/{repository}"
    name = spec.name if repository == split_source(spec.source)[0] else f"{repository}, a part of {spec.name},"
    if isinstance(problem, errors.GatedRepoError):  # first: it is a RepositoryNotFoundError too
        return f"{name} is gated: open {page}, agree to its terms, then {TOKEN_ADVICE}."
    if isinstance(problem, errors.RepositoryNotFoundError):
        return f"The Hub has no repository {repository!r} open to you.{_similar(repository)} If it is a private one, {TOKEN_ADVICE}."
    if isinstance(problem, errors.RevisionNotFoundError):
        return f"{repository} has no revision {revision!r}. Correct `revision`, or leave it out for the newest."
    if isinstance(problem, errors.HFValidationError):
        return f"{text!r} is neither a Hub repository (owner/name) nor a folder of this machine. Correct `source` of {spec.id}."
    if isinstance(problem, errors.HfHubHTTPError) and problem.response is not None:
        return _refusal(name, constants.ENDPOINT, problem.response.status_code)
    if "Consistency check failed" in str(problem) or "peer closed" in str(problem):
        return f"A file of {name} came cut off. Try again; the files that are whole are kept."
    if "timed out" in _cause(problem).lower():
        return f"The Hub at {constants.ENDPOINT} stopped answering while {name} came. Try again: what has come is kept."
    cause = f"The Hub at {constants.ENDPOINT} cannot be reached for {name} ({_cause(problem)})."
    return f"{cause} Check the network, or choose a model that is here. What has come is kept."


def _refusal(name: str, endpoint: str, status: int) -> str:
    if status == 401:
        return f"The Hub refuses the access token it was given for {name}. Make a new one at {endpoint}/settings/tokens and set HF_TOKEN."
    return f"The Hub answered {status} to the download of {name}. Try again later."


def _cause(problem: BaseException) -> str:
    """Return the first line of what is behind a problem, without the access token and without the address it was sent to."""
    from huggingface_hub import get_token

    while problem.__cause__ is not None:
        problem = problem.__cause__
    text = str(problem).split("\n")[0].split(" for url")[0]
    token = get_token()
    return (text.replace(token, "...") if token else text)[:200] or type(problem).__name__


def _similar(repository: str) -> str:
    """Return ' Did you mean ...?' by asking the Hub for names alike and the owner's others; nothing when it knows none."""
    from huggingface_hub import HfApi

    owner, _, name = repository.rpartition("/")
    try:
        found = [*HfApi().list_models(search=name, limit=20), *HfApi().list_models(author=owner, limit=100)]
    except Exception:  # only a hint: the answer is the same without it
        return ""
    names = sorted({model.id for model in found} - {repository})
    hint = nearest(repository, names)
    return hint if "Did you mean" in hint else ""
