"""The scenes starter: its pictures, its words, its shipped weights, and that its recipe runs."""

import re

import numpy
import pytest
import torch
from PIL import Image
from transformers import CLIPTokenizer

from studio import starters
from studio.starters import scenes, scenes_tokenizer
from studio.starters.__main__ import main
from studio.starters.scenes_drawing import picture
from studio.starters.scenes_networks import Networks
from studio.starters.scenes_words import COLOURS, counted

CAPTIONS = [picture(seed)[1] for seed in range(600)]


def test_a_seed_always_gives_the_same_picture_and_caption():
    for seed in range(20):
        (first, caption), (second, again) = picture(seed), picture(seed)
        assert caption == again and numpy.array_equal(first, second)
        assert first.shape == (64, 64, 3) and first.dtype == numpy.uint8


def test_captions_say_what_is_drawn():
    pattern = re.compile(r"an? big (\w+) (circle|square|diamond) on an? (\w+) background")
    said = [(seed, pattern.fullmatch(caption)) for seed, caption in enumerate(CAPTIONS)]
    found = [(seed, match[1], match[3]) for seed, match in said if match]
    assert len(found) > 5
    for seed, colour, background in found:
        pixels, _ = picture(seed)
        assert numpy.abs(pixels[32, 32] - numpy.array(COLOURS[colour], float)).max() <= 11
        assert numpy.abs(pixels[0, 0] - numpy.array(COLOURS[background], float)).max() <= 9


@pytest.mark.parametrize(
    ("count", "name", "said"), [(1, "orange cat", "an orange cat"), (2, "red star", "two red stars"), (3, "red cross", "three red crosses")]
)
def test_things_are_counted_in_english(count, name, said):
    assert counted(count, name) == said


def test_captions_seldom_repeat():
    assert len(set(CAPTIONS)) > 0.8 * len(CAPTIONS)


def shipped_tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(starters.weights("scenes") / "tokenizer")


def test_every_word_of_the_captions_is_one_token_of_the_shipped_tokenizer():
    spoken = {word for caption in CAPTIONS for word in caption.split()}
    assert set(scenes_tokenizer.words(shipped_tokenizer(), CAPTIONS)) == spoken
    assert max(len(shipped_tokenizer()(caption).input_ids) for caption in CAPTIONS) <= scenes_tokenizer.LONGEST


def test_a_new_tokenizer_keeps_words_whole_and_spells_strange_ones():
    tokenizer = scenes_tokenizer.build(CAPTIONS)
    assert tokenizer.tokenize("a red circle") == ["a</w>", "red</w>", "circle</w>"]
    strange = tokenizer.tokenize("Zeppelin!")
    assert len(strange) > 2 and "<|endoftext|>" not in strange


def test_the_prompts_of_the_sheet_use_known_words_only():
    known = set(scenes_tokenizer.words(shipped_tokenizer(), CAPTIONS))
    assert {word for prompt in scenes.PROMPTS for word in prompt.split()} <= known


def test_the_model_card_lists_every_word():
    card = (starters.weights("scenes") / "README.md").read_text()
    assert all(f"`{word}`" in card for word in scenes_tokenizer.words(shipped_tokenizer(), CAPTIONS))


def test_the_shipped_weights_follow_the_colours_asked_for():
    pipeline = Networks.read(starters.weights("scenes")).pipeline()
    made = pipeline(
        ["a red circle on a blue background", "a yellow star on a green background"],
        num_inference_steps=6,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(1),
    ).images
    (red_corner, red_middle), (green_corner, yellow_middle) = (corner_and_middle(image) for image in made)
    assert red_corner.argmax() == 2 and red_middle.argmax() == 0
    assert green_corner.argmax() == 1 and yellow_middle[2] < 120 < yellow_middle[0]


def corner_and_middle(image: Image.Image) -> tuple[numpy.ndarray, numpy.ndarray]:
    pixels = numpy.asarray(image).astype(float)
    return pixels[:8, :8].mean((0, 1)), pixels[28:36, 28:36].mean((0, 1))


def test_the_learning_rate_rises_holds_and_falls():
    assert scenes.slowing(0.0, 0, 0.5) == pytest.approx(1 / 30)
    assert scenes.slowing(0.3, 1000, 0.5) == 1
    assert scenes.slowing(0.75, 1000, 0.5) == pytest.approx(0.5)
    assert scenes.slowing(1.0, 1000, 0.5) == pytest.approx(0.02)


def test_a_run_writes_a_pipeline_and_goes_on_from_it(tmp_path):
    given = ["scenes", "--minutes", "0.005", "--threads", "1", "--out", str(tmp_path / "out"), "--weights", str(tmp_path / "weights")]
    main(given)
    first = Networks.read(tmp_path / "weights")
    assert first.vae.config.latent_channels == 8
    assert "_name_or_path" not in "".join(file.read_text() for file in (tmp_path / "weights").rglob("*.json"))
    main([*given, "--resume"])
    assert (tmp_path / "out" / "sheet.png").is_file()
    second = Networks.read(tmp_path / "weights")
    assert all(torch.equal(one, other) for one, other in zip(first.vae.parameters(), second.vae.parameters(), strict=True))
