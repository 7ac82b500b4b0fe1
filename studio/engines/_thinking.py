"""Parts what a model thinks before it answers from the answer, while both come in pieces.

Knows the marks that models put around their thoughts. Does not know tokens, nor who reads the text.
"""

from collections.abc import Mapping

# What stands between thought and answer, and whether what follows it is thought: <think> of Qwen, SmolLM, DeepSeek and many more,
# the channels of gpt-oss.
MARKS: dict[str, bool] = {
    "<think>": True,
    "</think>": False,
    "<|channel|>analysis<|message|>": True,
    "<|channel|>commentary<|message|>": True,
    "<|end|><|start|>assistant": True,
    "<|channel|>final<|message|>": False,
}


class Thoughts:
    """Takes the text as it comes and gives back what is said; what is thought gathers in `text`.

    Args:
        thinking: the text begins with a thought, because the prompt ends with the mark of one.
    """

    def __init__(self, thinking: bool = False, marks: Mapping[str, bool] = MARKS):
        self.thinking, self.text = thinking, ""
        self._marks, self._held = marks, ""

    def take(self, text: str) -> str:
        """Return what is said in `text`. What may be the beginning of a mark waits for more."""
        said, text = "", self._held + text
        while found := [(text.find(mark), -len(mark), mark) for mark in self._marks if mark in text]:
            at, _, mark = min(found)
            said += self._sorted(text[:at])
            self.thinking, text = self._marks[mark], text[at + len(mark) :]
        keep = next((length for length in range(len(text), 0, -1) if any(mark.startswith(text[-length:]) for mark in self._marks)), 0)
        self._held = text[len(text) - keep :]
        return said + self._sorted(text[: len(text) - keep])

    def rest(self) -> str:
        """Return what waited, now that nothing follows."""
        last, self._held = self._held, ""
        return self._sorted(last)

    def _sorted(self, text: str) -> str:
        if self.thinking:
            self.text, text = self.text + text, ""
        return text
