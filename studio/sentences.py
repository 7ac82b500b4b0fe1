"""Cuts a long text into parts that can be spoken one after another: sentences, and pieces of very long ones.

Knows punctuation in several scripts. Does not know pronunciation.
"""

import re
from typing import NamedTuple

LONGEST = 240  # characters of a part
ENDS = ".!?…。！？؟।॥"
CLOSERS = "\"'”’»›)]}」』"
WIDE_ENDS = "。！？"  # no space follows these
ABBREVIATIONS = "mr mrs ms dr prof st jr sr vs etc e.g i.e no fig al inc ltd co dept approx z.b bzw usw ca d.h p.m a.m u.s u.k"

_END = re.compile(rf"[{re.escape(ENDS)}]+[{re.escape(CLOSERS)}]*(?=\s|$)|[{WIDE_ENDS}]+[{re.escape(CLOSERS)}]*")
_PAUSES = (re.compile(r"(?<=[;:])\s+|(?<=[；：])"), re.compile(r"(?<=,)\s+|\s+[–—-]\s+|(?<=[，、،])"), re.compile(r"\s+"))


class Part(NamedTuple):
    """A piece of text; `ends` says whether a sentence ends with it."""

    text: str
    ends: bool = True


def sentences(text: str) -> list[str]:
    """Return the sentences of `text`, white space made single. An empty line ends one too."""
    found = []
    for paragraph in re.split(r"\s*\n\s*\n\s*", text):
        found += _sentences(" ".join(paragraph.split()))
    return found


def parts(text: str, longest: int = LONGEST) -> list[Part]:
    """Return the sentences of `text`, those of more than `longest` characters cut at a pause, else between words."""
    cut = []
    for sentence in sentences(text):
        pieces = _pieces(sentence, longest)
        cut += [Part(piece, ends=False) for piece in pieces[:-1]] + [Part(pieces[-1])]
    return cut


def _sentences(paragraph: str) -> list[str]:
    found, begin = [], 0
    for end in _END.finditer(paragraph):
        if _is_end(paragraph, end):
            found.append(paragraph[begin : end.end()].strip())
            begin = end.end()
    return [sentence for sentence in [*found, paragraph[begin:].strip()] if sentence]


def _is_end(paragraph: str, end: re.Match) -> bool:
    """A full stop may belong to an abbreviation or an initial; dots and a closed quotation may stand inside a sentence."""
    if end.group() == ".":
        before = paragraph[: end.start()].rsplit(" ", 1)[-1].lstrip("\"'“‘«(")
        return before.lower() not in ABBREVIATIONS.split() and not (len(before) == 1 and before.isupper() and before != "I")
    inside = end.group().startswith(("..", "…")) or end.group()[-1] in CLOSERS
    return not (inside and paragraph[end.end() :].lstrip()[:1].islower())


def _pieces(sentence: str, longest: int) -> list[str]:
    pieces = [sentence]
    for pause in _PAUSES:
        pieces = [shorter for piece in pieces for shorter in _joined(pause.split(piece) if len(piece) > longest else [piece], longest)]
    return [piece[begin : begin + longest] for piece in pieces for begin in range(0, len(piece), longest)]


def _joined(pieces: list[str], longest: int) -> list[str]:
    """Put neighbours together again as far as they fit."""
    joined = [""]
    for piece in pieces:
        together = f"{joined[-1]} {piece}".strip()
        if joined[-1] and len(together) > longest:
            joined.append(piece)
        else:
            joined[-1] = together
    return [piece for piece in joined if piece]
