"""The scenes starter's own CLIP tokenizer: every word of the captions is one token, any other word is spelt.

Knows how a byte-pair vocabulary is built from captions. Does not know what the words mean.
"""

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

LONGEST = 32  # tokens of a caption, with those of its beginning and end
VOCABULARY = 700
PIECES = Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
SPELLING = "abcdefghijklmnopqrstuvwxyz0123456789.,!?-'\"()"
BEGIN, END, LAST = "<|startoftext|>", "<|endoftext|>", "</w>"


def build(captions: Iterable[str]) -> CLIPTokenizer:
    """Learn a vocabulary in which the captions' words are whole."""
    byte_pairs = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix=LAST, continuing_subword_prefix=""))
    byte_pairs.normalizer = normalizers.Lowercase()
    byte_pairs.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(PIECES, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=2,
        special_tokens=[BEGIN, END],
        initial_alphabet=alphabet,
        end_of_word_suffix=LAST,
        show_progress=False,
    )
    byte_pairs.train_from_iterator([*captions, *SPELLING, *SPELLING, *SPELLING], trainer)
    return CLIPTokenizer(vocab=_with_letters(byte_pairs, alphabet), merges=_merges(byte_pairs), model_max_length=LONGEST)


def _with_letters(byte_pairs: Tokenizer, alphabet: list[str]) -> dict[str, int]:
    """The vocabulary and, where one is missing, each byte as a piece within and at the end of a word."""
    vocabulary = byte_pairs.get_vocab()
    for letter in sorted(alphabet):
        for piece in (letter, letter + LAST):
            vocabulary.setdefault(piece, len(vocabulary))
    return vocabulary


def _merges(byte_pairs: Tokenizer) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in json.loads(byte_pairs.to_str())["model"]["merges"]]


def words(tokenizer: CLIPTokenizer, captions: Iterable[str]) -> list[str]:
    """Return the words of the captions that are whole tokens, in alphabetical order."""
    known = tokenizer.get_vocab()
    return sorted({word for caption in captions for word in caption.split() if word + LAST in known})
