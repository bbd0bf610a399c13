"""Any text as matplotlib can draw it: names come from files and can hold anything."""


def printable(text: str, *, length: int = 60) -> str:
    """The text on one line, cut to `length`, for matplotlib.

    A sign that matplotlib's own font lacks becomes a box, instead of a warning; a dollar sign is
    a dollar sign, not the start of a formula.
    """
    from matplotlib.font_manager import findfont, get_font

    known = get_font(findfont("DejaVu Sans")).get_charmap()
    plain = "".join(sign if ord(sign) in known else "□" for sign in " ".join(text.split()))
    short = plain if len(plain) <= length else plain[: length - 1] + "…"
    return short.replace("$", r"\$")
