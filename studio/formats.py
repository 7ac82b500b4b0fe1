"""File formats: how a picture, sound, text, video or notes become bytes, and where in each of them a record stands.

Knows PNG, WAV, FLAC, MP3, Opus, text, MP4 and MIDI. Does not know folders, nor what a record may hold.
"""

import io
import json
import re
import struct
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import soundfile
import yaml
from PIL import Image, PngImagePlugin

import studio
from studio.errors import GenerationFailed
from studio.types import Audio, Video

DIGITAL_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
AI_STATEMENT = f"AI-generated ({DIGITAL_SOURCE})."
SOFTWARE = f"Studio {studio.__version__}"
OPUS_RATE = 48_000
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 Iptc4xmpExt:DigitalSourceType="{source}" xmp:CreatorTool="{tool}"/></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def encode_png(picture: Any, record: dict[str, Any]) -> bytes:
    if not isinstance(picture, Image.Image) or 0 in picture.size:
        raise GenerationFailed(f"The model gave no picture but {_shape(picture)}. Try another size.")
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", parameters(record, picture.size))
    info.add_text("studio", json.dumps(record))
    info.add_itxt("XML:com.adobe.xmp", XMP.format(source=DIGITAL_SOURCE, tool=escape(SOFTWARE)))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def parameters(record: dict[str, Any], size: tuple[int, int]) -> str:
    """Return the record of a picture of `size` (width, height) as the text AUTOMATIC1111's web page writes and many tools read."""
    options, facts = record.get("options", {}), record.get("facts", {})
    values = {
        "Steps": options.get("steps"),
        "Sampler": facts.get("sampler") or options.get("sampler"),
        "CFG scale": options.get("guidance_scale"),
        "Seed": record.get("seed"),
        "Size": f"{size[0]}x{size[1]}",
        "Model": record.get("model"),
        "Denoising strength": options.get("strength") if record.get("inputs") else None,
        "Version": SOFTWARE,
    }
    last = ", ".join(f"{name}: {_quote(value)}" for name, value in values.items() if value not in (None, ""))
    negative = record.get("negative_prompt") or options.get("negative_prompt")
    lines = [record.get("prompt", ""), f"Negative prompt: {negative}" if negative else "", last]
    return "\n".join(line for line in lines if line)


def _quote(value: Any) -> str:
    """Quote as AUTOMATIC1111 does: a value with a comma, a colon or a line break becomes a JSON string."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,:\n]", text) else text


def read_png(path: Path) -> Any:
    with Image.open(path) as picture:
        return json.loads(picture.info.get("studio", "null"))


def encode_wav(audio: Any, record: dict[str, Any]) -> bytes:
    """Encode as 16-bit PCM. The tags are written here since libsndfile drops them all when one is longer than 32 kB."""
    data = _soundfile(audio, "WAV", {})
    tags = _tags(record)
    names = {"INAM": tags["title"], "IART": tags["artist"], "ICMT": tags["comment"], "ISFT": tags["software"]}
    info = b"INFO" + b"".join(_chunk(name.encode(), text.encode() + b"\0") for name, text in names.items() if text)
    body = data[8:] + _chunk(b"LIST", info)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(name: bytes, data: bytes) -> bytes:
    """Return a RIFF chunk, padded to an even length."""
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def encode_flac(audio: Any, record: dict[str, Any]) -> bytes:
    return _soundfile(audio, "FLAC", _tags(record))


def encode_mp3(audio: Any, record: dict[str, Any]) -> bytes:
    return _soundfile(audio, "MP3", _tags(record))


def _soundfile(audio: Any, format: str, tags: dict[str, str]) -> bytes:
    samples = _samples(audio)
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", audio.rate, samples.shape[1], format=format) as file:
        for name, text in tags.items():
            setattr(file, name, text)
        file.write(samples)
    return buffer.getvalue()


def encode_opus(audio: Any, record: dict[str, Any]) -> bytes:
    """Encode by FFmpeg's library, told to be exact: libsndfile numbers Ogg streams at random and cannot resample to Opus's rates."""
    import av

    samples = _samples(audio)
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate = audio.rate
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=OPUS_RATE, layout=layout)
        stream.metadata.update(_tags(record))
        resampler = av.AudioResampler(format="flt", layout=layout, rate=OPUS_RATE)
        for resampled in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _samples(audio: Any) -> np.ndarray:
    """Return the samples as float32 (frames, 1 or 2) in [-1, 1]. Raises GenerationFailed for what is no sound."""
    if not isinstance(audio, Audio):
        raise GenerationFailed(f"The model gave no sound but {_shape(audio)}.")
    samples = np.asarray(audio.samples, dtype=np.float32)
    if samples.ndim != 2 or len(samples) == 0 or samples.shape[1] not in (1, 2):
        raise GenerationFailed(f"The model gave samples of shape {samples.shape}; sound has (frames, 1 or 2 channels).")
    if not np.isfinite(samples).all():
        raise GenerationFailed("The model gave samples that are not numbers. Try another seed, or the model in float32.")
    return np.ascontiguousarray(samples.clip(-1, 1))


def _tags(record: dict[str, Any]) -> dict[str, str]:
    title = " ".join(str(record.get("prompt", "")).replace("\0", " ").split())
    artist = str(record.get("title") or record.get("model") or "")
    comment = f"{AI_STATEMENT} {json.dumps(record)}"
    return {"title": title[:100], "artist": artist, "comment": comment, "software": SOFTWARE}


def read_tags(path: Path) -> Any:
    """Read the comment of a sound or video file; Ogg calls it a description."""
    import av

    with av.open(str(path)) as container:
        tags = container.metadata | (container.streams[0].metadata if container.streams else {})
    comment = next((text for name, text in tags.items() if name.lower() in ("comment", "description")), "")
    return json.loads(comment[comment.index("{") :])


def encode_txt(text: Any, record: dict[str, Any]) -> bytes:
    if not isinstance(text, str):
        raise GenerationFailed(f"The model gave no text but {_shape(text)}.")
    front = {"digital_source_type": DIGITAL_SOURCE, **record}
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n{text}".encode("utf-8", "replace")


def split_front_matter(path: Path) -> tuple[str, str]:
    text = Path(path).read_bytes().decode("utf-8", "replace")
    found = re.match(r"---\n(.*?\n)---\n", text, re.DOTALL)
    return (found[1], text[found.end() :]) if found else ("", text)


def read_txt(path: Path) -> Any:
    record = yaml.safe_load(split_front_matter(path)[0])
    if isinstance(record, dict):
        record.pop("digital_source_type", None)
    return record


def encode_mp4(video: Any, record: dict[str, Any]) -> bytes:
    """Encode as H.264 in yuv420p, which every browser plays; odd sizes lose a row or column, as its half-size colour planes demand."""
    import av

    frames = _frames(video)
    tags = _tags(record)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        container.metadata.update({name: tags[name] for name in ("title", "artist", "comment")})
        # x264's macroblock tree now and then reads what it has not written: one small video in a thousand came out different.
        stream = container.add_stream("libx264", rate=video.fps, options={"crf": "18", "x264-params": "mbtree=0"})
        stream.width, stream.height = (frames[0].width // 2 * 2, frames[0].height // 2 * 2)
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            picture = picture.convert("RGB").crop((0, 0, stream.width, stream.height))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _frames(video: Any) -> list[Image.Image]:
    if not isinstance(video, Video) or not video.frames or video.fps <= 0:
        raise GenerationFailed(f"The model gave no video but {_shape(video)}.")
    frames = [frame if isinstance(frame, Image.Image) else Image.fromarray(frame) for frame in video.frames]
    if min(frames[0].size) < 2 or any(frame.size != frames[0].size for frame in frames):
        raise GenerationFailed("The model gave video frames of different sizes, or too small ones.")
    return frames


def encode_mid(piece: Any, record: dict[str, Any]) -> bytes:
    """Put the record as a text event at the head of the first track."""
    from studio.notes import to_midi

    data = to_midi(piece)
    text = _tags(record)["comment"].encode()
    event = b"\x00\xff\x01" + _variable_length(len(text)) + text
    start = data.index(b"MTrk") + 8
    (length,) = struct.unpack(">I", data[start - 4 : start])
    return data[: start - 4] + struct.pack(">I", length + len(event)) + event + data[start:]


def _variable_length(number: int) -> bytes:
    """Return a number as MIDI writes lengths: seven bits a byte, the high bit set on all but the last."""
    digits = [number & 127]
    while number := number >> 7:
        digits.append(number & 127 | 128)
    return bytes(reversed(digits))


def read_mid(path: Path) -> Any:
    data = Path(path).read_bytes()
    start = data.index(b"MTrk") + 8
    if data[start : start + 3] != b"\x00\xff\x01":
        return None
    text = data[data.index(b"{", start) :]
    return json.JSONDecoder().raw_decode(text.decode("utf-8", "replace"))[0]


def _shape(data: Any) -> str:
    return f"{type(data).__name__} of shape {data.shape}" if hasattr(data, "shape") else type(data).__name__


ENCODERS = {
    "png": encode_png,
    "wav": encode_wav,
    "flac": encode_flac,
    "mp3": encode_mp3,
    "opus": encode_opus,
    "txt": encode_txt,
    "mp4": encode_mp4,
    "mid": encode_mid,
}  # (data, record) -> bytes
READERS = dict.fromkeys(("wav", "flac", "mp3", "opus", "mp4"), read_tags) | {
    "png": read_png,
    "txt": read_txt,
    "mid": read_mid,
}  # path -> record
