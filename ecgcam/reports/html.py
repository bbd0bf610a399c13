"""Self-contained HTML pages: one file each, pictures inside, every value escaped."""

import base64
import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_svg(figure: "Figure") -> str:
    """A figure as the `src` of an <img>: an SVG, the same bytes for the same figure."""
    from matplotlib import rc_context

    drawn = io.BytesIO()
    with rc_context({"svg.hashsalt": "ecgcam"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return _data_uri("image/svg+xml", drawn.getvalue())


def png_file(path: Path) -> str:
    """A picture that lies in a file, as the `src` of an <img>."""
    return _data_uri("image/png", path.read_bytes())


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def render(template: str, **values: object) -> str:
    """The page that a template in `pages/` makes of the values.

    What is a value is shown as text, whatever it holds; a name that the template asks for and
    that is not given is an error (jinja2.UndefinedError).
    """
    return _pages().get_template(template).render(values)


def write_page(path: Path, template: str, **values: object) -> Path:
    """Render a template to a file, which is there whole or not at all; returns its path."""
    page = render(template, **values)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


@cache
def _pages() -> Environment:
    pages = Environment(
        loader=PackageLoader("ecgcam.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["number"] = lambda n: f"{n:,}"
    pages.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    return pages
