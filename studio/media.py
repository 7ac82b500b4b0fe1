"""Finished things as files, each carrying how it was made and that a machine made it: whole, or not there at all.

Knows folders, names, and what of a record may be carried. Does not know the formats (formats.py), the gallery or the queue.

Files are the same to the byte for the same request: what differs from run to run (the job, the time, how long it took) is
left to the gallery's row.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from pathlib import Path
from typing import Any

import soundfile
import yaml

from studio import formats
from studio.errors import BadRequest, GenerationFailed
from studio.types import Artifact, Audio, Saved

EXTENSIONS = {"image": "png", "audio": "wav", "text": "txt", "video": "mp4"}
MIMES = {
    "png": "image/png",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "mid": "audio/midi",
    "txt": "text/plain",
    "mp4": "video/mp4",
}
SOUND_FORMATS = ("wav", "flac", "mp3", "opus")
VARIES = re.compile(r"(id|job|user|created|seconds|\w+_per_second)$")
SECRET = re.compile(r"(.*_)?(api_?key|access_?key|private_?key|secret|password|auth_?token|access_?token|hf_?token|token)$", re.IGNORECASE)


def save(artifact: Artifact, record: dict[str, Any], folder: Path, stem: str) -> Saved:
    """Write `folder/stem.<png|wav|txt|mp4>`, and `stem.mid` beside it where the notes are known; whole files or none.

    `record` says how the artifact was made: job, task, model, title, revision, prompt, seed, options and the like; secrets in it are
    not written. Raises GenerationFailed for a result that cannot be used and when the disk is full.
    """
    record = _embedded(record)
    extension = EXTENSIONS[artifact.medium]
    files = {extension: formats.ENCODERS[extension](artifact.data, record)}
    if artifact.piece is not None:
        files["mid"] = formats.encode_mid(artifact.piece, record)
    paths = write_all({folder / f"{stem}.{name}": data for name, data in files.items()})
    data = files[extension]
    digest = hashlib.sha256(data).hexdigest()
    return Saved(paths, artifact.medium, MIMES[extension], len(data), digest, artifact.seed, artifact.facts)


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the record a file of the studio carries, whatever its format; None where there is none."""
    path = Path(path)
    reader = formats.READERS.get(path.suffix[1:].lower())
    try:
        record = reader(path) if reader else None
    except FileNotFoundError:
        raise
    except (ValueError, OSError, SyntaxError, yaml.YAMLError):  # not a file of its kind
        return None
    return record if isinstance(record, dict) else None


def read_text(path: Path) -> str:
    """Return the text of a text file without the front matter that says how it was made."""
    return formats.split_front_matter(path)[1]


def convert(path: Path, format: str, target: Path) -> Path:
    """Write the sound of `path` to `target` as wav, flac, mp3 or opus, with the same record. Raises BadRequest for other formats."""
    if format not in SOUND_FORMATS:
        raise BadRequest(f"Sound can be had as {', '.join(SOUND_FORMATS)}, not as '{format}'.", "response_format")
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    try:
        data = formats.ENCODERS[format](Audio(samples, rate), read_record(path) or {})
    except soundfile.LibsndfileError as error:
        raise BadRequest(f"Sound at {rate} Hz cannot be written as {format}: {error}. Choose wav.", "response_format") from error
    return Path(write_all({Path(target): data})[0])


def _embedded(record: dict[str, Any]) -> dict[str, Any]:
    """Return what of a record goes into the file: JSON, no secrets, nothing that differs between two equal runs."""
    record = _without_secrets(json.loads(json.dumps(record, default=str)))
    for level in (record, record.get("facts") or {}):
        for key in [key for key in level if VARIES.match(key)]:
            del level[key]
    return record | {"ai_generated": True}


def _without_secrets(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_secrets(item) for key, item in value.items() if not SECRET.match(key)}


def write_all(files: dict[Path, bytes]) -> tuple[str, ...]:
    """Put each file in its place by renaming a finished one, and return their paths; on an error none of them stays.

    Raises GenerationFailed where the disk is full or cannot be written.
    """
    written: list[Path] = []
    for path, data in files.items():
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
            _sync_folder(path.parent)
            written.append(path)
        except OSError as error:
            for leftover in filter(Path.exists, (part, *written)):
                leftover.unlink()
            raise _not_written(error, path, sum(map(len, files.values()))) from error
    return tuple(str(path) for path in written)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut; Windows can do without and cannot open folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _not_written(error: OSError, path: Path, size: int) -> GenerationFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        needs = f"{path.name} needs {_size(size)}, {_size(shutil.disk_usage(folder).free)} are free in {folder}"
        return GenerationFailed(f"The disk is full: {needs}. Make room there and run the job again.")
    return GenerationFailed(f"{path} cannot be written: {error.strerror or error}. Check the data folder and run the job again.")


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
