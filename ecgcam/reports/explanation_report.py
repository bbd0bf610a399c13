"""Explanations as files: two pictures, a PDF, a zoomable page, and JSON for each ECG."""

import contextlib
import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import atomic_write, write_text
from ..inference.description import Description, describe
from ..inference.results import Explanation
from ..plots.beat import draw_beat
from ..plots.paper import TimeAxis
from ..plots.sheet import draw_sheet
from ..plots.stacked_leads import draw_leads
from ..processes import Progress
from ..signals.record import Record
from .viewer import viewer_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
PAGES = 12  # of a sheet: two minutes at 25 mm/s
LEADS_S, PAGE_S = 30.0, 600.0  # of a long record that the stacked leads and the page show
_PDF_DPI = 100  # of the heat alone, 4 pixels per mm; all else in a PDF has no resolution
_ENDINGS = ("-leads.png", "-sheet.png", "-sheet.pdf", ".json", ".html")
_LONGEST = 50  # characters of a name; file systems allow 255 bytes with the ending


def write_explanations(
    records: Sequence[Record],
    explanations: Sequence[Explanation],
    out: Path,
    *,
    names: Sequence[str] | None = None,
    descriptions: Sequence[Description] | None = None,
    class_name: str | None = None,
    scale: str = "logits",
    speed_mm_s: float = 25,
    pictures: bool = True,
    progress: Progress | None = None,
) -> list[Path]:
    """Write NAME-leads.png, NAME-sheet.png, NAME-sheet.pdf, NAME.html and NAME.json for each ECG.

    names: of the files, as `file_names` makes them (default: of the records' names).
    descriptions: of the ECGs, where they were computed before.
    class_name: the class whose heat is shown (default: the most probable "yes", else "not sure",
    else "no"). scale: of the heat, "logits" or "record". speed_mm_s: of the sheet. Without
    `pictures`, only the JSON files are written. Returns the paths of the pages, or of the JSON
    files. Of a long record the stacked leads show 30 s, the PDF of the sheet 12 pages, and the
    page 10 minutes.
    """
    names = file_names([record.name for record in records]) if names is None else names
    if descriptions is None:
        descriptions = list(map(describe, records, explanations))
    paths = []
    for done, (name, record, explanation, description) in enumerate(
        zip(names, records, explanations, descriptions, strict=True), 1
    ):
        answer = json.dumps(_facts(record, explanation, description)) + "\n"
        path = write_text(_beside(out / name, ".json"), answer)
        if pictures:
            view = {"class_name": class_name, "scale": scale, "description": description}
            path = _draw(out / name, record, explanation, view, speed_mm_s=speed_mm_s)
        paths.append(path)
        if progress:
            progress(done, len(records))
    return paths


def write_beat(
    record: Record,
    explanation: Explanation,
    stem: Path,
    *,
    description: Description,
    class_name: str | None = None,
) -> Path:
    """Write STEM-beat.png, the mean beat of each lead over its mean evidence; return its path.

    Raises RecordError if the ECG was refused or its waves are not sure.
    """
    figure = draw_beat(record, explanation, class_name=class_name, description=description)
    path = _beside(stem, "-beat.png")
    _save_png(figure, path)
    return path


def remove_explanations(folder: Path) -> None:
    """Remove the files that write_explanations wrote to a folder, and the folder if it is empty.

    Only files of which all five exist for a name are removed; links and their targets stay.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    for page in folder.glob("*.html"):
        files = [_beside(page.with_suffix(""), ending) for ending in _ENDINGS]
        if all(path.is_file() and not path.is_symlink() for path in files):
            for path in files:
                path.unlink()
    with contextlib.suppress(OSError):  # it has other files
        folder.rmdir()


def file_names(names: Sequence[str]) -> list[str]:
    """Return a name for the files of each ECG: unique, and safe on any file system.

    Names that occur twice are numbered.
    """
    safe = [re.sub(r"[^\w.-]+", "_", name)[-_LONGEST:].strip("._") or "ecg" for name in names]
    count = Counter(name.casefold() for name in safe)  # some file systems ignore case
    taken = {name for name, times in count.items() if times == 1}
    unique = []
    for name in safe:
        numbered = (f"{name}-{number}" for number in itertools.count(1))
        free = (each for each in numbered if each.casefold() not in taken)
        unique.append(next(free) if count[name.casefold()] > 1 else name)
        taken.add(unique[-1].casefold())
    return unique


def _draw(
    stem: Path,
    record: Record,
    explanation: Explanation,
    view: Mapping[str, Any],
    *,
    speed_mm_s: float,
) -> Path:
    """Write the pictures and the page of one ECG; return the path of the page.

    view: class_name, scale, description. The PDF has a page for each 10 s at 25 mm/s, at most
    PAGES.
    """
    leads_png, sheet_png, sheet_pdf, _, page = (_beside(stem, ending) for ending in _ENDINGS)
    _save_png(draw_leads(*_until(LEADS_S, record, explanation), **view), leads_png)
    page_s = TimeAxis(mm_per_s=speed_mm_s).shown_s
    starts_s = page_s * np.arange(min(math.ceil(record.duration_s / page_s - 1e-6), PAGES))
    drawn = _until(PAGES * page_s, record, explanation)
    with atomic_write(sheet_pdf) as temporary, _pdf(temporary) as pdf:
        for start_s in starts_s.tolist():
            sheet = draw_sheet(*drawn, from_s=start_s, speed_mm_s=speed_mm_s, **view)
            pdf.savefig(sheet, dpi=_PDF_DPI)
            if start_s == 0:
                _save_png(sheet, sheet_png)
    return write_text(page, viewer_html(*_until(PAGE_S, record, explanation), **view))


def _until(seconds: float, record: Record, explanation: Explanation) -> tuple[Record, Explanation]:
    """Return at most the first seconds of a long record, with a warning, and their explanation."""
    if record.duration_s <= seconds:
        return record, explanation
    note = f"only the first {seconds:g} s of {record.duration_s:.4g} s are drawn"
    samples = round(seconds * record.rate_hz)
    first = replace(record, signal_mv=record.signal_mv[:, :samples])
    shown = explanation.until(seconds, samples=samples)
    return first, replace(shown, warnings=(*shown.warnings, note))


def _pdf(path: Path) -> Any:
    from matplotlib.backends.backend_pdf import PdfPages

    return PdfPages(path)


def _facts(record: Record, explanation: Explanation, description: Description) -> dict[str, Any]:
    """Return the explanation with its description and facts about its ECG."""
    answer, words = explanation.to_dict(), description.to_dict()
    for name, about in words.pop("classes").items():
        sentence = about.pop("sentence")
        answer["classes"][name] |= {"sentence": sentence, "added_up": about}
    ecg = {
        "rate_hz": record.rate_hz,
        "duration_s": record.duration_s,
        "leads": list(record.leads),
        "heart_rate_bpm": description.measurements.heart_rate_bpm,
        **words,
    }
    return {**answer, "ecg": ecg}


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def _save_png(figure: "Figure", path: Path) -> None:
    """Save a figure as an RGB picture: half the time and size of the RGBA of `savefig`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.set_dpi(DPI)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with atomic_write(path) as temporary:
        picture.save(temporary, dpi=(DPI, DPI), compress_level=3)
