"""A griffe extension: lines `name: text` of a docstring become a Markdown list."""

import re
from typing import Any

import griffe

NAME = r"[a-z]\w*(?: \([^)]*\))?"  # rate_hz, or sex ("female" or "male")
ENTRY = re.compile(rf"^({NAME}(?:, {NAME})*): +(?=\S)")
END = re.compile(r"^(Raises?|Returns?|The|A) ")


class NamedLines(griffe.Extension):
    """Docstrings in this package describe arguments and attributes as `name: text`."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring:
            paragraphs = obj.docstring.value.split("\n\n")
            obj.docstring.value = "\n\n".join(map(as_list, paragraphs))


def as_list(paragraph: str) -> str:
    """Return a paragraph that opens with `name: text` as a list, and any other as it is."""
    if not ENTRY.match(paragraph):
        return paragraph
    lines: list[str] = []
    for line in map(str.strip, paragraph.splitlines()):
        if entry := ENTRY.match(line):
            lines.append(f"- `{entry[1]}`: {line[entry.end() :]}")
        elif END.match(line):
            lines += ["", line]
        else:
            lines[-1] += f" {line}"
    return "\n".join(lines)
