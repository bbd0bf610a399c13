"""Explanations as files: two pictures, a PDF, a page to zoom in, and JSON for each ECG."""

import contextlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import atomic_write
from ..inference.results import Explanation
from ..plots.sheet import draw_sheet
from ..plots.stacked_leads import draw_leads
from ..signals.beats import heart_rate_bpm
from ..signals.record import Record
from .viewer import viewer_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
_ENDINGS = ("-leads.png", "-sheet.png", "-sheet.pdf", ".json", ".html")
_LONGEST = 50  # letters of a name; file systems hold 255 bytes, endings included


def write_explanations(
    records: Sequence[Record],
    explanations: Sequence[Explanation],
    out: Path,
    *,
    class_name: str | None = None,
    pictures: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """For each ECG NAME-leads.png, NAME-sheet.png, NAME-sheet.pdf, NAME.html and NAME.json.

    class_name: whose map the pictures show, and the page at first; the most probable class unless
    given. Without `pictures`, only the JSON files are written. Names that are there twice are
    numbered. Returns the paths of the pages, or of the JSON files.
    """
    paths = []
    for done, (name, record, explanation) in enumerate(
        zip(file_names(records), records, explanations, strict=True), 1
    ):
        _write_text(_beside(out / name, ".json"), json.dumps(_facts(record, explanation)) + "\n")
        if pictures:
            paths.append(_draw(out / name, record, explanation, class_name))
        else:
            paths.append(_beside(out / name, ".json"))
        if progress:
            progress(done, len(records))
    return paths


def remove_explanations(folder: Path) -> None:
    """Remove what write_explanations has left in a folder, and the folder if nothing else is there.

    Only where all five files of a name are; links, and what lies behind them, stay.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    for page in folder.glob("*.html"):
        files = [_beside(page.with_suffix(""), ending) for ending in _ENDINGS]
        if all(path.is_file() and not path.is_symlink() for path in files):
            for path in files:
                path.unlink()
    with contextlib.suppress(OSError):  # something else is there
        folder.rmdir()


def file_names(records: Sequence[Record]) -> list[str]:
    """A name for the files of each record: safe for any file system, each one different."""
    safe = [
        re.sub(r"[^\w.-]+", "_", record.name)[:_LONGEST].strip("._") or "ecg" for record in records
    ]
    count = Counter(name.casefold() for name in safe)  # some file systems take A and a for one
    taken = {name for name, times in count.items() if times == 1}
    names = []
    for name in safe:
        numbered = (f"{name}-{number}" for number in itertools.count(1))
        free = (each for each in numbered if each.casefold() not in taken)
        names.append(next(free) if count[name.casefold()] > 1 else name)
        taken.add(names[-1].casefold())
    return names


def _draw(stem: Path, record: Record, explanation: Explanation, class_name: str | None) -> Path:
    leads = draw_leads(record, explanation, class_name=class_name)
    sheet = draw_sheet(record, explanation, class_name=class_name)
    leads_png, sheet_png, sheet_pdf, _, page = (_beside(stem, ending) for ending in _ENDINGS)
    _save(leads, leads_png)
    _save(sheet, sheet_png)
    _save(sheet, sheet_pdf)
    return _write_text(page, viewer_html(record, explanation, class_name=class_name))


def _facts(record: Record, explanation: Explanation) -> dict[str, Any]:
    """The explanation, and what it is an explanation of."""
    ecg = {
        "rate_hz": record.rate_hz,
        "duration_s": record.duration_s,
        "leads": list(record.leads),
        "heart_rate_bpm": heart_rate_bpm(record),
    }
    return {**explanation.to_dict(), "ecg": ecg}


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def _save(figure: "Figure", path: Path) -> None:
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=DPI)


def _write_text(path: Path, text: str) -> Path:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
