"""Small pictures and drawings of what was made, from real files."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import soundfile
from PIL import Image

from studio import pictures
from studio.errors import BadRequest, NotFound
from studio.types import Note, Piece, Record

RATE = 16000


def record(path, medium="audio", **more):
    made = {"job": "j", "task": "t", "model": "m", "prompt": "", "seed": 1, "options": {}, "created": "2026-11-21", "seconds": 1.0}
    return Record(**{**made, "id": "r1", "medium": medium, "mime": "x/y", "bytes": 1, "sha256": "", "path": path, **more})


def tone(folder, hertz=1000.0, seconds=1.0, loud=0.5, rate=RATE, name="tone.wav"):
    time = np.arange(int(rate * seconds)) / rate
    soundfile.write(folder / name, (loud * np.sin(2 * np.pi * hertz * time)).astype(np.float32), rate)
    return name


def walk(folder, count=20):
    import av

    with av.open(str(folder / "walk.mp4"), "w") as video:
        stream = video.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width = stream.height = 64
        for number in range(count):
            frame = Image.new("RGB", (64, 64), (12 * number, 0, 0))
            video.mux(stream.encode(av.VideoFrame.from_image(frame)))
        video.mux(stream.encode())
    return "walk.mp4"


def midi(folder):
    import mido

    file, track = mido.MidiFile(ticks_per_beat=100), mido.MidiTrack()
    file.tracks.append(track)
    track += [mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90)), mido.MetaMessage("time_signature", numerator=3, denominator=4)]
    track += [mido.Message("program_change", channel=1, program=32)]
    track += [mido.Message("note_on", note=72, velocity=80), mido.Message("note_on", channel=1, note=36, velocity=70)]
    track += [mido.Message("note_on", channel=9, note=40, velocity=60), mido.Message("note_off", channel=9, note=40, time=50)]
    track += [mido.Message("note_on", note=72, velocity=0, time=100), mido.Message("note_off", channel=1, note=36, time=150)]
    file.save(folder / "tune.mid")
    return "tune.mid"


def test_a_thumbnail_is_small_and_keeps_its_shape(tmp_path):
    Image.new("RGB", (1600, 800), "red").save(tmp_path / "wide.png")
    with Image.open(pictures.preview(tmp_path, record("wide.png", "image"), "thumbnail")) as small:
        assert small.size == (384, 192) and small.getpixel((5, 5)) == (255, 0, 0)


def test_a_small_picture_is_not_enlarged(tmp_path):
    Image.new("L", (64, 64), 9).save(tmp_path / "small.png")
    with Image.open(pictures.preview(tmp_path, record("small.png", "image"), "thumbnail")) as small:
        assert small.size == (64, 64)


def test_a_picture_is_drawn_once_and_kept(tmp_path):
    source = record(tone(tmp_path))
    first = pictures.preview(tmp_path, source, "waveform")
    written = first.stat().st_mtime_ns
    (tmp_path / source.path).unlink()
    assert pictures.preview(tmp_path, source, "waveform") == first and first.stat().st_mtime_ns == written
    assert [path.name for path in (tmp_path / "thumbnails").iterdir()] == ["r1-waveform-light.svg"]


def test_a_video_shows_its_first_frame_and_a_strip_of_nine(tmp_path):
    video = record(walk(tmp_path), "video")
    with Image.open(pictures.preview(tmp_path, video, "thumbnail")) as first:
        assert first.size == (64, 64) and first.getpixel((32, 32))[0] < 12
    with Image.open(pictures.preview(tmp_path, video, "strip")) as strip:
        reds = [strip.getpixel((192 * n + 96, 96))[0] for n in range(9)]
    assert strip.size == (9 * 192, 192)
    assert reds == sorted(reds) and reds[-1] == pytest.approx(12 * 19, abs=8)


def test_a_short_video_has_a_short_strip(tmp_path):
    with Image.open(pictures.preview(tmp_path, record(walk(tmp_path, 3), "video"), "strip")) as strip:
        assert strip.width == 3 * 192


def test_peaks_follow_the_loudness_and_silence_stays_silent(tmp_path):
    samples = np.concatenate([np.full(8000, 0.4), np.full(8000, -0.2), np.zeros(8000)]).astype(np.float32)
    soundfile.write(tmp_path / "steps.flac", np.stack([samples, samples], axis=1), RATE)
    assert pictures.peaks(tmp_path / "steps.flac", 3) == pytest.approx([1, 0.5, 0], abs=1e-3)
    soundfile.write(tmp_path / "hush.wav", np.full(800, 1e-4, np.float32), RATE)
    assert pictures.peaks(tmp_path / "hush.wav", 4).max() < 0.02


@pytest.mark.parametrize("frames", [1, 50, 3000])
def test_a_sound_of_any_length_is_drawn(tmp_path, frames):
    soundfile.write(tmp_path / "short.wav", np.zeros(frames, np.float32), RATE)
    for kind in ("thumbnail", "waveform", "spectrogram"):
        assert pictures.preview(tmp_path, record("short.wav"), kind).stat().st_size > 0


def test_the_waveform_is_an_svg_in_the_theme_s_grey(tmp_path):
    for theme, grey in (("light", "#838C86"), ("dark", "#77817B")):
        drawn = ElementTree.parse(pictures.preview(tmp_path, record(tone(tmp_path)), "waveform", theme)).getroot()
        assert drawn[0].get("fill") == grey and len(drawn[0]) == 200


@pytest.mark.parametrize("hertz", [500, 3000])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_a_tone_stands_at_its_own_height_of_the_spectrogram(tmp_path, hertz, rate):
    source = tmp_path / tone(tmp_path, hertz, rate=rate)
    level = pictures.levels(source)
    loudest = level[:, level.shape[1] // 2].argmax() / (len(level) - 1) * pictures.sound(source).top
    assert loudest == pytest.approx(hertz, abs=30)


def test_the_spectrogram_s_two_colourings_have_the_page_s_ground(tmp_path):
    source = record(tone(tmp_path))
    for theme, ground in (("light", (238, 240, 237)), ("dark", (11, 13, 12))):
        with Image.open(pictures.preview(tmp_path, source, "spectrogram", theme)) as picture:
            assert picture.size == (1200, 300) and picture.getpixel((600, 5)) == pytest.approx(ground, abs=3)


def test_sound_tells_length_and_top_frequency(tmp_path):
    low = pictures.sound(tmp_path / tone(tmp_path, seconds=2.5, rate=8000))
    assert low == (2.5, 8000) and low.top == 4000
    assert pictures.sound(tmp_path / tone(tmp_path, rate=44100)).top == 8000


def test_notes_are_read_from_a_midi_file(tmp_path):
    piece = pictures.read_notes(tmp_path / midi(tmp_path))
    assert round(piece.tempo) == 90 and piece.beats_per_bar == 3
    notes = sorted(piece.notes, key=lambda note: note.pitch)
    assert [(note.pitch, note.velocity, note.program) for note in notes] == [(36, 70, 32), (40, 60, 128), (72, 80, 0)]
    assert [note.duration for note in notes] == pytest.approx([2.0, 1 / 3, 1.0], abs=1e-3)


def test_the_highest_part_is_the_melody():
    piece = Piece(tuple(Note(0, 1, pitch, program=program) for pitch, program in [(76, 40), (60, 0), (40, 32), (38, 128)]))
    assert pictures.parts(piece) == {40: "melody", 0: "chords", 32: "bass", 128: "drums"}
    assert pictures.parts(Piece((Note(0, 1, 40, program=5),))) == {5: "melody"}


def test_a_few_high_notes_are_no_melody():
    tune = [Note(number / 2, 0.5, 72, program=0) for number in range(30)]
    assert pictures.parts(Piece((*tune, Note(0, 1, 96, program=9), Note(1, 1, 30, program=32)))) == {0: "melody", 9: "chords", 32: "chords"}


def test_a_roll_holds_every_note_at_its_place():
    roll = pictures.Roll(Piece((Note(0.0, 0.5, 60), Note(1.5, 0.5, 72)), tempo=120, beats_per_bar=2))
    notes = [shape for shape in ElementTree.fromstring(roll.svg()) if shape.get("class") == "melody"]
    assert [float(note.get("x")) for note in notes] == [0.0, 1.5]
    assert (roll.bars, roll.bar, roll.seconds) == (2, 1.0, 2.0)
    assert roll.octaves() == [("C4", pytest.approx(14.5 / 17)), ("C5", pytest.approx(2.5 / 17))]


def test_an_empty_piece_is_drawn_as_an_empty_bar():
    assert pictures.Roll(Piece(())).bars == 1


def test_the_roll_of_a_file_brings_its_own_colours(tmp_path):
    source = record(tone(tmp_path), files={"mid": midi(tmp_path)})
    assert "#0c6b58" in pictures.preview(tmp_path, source, "roll").read_text()
    assert "#5cc9ae" in pictures.preview(tmp_path, source, "roll", "dark").read_text()


def test_a_kind_that_does_not_fit_is_refused_with_those_that_do(tmp_path):
    with pytest.raises(NotFound, match="image has thumbnail"):
        pictures.preview(tmp_path, record("a.png", "image"), "spectrogram")
    with pytest.raises(NotFound, match="audio has thumbnail, waveform, spectrogram"):
        pictures.preview(tmp_path, record("a.wav"), "roll")
    with pytest.raises(NotFound, match="text has no pictures"):
        pictures.preview(tmp_path, record("a.txt", "text"), "thumbnail")
    with pytest.raises(BadRequest, match="light or dark"):
        pictures.preview(tmp_path, record("a.png", "image"), "thumbnail", "../../etc")


@pytest.mark.parametrize("medium, kind", [("image", "thumbnail"), ("video", "strip"), ("audio", "waveform"), ("audio", "spectrogram")])
def test_a_damaged_or_missing_file_is_said_so(tmp_path, medium, kind):
    with pytest.raises(NotFound, match="gone"):
        pictures.preview(tmp_path, record("none", medium), kind)
    (tmp_path / "bad").write_bytes(b"RIFF no such thing" * 9)
    with pytest.raises(NotFound, match="damaged"):
        pictures.preview(tmp_path, record("bad", medium), kind)
    assert not list(tmp_path.glob("thumbnails/*"))


def test_a_cut_picture_and_a_wrong_midi_file_are_damaged(tmp_path):
    Image.effect_noise((300, 300), 90).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:5000])
    (tmp_path / "bad.mid").write_bytes(b"MThd\0\0\0\6\0\1")
    with pytest.raises(NotFound, match="damaged"):
        pictures.preview(tmp_path, record("cut.png", "image"), "thumbnail")
    with pytest.raises(NotFound, match="damaged"):
        pictures.preview(tmp_path, record("a.wav", files={"mid": "bad.mid"}), "roll")
