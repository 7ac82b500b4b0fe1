"""Files carry their record, are whole or absent, and are the same for the same request."""

import errno
import io
import json
import os
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
import soundfile
from PIL import Image

from studio import formats, media
from studio.errors import BadRequest, GenerationFailed
from studio.types import Artifact, Audio, Note, Piece, Video

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
RECORD = {
    "job": "j1",
    "task": "text-to-image",
    "model": "starter-scenes",
    "title": "Starter pictures",
    "revision": "abc",
    "prompt": 'two red circles, a "small" tree\nunder a blaue Wolke über 山',
    "negative_prompt": "blur",
    "seed": 7,
    "options": {"steps": 4, "guidance_scale": 3.5, "width": 24, "hf_token": "hf_secret", "max_new_tokens": 9, "key": "C minor"},
    "facts": {"sampler": "ddim", "tokens_per_second": 3.1},
    "created": "2026-01-01T00:00:00Z",
    "seconds": 1.5,
}
CARRIED = {key: value for key, value in RECORD.items() if key not in ("job", "created", "seconds")} | {
    "options": {key: value for key, value in RECORD["options"].items() if key != "hf_token"},
    "facts": {"sampler": "ddim"},
    "ai_generated": True,
}


def picture():
    return Image.fromarray(np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3))


def sound(channels=1, rate=22050):
    wave = np.sin(np.arange(rate // 2) / 20).astype(np.float32) * 0.5
    return Audio(np.repeat(wave[:, None], channels, axis=1), rate)


def results():
    frames = [Image.new("RGB", (25, 17), (shade, 0, 90)) for shade in range(0, 250, 50)]
    return {"image": picture(), "audio": sound(), "text": "A story.\n---\nIts end.", "video": Video(frames, 10)}


@pytest.mark.parametrize("medium", media.EXTENSIONS)
def test_every_file_carries_its_record_and_no_secret(tmp_path, medium):
    saved = media.save(Artifact(medium, results()[medium], 7, {"a": 1}), RECORD, tmp_path / "2026", "thing")
    path = tmp_path / "2026" / f"thing.{media.EXTENSIONS[medium]}"
    data = path.read_bytes()
    assert saved.paths == (str(path),) and saved.bytes == len(data) and saved.mime == media.MIMES[path.suffix[1:]]
    assert (saved.medium, saved.seed, saved.facts) == (medium, 7, {"a": 1})
    assert media.read_record(path) == CARRIED
    assert formats.DIGITAL_SOURCE.encode() in data and b"hf_secret" not in data
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("medium", media.EXTENSIONS)
def test_the_same_request_gives_the_same_bytes(tmp_path, medium):
    first = media.save(Artifact(medium, results()[medium], 7), RECORD, tmp_path, "first")
    later = RECORD | {"job": "j2", "created": "later", "seconds": 9.0}
    again = media.save(Artifact(medium, results()[medium], 7), later, tmp_path, "again")
    assert first.sha256 == again.sha256


def test_a_picture_is_kept_exactly_and_says_what_other_tools_read(tmp_path):
    saved = media.save(Artifact("image", picture(), 7), RECORD, tmp_path, "p")
    with Image.open(saved.paths[0]) as kept:
        assert np.array_equal(np.asarray(kept), np.asarray(picture()))
        *lines, last = kept.text["parameters"].split("\n")
        assert "trainedAlgorithmicMedia" in kept.text["XML:com.adobe.xmp"]
        assert ElementTree.fromstring(kept.text["XML:com.adobe.xmp"].split("?>", 1)[1])[0][0].get(IPTC) == formats.DIGITAL_SOURCE
    assert "\n".join(lines) == RECORD["prompt"] + "\nNegative prompt: blur"
    assert last == f"Steps: 4, Sampler: ddim, CFG scale: 3.5, Seed: 7, Size: 24x16, Model: starter-scenes, Version: {formats.SOFTWARE}"


def test_text_is_read_back_without_its_front_matter(tmp_path):
    text = "---\nnot: front matter\n---\r\n end \n\n"
    saved = media.save(Artifact("text", text, 1), RECORD, tmp_path, "t")
    assert media.read_text(saved.paths[0]) == text


def test_sound_keeps_its_samples_and_its_tags(tmp_path):
    saved = media.save(Artifact("audio", sound(2), 7), RECORD, tmp_path, "s")
    samples, rate = soundfile.read(saved.paths[0], always_2d=True)
    assert rate == 22050 and np.abs(samples - sound(2).samples).max() < 2 / 32768
    with soundfile.SoundFile(saved.paths[0]) as file:
        assert file.artist == "Starter pictures" and file.software == formats.SOFTWARE
        assert file.title == " ".join(RECORD["prompt"].split()) and file.comment.startswith("AI-generated")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("format", media.SOUND_FORMATS)
def test_sound_can_be_had_in_other_formats_with_the_same_record(tmp_path, format, channels):
    source = media.save(Artifact("audio", sound(channels), 7), RECORD, tmp_path, "s").paths[0]
    first, again = (media.convert(source, format, tmp_path / name / f"out.{format}") for name in "ab")
    samples, rate = soundfile.read(first, always_2d=True)
    assert media.read_record(first) == CARRIED
    assert samples.shape[1] == channels and samples.std() == pytest.approx(0.3536, abs=0.02)
    assert len(samples) / rate == pytest.approx(0.5, abs=0.06)
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus"])
def test_a_very_long_prompt_is_carried_whole(tmp_path, format):
    record = RECORD | {"prompt": 'ä"x, ' * 20_000}
    source = media.save(Artifact("audio", sound(), 7), record, tmp_path, "s").paths[0]
    made = media.convert(source, format, tmp_path / f"long.{format}")
    assert media.read_record(made)["prompt"] == record["prompt"]
    assert soundfile.info(made).duration == pytest.approx(0.5, abs=0.06)


def test_an_unknown_format_of_sound_is_refused_by_name(tmp_path):
    with pytest.raises(BadRequest, match="'aac'") as caught:
        media.convert(tmp_path / "s.wav", "aac", tmp_path / "s.aac")
    assert caught.value.param == "response_format"


def test_a_rate_a_format_cannot_hold_is_refused(tmp_path):
    source = media.save(Artifact("audio", sound(rate=13_000), 7), RECORD, tmp_path, "s").paths[0]
    with pytest.raises(BadRequest, match="13000 Hz"):
        media.convert(source, "mp3", tmp_path / "s.mp3")
    assert soundfile.info(media.convert(source, "opus", tmp_path / "s.opus")).samplerate == 48_000


def test_notes_lie_beside_the_sound_and_carry_the_record(tmp_path):
    piece = Piece((Note(0.0, 0.5, 60), Note(0.5, 0.5, 64, program=24)), tempo=90.0)
    saved = media.save(Artifact("audio", sound(), 7, piece=piece), RECORD, tmp_path, "m")
    assert [path[-5:] for path in saved.paths] == ["m.wav", "m.mid"]
    assert media.read_record(saved.paths[1]) == CARRIED
    pitches = [message.note for message in mido.MidiFile(saved.paths[1]) if message.type == "note_on" and message.velocity]
    assert pitches == [60, 64]


BROKEN = {
    "no picture": ("image", np.zeros((4, 4, 3))),
    "not numbers": ("audio", Audio(np.array([[0.0], [np.nan]], np.float32), 22050)),
    "wrong shape": ("audio", Audio(np.zeros(100, np.float32), 22050)),
    "no samples": ("audio", Audio(np.zeros((0, 1), np.float32), 22050)),
    "no text": ("text", None),
    "no frames": ("video", Video([], 10)),
    "frames that differ": ("video", Video([Image.new("RGB", (8, 8)), Image.new("RGB", (9, 8))], 10)),
}


@pytest.mark.parametrize(("medium", "data"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_used_is_refused_and_leaves_no_file(tmp_path, medium, data):
    with pytest.raises(GenerationFailed):
        media.save(Artifact(medium, data, 1), RECORD, tmp_path, "x")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_with_its_figures_and_leaves_nothing(tmp_path, monkeypatch):
    synced = iter([None, OSError(errno.ENOSPC, "No space left on device")])

    def fsync(handle, real=os.fsync):
        if os.path.isfile(f"/proc/self/fd/{handle}") and (error := next(synced)):
            raise error
        real(handle)

    monkeypatch.setattr(media.os, "fsync", fsync)
    piece = Piece((Note(0.0, 0.5, 60),))
    with pytest.raises(GenerationFailed, match=r"disk is full: x.mid needs .* are free in"):
        media.save(Artifact("audio", sound(), 1, piece=piece), RECORD, tmp_path, "x")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(GenerationFailed, match="cannot be written"):
        media.save(Artifact("text", "a", 1), RECORD, tmp_path / "data", "x")


def test_files_of_others_have_no_record(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    soundfile.write(tmp_path / "a.wav", np.zeros(10), 8000)
    (tmp_path / "a.txt").write_text("---\nonly a line\n")
    (tmp_path / "b.txt").write_text("---\n: [\n---\n")
    (tmp_path / "b.png").write_bytes(b"\x89PNG broken")
    (tmp_path / "b.mid").write_bytes(b"no notes")
    for path in tmp_path.iterdir():
        assert media.read_record(path) is None, path
    with pytest.raises(FileNotFoundError):
        media.read_record(tmp_path / "missing.png")


def test_a_png_survives_being_read_as_json(tmp_path):
    saved = media.save(Artifact("image", picture(), 7), RECORD, tmp_path, "p")
    with Image.open(io.BytesIO(open(saved.paths[0], "rb").read())) as kept:
        assert json.loads(kept.info["studio"])["seed"] == 7
