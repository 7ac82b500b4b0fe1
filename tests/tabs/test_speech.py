"""The Speech tab and with it sound as it is shown: waveform, spectrogram, player, downloads."""

import numpy as np
import pytest
import soundfile

from studio.tabs import _sound as sound
from studio.tabs import speech
from studio.tabs._generate import Bench
from studio.types import Request
from tests.tabs.conftest import clicked, everything, merged


@pytest.fixture
def bench(page_of):
    return page_of(lambda page: Bench(page, speech.trade(page)).build())


@pytest.fixture
def spoken(bench, visitor):
    """A recording, and the page that shows it."""
    defaults = bench.controls.defaults(bench.studio.model("fake-speech").spec)
    held = [defaults[name] for name in bench.controls.families["fake"].controls]
    update = bench.submit(visitor, [], "The tide comes in.", "fake-speech", 7, *held)
    shown = merged([update, *everything(bench.follow(visitor, update[bench.mine]))])
    return bench.studio.gallery.list()[0], shown


def test_a_recording_has_waveform_spectrogram_and_player(bench, spoken):
    record, shown = spoken
    stage = shown[bench.stage]
    assert f"v1/gallery/{record.id}/preview?kind=waveform" in stage
    assert "kind=spectrogram&theme=light" in stage and "kind=spectrogram&theme=dark" in stage
    assert f'<audio controls preload="metadata" src="v1/gallery/{record.id}/file" aria-label="Player: The tide comes in."' in stage
    assert 'data-seconds="0.500"' in stage and "Length</dt><dd>0.5 s" in shown[bench.about]


def test_a_recording_is_downloaded_in_three_formats(bench, spoken):
    record, shown = spoken
    for format in ("wav", "flac", "mp3"):
        assert f'href="v1/gallery/{record.id}/file?format={format}" download' in shown[bench.about]


def test_the_strip_has_a_small_waveform_with_words_and_length(bench, spoken):
    _, shown = spoken
    assert "kind=thumbnail" in shown[bench.strip] and "0.5 s, just now" in shown[bench.strip]


def test_a_recording_whose_file_is_gone_or_damaged_is_said_so(bench, spoken):
    record, _ = spoken
    path = bench.studio.folder / record.path
    path.write_bytes(b"no sound")
    assert "cannot be shown" in sound.show(bench.studio, record) and sound.facts(bench.studio, record) == []
    path.unlink()
    assert "no longer there" in sound.show(bench.studio, record)


def several(bench, record, count=3):
    """Return a recording of several parts, as the speech engine tells of them."""
    parts = [{"text": f"Part {number} & more.", "start": number, "end": number + 1, "seed": 40 + number} for number in range(count)]
    return record.model_copy(update={"facts": {"parts": parts}})


def test_each_part_can_be_spoken_again(bench, spoken):
    record = several(bench, spoken[0])
    html = speech.parts_of(record)
    assert html.count('data-act="again"') == 3 and 'data-text="2"' in html and "Part 0 &amp; more." in html
    assert speech.parts_of(several(bench, record, 1)) == "" == speech.parts_of(spoken[0])


def test_a_part_spoken_again_keeps_the_seeds_of_the_others(page_of, visitor, monkeypatch):
    bench = page_of(lambda page: speech.SpeechBench(page, speech.trade(page)).build())
    job = bench.studio.submit(Request(model="fake-speech", prompt="The tide comes in.", seed=7), "")
    list(bench.studio.follow(job.id))
    record = several(bench, bench.studio.gallery.list()[0])
    monkeypatch.setattr(bench, "record", lambda name, request: record)
    submitted = []
    monkeypatch.setattr(bench, "submitted", lambda wanted, *rest: submitted.append(wanted) or {})
    bench.on_about(clicked(act="again", id=record.id, text="1"), visitor, [])
    again = submitted[0]
    assert again.seed == 7 and again.parents == [record.id] and again.prompt == "The tide comes in."
    assert again.options["seeds"][0::2] == [40, 42] and again.options["seeds"][1] != 41
    record = record.model_copy(update={"options": again.options})
    monkeypatch.setattr(bench, "record", lambda name, request: record)
    bench.on_about(clicked(act="vary", id=record.id), visitor, [])
    assert submitted[1].seed is None and "seeds" not in submitted[1].options


def test_voices_are_named_with_their_language():
    assert speech.voice_said({"id": "a", "name": "Anna", "language": "English"}) == "Anna, English"
    assert speech.voice_said({"id": "a", "name": "English 1", "language": "English"}) == "English 1"
    assert speech.voice_said({"id": "a", "name": "Anna"}) == "Anna"


@pytest.mark.parametrize("seconds, step", [(0.05, 0.01), (0.5, 0.1), (4.2, 0.5), (9, 1), (25, 5), (61, 10), (600, 100)])
def test_the_axis_has_round_steps(seconds, step):
    assert sound.step_of(seconds) == pytest.approx(step)
    marks = sound.axis(seconds).count("<span")
    assert 2 <= marks <= sound.TICKS + 1


def test_a_sound_without_a_length_has_an_axis(tmp_path, bench, spoken):
    record, _ = spoken
    soundfile.write(bench.studio.folder / record.path, np.zeros(0, np.float32), 16000)
    assert "<audio" in sound.show(bench.studio, record)
