"""Turns tokens into text as they come: whole characters only, nothing of a stop string, nothing after it.

Knows a tokenizer's `decode`. Does not know the network the tokens come from, nor who reads the text.
"""

from collections.abc import Collection, Sequence
from typing import Any

from studio.engines._thinking import Thoughts

BROKEN = "\ufffd"  # what `decode` writes for bytes that are no character, or not yet
TAIL = 6  # tokens of the prompt that are decoded along, so that the first word keeps its leading space


class Decoder:
    """Takes tokens one by one and gives back the text that is certain by then.

    Args:
        tokenizer: anything with `decode(tokens, skip_special_tokens, clean_up_tokenization_spaces)`.
        prompt: the tokens before the first.
        stops: strings at which the text ends; they are no part of it.
        strip: leave out the white space the text begins with.
        thoughts: takes out what is thought; a stop string there stops nothing.
        hidden: tokens that are not written; None: those the tokenizer calls special.
    """

    def __init__(
        self, tokenizer: Any, prompt: Sequence[int] = (), stops: Sequence[str] = (), strip: bool = False,
        thoughts: Thoughts | None = None, hidden: Collection[int] | None = None,
    ):  # fmt: skip
        self._tokenizer, self._stops, self._strip = tokenizer, [stop for stop in stops if stop], strip
        self._thoughts, self._hidden = thoughts, hidden
        self._tokens = list(prompt[-TAIL:])
        self._start, self._read = 0, len(self._tokens)
        self._held = ""
        self.stopped = False

    def take(self, token: int) -> str:
        """Return what can be said after one more token, often nothing; `stopped` is set once a stop string is there."""
        self._tokens.append(token)
        news = self._news()
        return self._certain(self._thoughts.take(news) if self._thoughts else news)

    def rest(self) -> str:
        """Return what was held back, now that no token follows."""
        if self.stopped:
            return ""
        news = self._news(final=True)
        if self._thoughts:
            news = self._thoughts.take(news) + self._thoughts.rest()
        last, self._held = self._held + news, ""
        return self._stripped(self._until_stop(last))

    def _news(self, final: bool = False) -> str:
        """Return the text of the tokens not read yet, if it is whole.

        Decoding starts a few tokens back, because what a token reads as depends on its neighbours.
        """
        before = self._decode(self._tokens[self._start : self._read])
        text = self._decode(self._tokens[self._start :])
        if final:
            return text[len(before) :].rstrip(BROKEN)
        if len(text) <= len(before) or text.endswith(BROKEN):
            return ""
        self._start, self._read = self._read, len(self._tokens)
        return text[len(before) :]

    def _decode(self, tokens: list[int]) -> str:
        written = tokens if self._hidden is None else [token for token in tokens if token not in self._hidden]
        return self._tokenizer.decode(written, skip_special_tokens=self._hidden is None, clean_up_tokenization_spaces=False)

    def _certain(self, news: str) -> str:
        """Add `news` to what is held and return all of it that cannot be the beginning of a stop string."""
        text = self._until_stop(self._held + news)
        keep = 0 if self.stopped else self._beginning_of_stop(text)
        self._held = text[len(text) - keep :]
        return self._stripped(text[: len(text) - keep])

    def _until_stop(self, text: str) -> str:
        found = [text.find(stop) for stop in self._stops if stop in text]
        self.stopped = self.stopped or bool(found)
        return text[: min(found)] if found else text

    def _beginning_of_stop(self, text: str) -> int:
        """Return the length of the longest end of `text` that a stop string begins with."""
        longest = min(len(text), max((len(stop) for stop in self._stops), default=0))
        return next((length for length in range(longest, 0, -1) if any(stop.startswith(text[-length:]) for stop in self._stops)), 0)

    def _stripped(self, text: str) -> str:
        if self._strip:
            text = text.lstrip()
            self._strip = not text
        return text
