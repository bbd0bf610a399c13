"""Self-contained HTML pages: one file with its pictures, every value escaped."""

import base64
import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_text

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure


def figure_svg(figure: "Figure") -> str:
    """Return a figure as the `src` of an <img>: an SVG, the same bytes for the same figure."""
    from matplotlib import rc_context

    drawn = io.BytesIO()
    with rc_context({"svg.hashsalt": "ecgcam"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return _data_uri("image/svg+xml", drawn.getvalue())


def png_file(path: Path) -> str:
    """Return a PNG file as the `src` of an <img>."""
    return _data_uri("image/png", path.read_bytes())


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def render(template: str, **values: object) -> str:
    """Render a template of `templates/`.

    All text in the values is escaped. Raises jinja2.UndefinedError for a value that the template
    uses but that is missing.
    """
    return _environment().get_template(template).render(values)


def write_page(path: Path, template: str, **values: object) -> Path:
    """Render a template to a file, written whole or not at all; return its path."""
    return write_text(path, render(template, **values))


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ecgcam.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda n: f"{n:,}"
    environment.filters["score"] = lambda value: "–" if value is None else f"{value:.3f}"
    environment.filters["percent"] = lambda fraction: f"{100 * fraction:.1f} %"
    return environment
