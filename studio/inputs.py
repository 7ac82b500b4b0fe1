"""Files people give the studio to start from: pictures, masks, sound. Each is kept once, named by the hash of what is in it.

Knows how a file from outside is checked and made plain, and whose it is. Does not know what an engine does with it.
"""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy
import soundfile
from PIL import Image, ImageOps

from studio import media
from studio.checking import shown
from studio.database import Database, now
from studio.errors import BadRequest, NotFound, TooLarge
from studio.gallery import Gallery
from studio.types import Medium

MAX_BYTES = 64_000_000
MAX_SIDE = 8192  # px
MAX_SECONDS = 600
MAX_RATE = 96_000  # Hz
# Only those that Pillow decodes by itself: others start programs or read further files.
PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
NAME = re.compile(r"([0-9a-f]{64})\.(png|wav)")
BLOCK = 65_536  # frames decoded at once
UNUSED_FOR = timedelta(days=1)  # a file that nothing was made from is kept this long


@dataclass(frozen=True)
class Input:
    """One file to start from. `name` is a gallery id, then `record` is the same, or that of a kept file."""

    name: str
    medium: Medium
    path: Path
    sha256: str
    record: str = ""


class Inputs:
    """The kept files, in `inputs/` of the data folder, and those of the gallery, by their names."""

    def __init__(self, database: Database, gallery: Gallery):
        self._database, self._gallery = database, gallery
        self.folder = gallery.folder / "inputs"

    def keep(self, source: bytes | Path, medium: Medium | None = None, user: str = "") -> str:
        """Keep a file and return its name: a picture as PNG, sound as 16-bit WAV, without what else the file said.

        Raises TooLarge above MAX_BYTES, BadRequest for a file that cannot be read, of another medium, too big or too long.
        """
        data = read(source)
        medium = medium or medium_of(data)
        if medium not in PLAIN:
            raise BadRequest(f"A file of {medium} cannot be kept: give a picture or sound.", param="file")
        extension, plain = media.EXTENSIONS[medium], PLAIN[medium](data)
        name = f"{hashlib.sha256(plain).hexdigest()}.{extension}"
        if not (self.folder / name).is_file():
            media.write_all({self.folder / name: plain})
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO inputs VALUES (?, ?, ?, ?)", (name, user, medium, now()))
        return name

    def take(self, source: bytes | Path, medium: Medium, user: str = "") -> str:
        """Return the gallery id of a file that came out of this user's gallery just as it is; keep any other."""
        data = read(source)
        record = self._gallery.of_file(hashlib.sha256(data).hexdigest(), medium, user or None)
        return record.id if record else self.keep(data, medium, user)

    def find(self, name: str, user: str = "") -> Input:
        """Return a file by its name; with a user, only one of hers. Raises NotFound."""
        kept = NAME.fullmatch(name)
        if not kept:
            record = self._gallery.get(name, user or None)
            return Input(name, record.medium, self._gallery.folder / record.path, record.sha256, record.id)
        rows = self._database.rows("SELECT medium, user FROM inputs WHERE name = ?", (name,))
        own = [row for row in rows if not user or row["user"] == user]
        if not own or not (self.folder / name).is_file():
            raise NotFound(f"No file is kept as {name[:12]}...{name[-4:]}: it was removed, or never given. Give it again.", param="id")
        return Input(name, own[0]["medium"], self.folder / name, kept[1])

    def check(self, names: Mapping[str, str], takes: Mapping[str, Medium], model: str, user: str = "") -> list[str]:
        """Return the gallery ids among the names of a request. Raises BadRequest naming the role that a model cannot start from."""
        found = [self._checked(role, name, takes, model, user) for role, name in names.items()]
        if "mask" in names and "image" not in names:
            raise BadRequest("mask is given without image: give the picture it belongs to as well.", param="inputs.mask")
        return [one.record for one in found if one.record]

    def _checked(self, role: str, name: str, takes: Mapping[str, Medium], model: str, user: str) -> Input:
        param = f"inputs.{role}"[:100]
        if role not in takes:
            right = f"it can start from {', '.join(takes)}" if takes else "it starts from words alone"
            raise BadRequest(f"{shown(role)} is no input of {model}: {right}.", param=param)
        try:
            found = self.find(name, user)
        except NotFound as problem:
            raise BadRequest(f"{role} is {shown(name)}: {problem}", param=param) from None
        if found.medium != takes[role]:
            raise BadRequest(f"{role} is {shown(name)}, which is {found.medium}: {model} takes {takes[role]} there.", param=param)
        return found

    def clear(self) -> None:
        """Remove the files that nothing in the gallery is made from and no unfinished job waits for, once they are a day old."""
        since = (datetime.now(UTC) - UNUSED_FOR).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM inputs WHERE created < ? AND NOT EXISTS (SELECT 1 FROM records WHERE instr(records.inputs, inputs.name))"
                " AND NOT EXISTS (SELECT 1 FROM jobs WHERE state NOT IN ('done', 'failed', 'cancelled') AND instr(request, inputs.name))",
                (since,),
            )
            kept = {row["name"] for row in connection.execute("SELECT name FROM inputs").fetchall()}
        for path in self.folder.glob("*"):
            if NAME.fullmatch(path.name) and path.name not in kept:
                path.unlink(missing_ok=True)


def read(source: bytes | Path) -> bytes:
    """Return the bytes of a file. Raises TooLarge before it is read, and BadRequest for none."""
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if size > MAX_BYTES:
        raise TooLarge(f"The file has {size / 1e6:.0f} MB; {MAX_BYTES / 1e6:.0f} MB are allowed. Make it smaller.", param="file")
    if not size:
        raise BadRequest("The file is empty.", param="file")
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def medium_of(data: bytes) -> Medium:
    """Return whether a file is a picture or, for all that is none, sound."""
    try:
        Image.open(io.BytesIO(data), formats=PICTURES)
        return "image"
    except Image.DecompressionBombError:
        return "image"
    except (OSError, ValueError, SyntaxError):
        return "audio"


def open_picture(data: bytes) -> Image.Image:
    """Return the picture of a file as it is meant to be seen, upright, decoded. Raises BadRequest for a damaged or too big one."""
    try:
        picture = Image.open(io.BytesIO(data), formats=PICTURES)
        if max(picture.size) <= MAX_SIDE:
            picture.load()
            return ImageOps.exif_transpose(picture)
    except Image.DecompressionBombError:
        raise BadRequest(f"The picture is too big: at most {MAX_SIDE} pixels a side are allowed. Make it smaller.", param="file") from None
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError) as problem:
        reason = f"{type(problem).__name__}: {str(problem)[:100]}"
        right = ", ".join(PICTURES)
        raise BadRequest(f"The file is no picture that can be read ({reason}). These can: {right}.", param="file") from None
    width, height = picture.size
    raise BadRequest(f"The picture has {width} x {height} pixels; {MAX_SIDE} a side are allowed. Make it smaller.", param="file")


def png(picture: Image.Image) -> bytes:
    """Return nothing but the pixels of a picture as PNG: grey or RGB, what is transparent on white."""
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = Image.fromarray(_eight_bits(numpy.asarray(picture)))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert("L" if picture.mode in ("1", "L") else "RGB")
    picture.info = {}
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _eight_bits(values: numpy.ndarray) -> numpy.ndarray:
    """Return grey values of 16 bits, or numbers from 0 to 1, as bytes."""
    scaled = values.astype(numpy.float64) * (255 if values.dtype.kind == "f" else 1 / 257)
    return numpy.nan_to_num(scaled).clip(0, 255).round().astype(numpy.uint8)


def _plain_picture(data: bytes) -> bytes:
    return png(open_picture(data))


def _plain_sound(data: bytes) -> bytes:
    """Return nothing but the samples of a sound as 16-bit WAV, decoded bit by bit: a small file can hold very long silence."""
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as source:
            _require_sound(source)
            with soundfile.SoundFile(buffer, "w", source.samplerate, source.channels, "PCM_16", format="WAV") as target:
                for block in source.blocks(BLOCK, dtype="float32"):
                    if not numpy.isfinite(block).all():
                        raise BadRequest("The sound holds values that are no numbers; save it again as 16-bit WAV.", param="file")
                    target.write(block)
                    _require_length(target.tell() / source.samplerate)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as problem:
        raise BadRequest(f"The file is no sound that can be read ({problem}). WAV, FLAC, MP3 and OGG can.", param="file") from None
    return buffer.getvalue()


def _require_sound(source: soundfile.SoundFile) -> None:
    if source.channels > 2:
        raise BadRequest(f"The sound has {source.channels} channels; give one or two.", param="file")
    if source.samplerate > MAX_RATE:
        rate = f"{source.samplerate:,} samples a second"
        raise BadRequest(f"The sound has {rate}; {MAX_RATE:,} are allowed. Save it with fewer.", param="file")
    if not source.frames:
        raise BadRequest("The sound is empty.", param="file")
    _require_length(source.frames / source.samplerate)


def _require_length(seconds: float) -> None:
    if seconds > MAX_SECONDS:
        raise BadRequest(f"The sound is {seconds:.0f} s long; {MAX_SECONDS} s are allowed. Cut it.", param="file")


PLAIN = {"image": _plain_picture, "audio": _plain_sound}
