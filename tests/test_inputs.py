import hashlib
import io
import os
import struct
import zlib
from datetime import UTC, datetime, timedelta

import numpy
import pytest
import soundfile
from PIL import Image

from studio.errors import BadRequest, GenerationFailed, NotFound, TooLarge
from studio.inputs import MAX_BYTES, medium_of
from studio.media import read_record
from studio.types import Made, Request


def encoded(picture, format="PNG", **how):
    buffer = io.BytesIO()
    picture.save(buffer, format, **how)
    return buffer.getvalue()


def plain(colour="red", size=(24, 16), mode="RGB"):
    return Image.new(mode, size, colour)


def waves(seconds=0.5, rate=8000, channels=1, format="WAV", subtype=None):
    buffer = io.BytesIO()
    samples = 0.5 * numpy.sin(numpy.arange(int(seconds * rate)) / 9)[:, None].repeat(channels, 1)
    soundfile.write(buffer, samples, rate, subtype, format=format)
    return buffer.getvalue()


def wide_png(width, height):
    """A file that says it is this large, and is small."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def opened(studio, name):
    return Image.open(studio.inputs.find(name).path)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_is_kept_as_png_under_the_hash_of_it(studio, format):
    name = studio.inputs.keep(encoded(plain("#0000ff"), format))
    found = studio.inputs.find(name)
    assert found.path.parent == studio.folder / "inputs" and found.medium == "image"
    assert name == f"{hashlib.sha256(found.path.read_bytes()).hexdigest()}.png" and found.sha256 == name[:64]
    picture = opened(studio, name)
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (24, 16)) and picture.getpixel((3, 3))[2] > 250


def test_the_same_picture_is_kept_once_whatever_it_came_with(studio):
    exif = Image.Exif()
    exif[270], exif[34853] = "at home", {1: "N"}
    names = {studio.inputs.keep(encoded(plain())), studio.inputs.keep(encoded(plain(), exif=exif, compress_level=0, dpi=(90, 90)))}
    assert len(names) == 1 == len([*(studio.folder / "inputs").iterdir()])
    kept = opened(studio, *names)
    assert not kept.getexif() and not kept.info


def test_a_picture_stands_as_it_is_meant_to_be_seen(studio):
    picture, exif = plain("black", (30, 10)), Image.Exif()
    picture.paste("white", (0, 0, 10, 10))
    exif[274] = 6  # turn a quarter to the right
    turned = opened(studio, studio.inputs.keep(encoded(picture, exif=exif)))
    assert turned.size == (10, 30) and turned.getpixel((5, 2)) == (255, 255, 255) and turned.getpixel((5, 25)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("picture", "seen"),
    [
        (plain((255, 0, 0, 0), mode="RGBA"), (255, 255, 255)),
        (plain((0, 0, 0, 255), mode="RGBA"), (0, 0, 0)),
        (plain(1, mode="1"), 255),
        (plain(77, mode="L"), 77),
        (Image.fromarray(numpy.full((16, 24), 65535, numpy.uint16)), (255, 255, 255)),
        (plain("red").quantize(4), (255, 0, 0)),
    ],
    ids=["transparent", "opaque", "bits", "grey", "16 bits", "palette"],
)
def test_every_kind_of_pixel_becomes_grey_or_rgb(studio, picture, seen):
    kept = opened(studio, studio.inputs.keep(encoded(picture)))
    found = kept.getpixel((2, 2))
    assert kept.mode in ("L", "RGB") and found in (seen, seen[0] if isinstance(seen, tuple) else seen)


def test_sound_is_kept_as_wav(studio):
    for format in ("WAV", "FLAC", "MP3", "OGG"):
        name = studio.inputs.keep(waves(channels=2, rate=16_000, format=format), "audio")
        info = soundfile.info(studio.inputs.find(name).path)
        assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_16", 16_000, 2), format
    floats = studio.inputs.keep(waves(subtype="FLOAT"))
    samples, _ = soundfile.read(studio.inputs.find(floats).path)
    assert 0.49 < samples.max() < 0.51 and studio.inputs.find(floats).medium == "audio"


GOOD = encoded(plain("green", (200, 200)), "JPEG")
BAD = {
    "nothing": (b"", "empty"),
    "text": (b"hello there, this is no file of that kind", "no picture"),
    "half a picture": (GOOD[: len(GOOD) // 2], "no picture that can be read"),
    "a document that runs programs": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "PNG, JPEG"),
    "an svg": (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "no picture"),
    "a wide one": (wide_png(8193, 4), "8193 x 4.*8192"),
    "a bomb": (wide_png(60_000, 60_000), "too big|60000"),
}


@pytest.mark.parametrize("data, words", BAD.values(), ids=BAD)
def test_what_is_no_fit_picture_is_refused_and_nothing_is_kept(studio, data, words):
    with pytest.raises(BadRequest, match=words) as caught:
        studio.inputs.keep(data, "image")
    assert caught.value.param == "file" and not [*studio.folder.glob("inputs/*")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no sound at all", "no sound.*WAV, FLAC"),
        (waves(format="FLAC")[:60], "sound"),
        (waves(seconds=601, rate=1000), "601 s.*600 s"),
        (waves(channels=6), "6 channels"),
        (waves(rate=192_000, seconds=0.01), "192,000.*96,000"),
        (waves(seconds=0), "empty"),
        (waves(subtype="FLOAT").replace(waves(subtype="FLOAT")[-400:], struct.pack("<f", numpy.nan) * 100), "no numbers"),
    ],
    ids=["noise", "cut", "long", "channels", "rate", "empty", "nan"],
)
def test_what_is_no_fit_sound_is_refused(studio, data, words):
    with pytest.raises(BadRequest, match=words):
        studio.inputs.keep(data, "audio")
    assert not [*studio.folder.glob("inputs/*")]


def test_too_many_bytes_are_refused_before_they_are_read(studio, tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(TooLarge, match="64 MB"):
        studio.inputs.keep(path, "image")


def test_a_medium_nobody_named_is_found_out():
    assert (medium_of(GOOD), medium_of(waves()), medium_of(wide_png(60_000, 60_000))) == ("image", "audio", "image")


@pytest.mark.parametrize("name", ["../studio.db", "/etc/passwd", "", "a" * 64 + ".png", "a" * 64 + ".png\n", "a" * 64 + ".exe", "%2e%2e/x"])
def test_a_name_leads_nowhere_else(studio, name):
    with pytest.raises(NotFound):
        studio.inputs.find(name)


def test_a_kept_file_is_its_users(studio):
    name = studio.inputs.keep(encoded(plain()), user="ann")
    assert studio.inputs.find(name, "ann").path.is_file()
    with pytest.raises(NotFound):
        studio.inputs.find(name, "bob")
    assert studio.inputs.keep(encoded(plain()), user="bob") == name
    assert studio.inputs.find(name, "bob").path == studio.inputs.find(name, "ann").path


def test_a_full_disk_keeps_no_half_file(studio, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GenerationFailed, match="full"):
        studio.inputs.keep(encoded(plain()))
    assert not [*(studio.folder / "inputs").iterdir()]


def made(finish, studio, user="", **request):
    job = studio.submit(Request(**{"model": "fake", "prompt": "x", **request}), user)
    return [event.record for event in finish(studio, job.id) if isinstance(event, Made)][0]


def test_a_kept_picture_reaches_the_engine_and_is_named_by_its_result(studio, finish):
    name = studio.inputs.keep(encoded(plain("#123456")))
    record = made(finish, studio, inputs={"image": name})
    assert Image.open(studio.file(record)).getpixel((0, 0)) == (0x12, 0x34, 0x56)
    assert record.inputs == {"image": name} and record.parents == []
    assert read_record(studio.file(record))["inputs"] == {"image": name[:64]}
    assert studio.job(record.job).request.inputs == {"image": name}


def test_a_picture_of_the_gallery_is_a_parent(studio, finish):
    first = made(finish, studio)
    second = made(finish, studio, inputs={"image": first.id}, parents=[first.id])
    mean = numpy.asarray(Image.open(studio.file(first))).mean((0, 1)).round()
    assert Image.open(studio.file(second)).getpixel((0, 0)) == tuple(mean)
    assert second.parents == [first.id]
    assert studio.inputs.take(studio.file(first), "image") == first.id, "the file of a result is known again"
    assert read_record(studio.file(second))["inputs"] == {"image": first.sha256}


def test_only_what_is_white_is_painted_anew(studio, finish):
    mask = plain(0, (32, 32), "L")
    mask.paste(255, (16, 16, 32, 32))
    names = {"image": studio.inputs.keep(encoded(plain())), "mask": studio.inputs.keep(encoded(mask))}
    pixels = numpy.asarray(Image.open(studio.file(made(finish, studio, inputs=names))))
    assert pixels[32:, :32].max() == 0 and pixels[32:, 32:].std() > 50


def test_a_clip_is_continued(studio, finish):
    name = studio.inputs.keep(waves(seconds=0.5), "audio")
    record = made(finish, studio, model="fake-music", inputs={"audio": name})
    assert soundfile.info(studio.file(record)).frames == 4000 + 8000


def test_a_job_that_was_interrupted_finds_its_files_again(new_studio, finish):
    first = new_studio()
    name = first.inputs.keep(encoded(plain("#0a0b0c")))
    job = first.submit(Request(model="fake", prompt="x", inputs={"image": name}, options={"steps": 9000, "delay": 0.1}))
    first.close()
    second = new_studio()
    assert second.job(job.id).state == "interrupted"
    again = second.submit(second.job(job.id).request.model_copy(update={"options": {}}))
    record = next(event.record for event in finish(second, again.id) if isinstance(event, Made))
    assert Image.open(second.file(record)).getpixel((0, 0)) == (10, 11, 12)


def test_a_file_that_went_away_fails_the_job_in_words(studio, finish):
    name = studio.inputs.keep(encoded(plain()))
    blocking = studio.submit(Request(model="fake", prompt="x", options={"steps": 9000, "delay": 0.05}))
    job = studio.submit(Request(model="fake", prompt="x", inputs={"image": name}))
    studio.inputs.find(name).path.unlink()
    studio.cancel(blocking.id)
    end = finish(studio, job.id)[-1]
    assert end.state == "failed" and "Give it again" in end.error


@pytest.mark.parametrize(
    ("model", "inputs", "parts"),
    [
        ("fake", {"picture": "x"}, ["'picture' is no input of Fake pictures", "image, mask, audio"]),
        ("fake", {"image": "../../etc/passwd"}, ["image is '../../etc/passwd'", "gallery"]),
        ("fake", {"image": "a" * 64 + ".png"}, ["image is", "Give it again"]),
        ("fake", {"image": "{sound}"}, ["image is", "which is audio", "takes image"]),
        ("fake", {"mask": "{picture}"}, ["mask", "without image"]),
    ],
)
def test_inputs_that_cannot_be_are_refused_by_name(studio, model, inputs, parts):
    there = {"sound": studio.inputs.keep(waves()), "picture": studio.inputs.keep(encoded(plain()))}
    inputs = {role: name.format(**there) for role, name in inputs.items()}
    with pytest.raises(BadRequest) as caught:
        studio.submit(Request(model=model, prompt="x", inputs=inputs))
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert caught.value.param == f"inputs.{next(iter(inputs))}" and studio.jobs() == []


def test_a_model_of_words_alone_says_so(studio):
    with pytest.raises(BadRequest, match="'image' is no input of Words.*words alone"):
        studio.inputs.check({"image": "x"}, {}, "Words")


def test_nobody_starts_from_what_is_anothers(studio, finish):
    hers = made(finish, studio, "ann")
    with pytest.raises(BadRequest, match="image is"):
        studio.submit(Request(model="fake", prompt="x", inputs={"image": hers.id}), "bob")
    assert studio.submit(Request(model="fake", prompt="x", inputs={"image": hers.id}), "ann").request.parents == [hers.id]


def test_files_that_nothing_came_of_go_after_a_day(studio, finish):
    used, fresh, old = (studio.inputs.keep(encoded(plain(colour))) for colour in ("red", "green", "blue"))
    made(finish, studio, inputs={"image": used})
    yesterday = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    with studio._database.transaction() as connection:
        connection.execute("UPDATE inputs SET created = ? WHERE name IN (?, ?)", (yesterday, used, old))
    studio.inputs.clear()
    assert {path.name for path in (studio.folder / "inputs").iterdir()} == {used, fresh}
    with pytest.raises(NotFound):
        studio.inputs.find(old)
    studio.gallery.delete(studio.gallery.list()[0].id)
    studio.inputs.clear()
    assert {path.name for path in (studio.folder / "inputs").iterdir()} == {fresh}
