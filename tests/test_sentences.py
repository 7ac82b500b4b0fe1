"""Texts as people paste them."""

import pytest

from studio.sentences import Part, parts, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there. How are you? Fine!", ["Hello there.", "How are you?", "Fine!"]),
        ("Dr. Smith met Mrs. Jones at 3.30 p.m. on St. Martin's day.", ["Dr. Smith met Mrs. Jones at 3.30 p.m. on St. Martin's day."]),
        ("J. R. Smith wrote it. It sold well.", ["J. R. Smith wrote it.", "It sold well."]),
        ('"Stop!" she said. "Why?"', ['"Stop!" she said.', '"Why?"']),
        ("Wait... what?! No way. never mind.", ["Wait... what?!", "No way.", "never mind."]),
        ("A title\n\nThen some text\nover two lines.", ["A title", "Then some text over two lines."]),
        ("今日は。元気ですか？はい", ["今日は。", "元気ですか？", "はい"]),
        ("यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]),
        ("so do I. You too.", ["so do I.", "You too."]),
        ("no end mark", ["no end mark"]),
        ("  \n ", []),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_a_long_sentence_is_cut_at_its_pauses():
    text = "When the rain had stopped, we went out to the garden; there, under the old tree, we found a bird."
    assert parts(text, longest=60) == [
        Part("When the rain had stopped, we went out to the garden;", ends=False),
        Part("there, under the old tree, we found a bird."),
    ]


def test_no_part_is_longer_than_asked_and_no_word_is_lost():
    text = ("word " * 300).strip() + ". " + "x" * 130
    cut = parts(text, longest=50)
    assert max(len(part.text) for part in cut) <= 50
    assert "".join(part.text for part in cut).replace(" ", "") == text.replace(" ", "")
    assert [part.ends for part in cut].count(True) == 2
