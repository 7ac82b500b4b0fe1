"""How a model lies in memory, and the choice of another way, as the Models tab shows it.

Knows modes and types by their names. Does not know what fits.
"""

from html import escape

from studio.fit import SAID
from studio.studio import ModelStatus
from studio.tabs import _stage as stage

AUTOMATIC = "Chosen for you"


def said(dtype: str, mode: str) -> str:
    """Return a way in words: `whole, as bfloat16`."""
    return f"{SAID[mode]}, as {dtype}"


def ways(status: ModelStatus) -> dict[str, str]:
    """Return what can be chosen, by what a button sends: `MODE DTYPE`, either of them `auto`."""
    whole = {f"whole {dtype}": said(dtype, "whole").capitalize() for dtype in status.dtypes}
    return {"auto auto": AUTOMATIC, **whole, **{f"{mode} auto": SAID[mode].capitalize() for mode in status.modes if mode != "whole"}}


def chosen(way: str) -> dict[str, str | None]:
    """Return a button's words as the arguments of Studio.choose."""
    mode, _, dtype = way.partition(" ")
    return {"mode": None if mode == "auto" else mode, "dtype": None if dtype == "auto" else dtype}


def control(status: ModelStatus) -> str:
    """Return how a model lies in memory; where there is a choice, to be unfolded into a button for each way."""
    now = said(status.dtype, status.mode).capitalize() if status.dtype else ""
    offered = ways(status)
    if len(offered) < 3:
        return f'<p class="way">{escape(now)}</p>' if now else ""
    wanted = f"{status.spec.mode or 'auto'} {status.spec.dtype or 'auto'}"
    buttons = "".join(
        stage.button(words, "place", "soft" if way == wanted else "quiet", id=status.spec.id, text_sent=way,
                     label=f"{words}: how {status.spec.name} lies in memory{', chosen now' if way == wanted else ''}")
        for way, words in offered.items()
    )  # fmt: skip
    return f'<details class="way"><summary>{escape(now)}</summary>{buttons}</details>'
