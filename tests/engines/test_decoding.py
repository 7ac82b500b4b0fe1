"""Tokens become text: whole characters, no part of a stop string."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from studio.engines._decoding import BROKEN, Decoder


@pytest.fixture(scope="module")
def tokenizer():
    """One token a byte, and <|end|>."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>")


def pieces(decoder, tokens):
    """Return what the decoder says after each token and at the end."""
    said = []
    for token in tokens:
        said.append(decoder.take(token))
        if decoder.stopped:
            break
    return [*said, decoder.rest()]


def tokens_of(tokenizer, text):
    return tokenizer(text)["input_ids"]


@pytest.mark.parametrize("text", ["Once upon a time.", "Æble, ræv, smørrebrød", "雪が降る", "fox 🦊 and 👩‍👩‍👧 end"])
def test_characters_come_whole(tokenizer, text):
    said = pieces(Decoder(tokenizer), tokens_of(tokenizer, text))
    assert "".join(said) == text
    assert BROKEN not in "".join(said)
    assert sum(bool(piece) for piece in said) == len(text)


def test_half_a_character_at_the_end_is_left_out(tokenizer):
    assert "".join(pieces(Decoder(tokenizer), tokens_of(tokenizer, "fox 🦊")[:-2])) == "fox "


def test_special_tokens_are_not_said(tokenizer):
    assert "".join(pieces(Decoder(tokenizer), [*tokens_of(tokenizer, "ab"), tokenizer.eos_token_id])) == "ab"


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("one. two. three", ["two"], "one. "),
        ("one\nUser: two", ["\nUser:"], "one"),
        ("aab", ["ab"], "a"),
        ("aaab", ["aab"], "a"),
        ("a 🦊 b", ["🦊"], "a "),
        ("stop", ["stop"], ""),
        ("a STO", ["STOP"], "a STO"),
        ("xyz", ["yz", "y"], "x"),
        ("nothing", ["", "else"], "nothing"),
    ],
)
def test_stop_strings(tokenizer, text, stops, expected):
    said = pieces(Decoder(tokenizer, stops=stops), tokens_of(tokenizer, text))
    assert "".join(said) == expected


def test_no_piece_holds_a_part_of_a_stop_string(tokenizer):
    decoder = Decoder(tokenizer, stops=["END."])
    assert [decoder.take(token) for token in tokens_of(tokenizer, "EN, END.")] == ["", "", "EN,", " ", "", "", "", ""]
    assert decoder.stopped and decoder.rest() == ""


def test_a_stop_string_in_the_prompt_does_not_count(tokenizer):
    decoder = Decoder(tokenizer, tokens_of(tokenizer, "User: hello\nUser:"), ["User:"])
    assert "".join(pieces(decoder, tokens_of(tokenizer, " hi"))) == " hi"


def test_strip_leaves_out_leading_white_space_only(tokenizer):
    assert "".join(pieces(Decoder(tokenizer, strip=True), tokens_of(tokenizer, " \n hello there "))) == "hello there "


def test_the_first_word_keeps_its_space_where_decoding_would_drop_it():
    bpe = Tokenizer(models.BPE(vocab={"▁": 0, "a": 1, "b": 2, "▁a": 3, "▁b": 4}, merges=[("▁", "a"), ("▁", "b")]))
    bpe.pre_tokenizer = pre_tokenizers.Metaspace()
    bpe.decoder = decoders.Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe)
    assert tokenizer.decode([4]) == "b"
    assert Decoder(tokenizer, [3]).take(4) == " b"
