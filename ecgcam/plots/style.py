"""Colours, text and panels that all figures share."""

import textwrap
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# From Okabe and Ito's palette, which colour-blind readers can tell apart.
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "0.6"
COLOURS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
LINE_STYLES = ("-", "--", ":", "-.")  # for curves beyond the number of colours


def printable(text: str, *, length: int = 60) -> str:
    """Return any text as one line of at most `length` characters that matplotlib can draw.

    Names come from files and can hold anything. A character that matplotlib's font lacks becomes
    a box instead of a warning; a dollar sign is escaped, so that it does not start a formula.
    """
    known = _font_characters()
    plain = "".join(sign if ord(sign) in known else "□" for sign in " ".join(text.split()))
    short = plain if len(plain) <= length else plain[: length - 1] + "…"
    return short.replace("$", r"\$")


def wrapped(text: str, *, width: int) -> str:
    """Return the text like `printable`, on lines of about `width` characters."""
    return textwrap.fill(printable(text), width)


@cache
def _font_characters() -> frozenset[int]:
    """Return the code points that matplotlib's own font can draw."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


def panels(count: int, *, columns: int, size: tuple[float, float]) -> "tuple[Figure, list[Axes]]":
    """Return a figure with `count` axes in rows of `columns`, which share their y axis.

    size: width and height of a panel in inches.
    """
    from matplotlib.figure import Figure

    rows = -(-count // columns)
    figure = Figure(figsize=(1 + size[0] * columns, 0.6 + size[1] * rows))
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    axes = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]
