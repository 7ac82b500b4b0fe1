"""Thoughts and answers, in pieces of every size."""

import pytest

from studio.engines._thinking import Thoughts

QWEN = "<think>\nTwo and two.\n</think>\n\nFour."
CHANNELS = "<|channel|>analysis<|message|>Two and two.<|end|><|start|>assistant<|channel|>final<|message|>Four."


def parted(text, size, **more):
    thoughts = Thoughts(**more)
    said = "".join(thoughts.take(text[begin : begin + size]) for begin in range(0, len(text), size)) + thoughts.rest()
    return thoughts.text, said


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_thoughts_are_taken_out_whatever_the_pieces(size):
    assert parted(QWEN, size) == ("\nTwo and two.\n", "\n\nFour.")
    assert parted(CHANNELS, size) == ("Two and two.", "Four.")


def test_a_prompt_that_ends_with_the_mark_begins_in_thought():
    assert parted("hm</think>yes", 4, thinking=True) == ("hm", "yes")


def test_text_without_marks_is_said_as_it_is():
    assert parted("a < b and <thin", 1) == ("", "a < b and <thin")


def test_an_answer_can_come_without_a_thought():
    assert parted("<|channel|>final<|message|>Four.", 5) == ("", "Four.")


def test_the_beginning_of_a_mark_waits_and_nothing_else_does():
    thoughts = Thoughts()
    assert thoughts.take("yes<th") == "yes"
    assert thoughts.take("ink>no") == "" and thoughts.text == "no"
