"""Writes text the way it is spoken, as far as a model reads letters only: numbers, money, common signs and abbreviations.

Knows languages by their two or three letters. Does not know how anything sounds.
"""

import re
import unicodedata
from collections.abc import Callable, Container

from num2words import CONVERTER_CLASSES, num2words

_CODES = """\
amh:am ara:ar aze:az bel:be ben:bn cat:ca ces:cs cym:cy dan:da deu:de eng:en epo:eo spa:es fas:fa fin:fi fra:fr heb:he hun:hu ind:id
isl:is ita:it jpn:ja kan:kn kor:ko kaz:kz lit:lt lav:lv nld:nl nob:no pol:pl por:pt ron:ro rus:ru slk:sk slv:sl srp:sr swe:sv tel:te
tha:th tur:tr ukr:uk vie:vi"""
TWO_LETTERS = dict(pair.split(":") for pair in _CODES.split())
ENGLISH = {
    "mr.": "mister", "mrs.": "missis", "dr.": "doctor", "prof.": "professor", "st.": "saint", "vs.": "versus", "etc.": "et cetera",
    "e.g.": "for example", "i.e.": "that is", "approx.": "approximately", "&": " and ", "%": " percent ", "+": " plus ", "=": " equals ",
    "@": " at ", "°": " degrees ", "€": " euros ", "£": " pounds ", "$": " dollars ", "km/h": "kilometers per hour",
}  # fmt: skip
_NAMES = "b bee c see d dee f eff g gee h aitch j jay k kay l ell m em n en p pee q cue r are s ess t tee v vee w doubleyou x ex z zee"
LETTER_NAMES = dict(zip(_NAMES.split()[::2], _NAMES.split()[1::2], strict=True))
ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " ", "\u00ad": ""})

_MONEY = re.compile(r"([$€£])\s?(\d[\d,]*(?:\.\d+)?)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_TIME = re.compile(r"\b(\d{1,2}):(\d\d)\b")
_ORDINAL = re.compile(r"\b(\d+)(st|nd|rd|th)\b")
_YEAR = re.compile(r"(?<![.,\d])(1[1-9]|20)\d\d\b(?![,.]\d)")
_LETTERS = re.compile(r"\b[BCDFGHJKLMNPQRSTVWXZ]{2,5}\b")


def spoken(text: str, language: str, known: Container[str]) -> str:
    """Return `text` in letters.

    Args:
        text: as a person wrote it.
        language: `en`, `eng`, ...; "" where nobody knows: then only look-alike characters are replaced.
        known: the characters (lower case) the model reads; what it reads stays, digits for instance.
    """
    text = _plain(text, known)
    short = TWO_LETTERS.get(language, language)
    if short == "en":
        text = _english(text, known)
    if short in CONVERTER_CLASSES and "1" not in known:
        text = _NUMBER.sub(lambda found: f" {_words(found.group(), short)} ", text)
    return re.sub(r"\s+(?=[.,!?;:])", "", " ".join(text.split()))


def _plain(text: str, known: Container[str]) -> str:
    """Replace a character the model does not know by its look-alike, or by its letter without the accent."""
    return "".join(_alike(letter, known) for letter in unicodedata.normalize("NFC", text))


def _alike(letter: str, known: Container[str]) -> str:
    if letter.lower() in known or letter.isspace():
        return letter
    bare = unicodedata.normalize("NFKD", letter.translate(ALIKE))
    bare = "".join(part for part in bare if not unicodedata.combining(part))
    return bare if bare and all(part.lower() in known for part in bare) else letter


def _english(text: str, known: Container[str]) -> str:
    if "1" not in known:
        text = _MONEY.sub(lambda found: f"{found.group(2)}{found.group(1)}", text)
        text = _TIME.sub(r"\1 \2", text)
        text = _ORDINAL.sub(lambda found: num2words(int(found.group(1)), to="ordinal"), text)
        text = _YEAR.sub(lambda found: num2words(int(found.group()), to="year"), text)
    text = _replaced(text, {sign: words for sign, words in ENGLISH.items() if sign not in known})
    return _LETTERS.sub(lambda found: " ".join(LETTER_NAMES[letter] for letter in found.group().lower()), text)


def _replaced(text: str, words: dict[str, str]) -> str:
    for sign, word in words.items():
        edge = r"(?<![^\W\d])" if sign[0].isalpha() else ""
        text = re.sub(edge + re.escape(sign), _constant(word), text, flags=re.IGNORECASE)
    return text


def _constant(word: str) -> Callable[[re.Match], str]:
    return lambda found: word


def _words(number: str, language: str) -> str:
    """Return a number in words; digit by digit where it is too long to be a quantity."""
    plain = _with_point(number, "," if language == "en" else ".")
    if len(plain) > 15 or plain.count(".") > 1:
        return " ".join(num2words(int(digit), lang=language) for digit in plain if digit.isdigit())
    return num2words(float(plain) if "." in plain else int(plain), lang=language).replace(",", "").replace("-", " ")


def _with_point(number: str, group: str) -> str:
    """Return a number without the marks between its thousands (`group`) and with a point before its fraction."""
    grouped = re.fullmatch(rf"(\d{{1,3}}(?:{re.escape(group)}\d{{3}})+)(?:[.,](\d+))?", number)
    if grouped:
        number = grouped[1].replace(group, "") + (f".{grouped[2]}" if grouped[2] else "")
    return number.replace(",", ".")
