"""The pictures of the documentation.

    python -m benchmarks.pictures gallery
    python -m benchmarks.pictures front STORE               # a store of PTB-XL
    python -m benchmarks.pictures beat STORE                # likewise
    python -m benchmarks.pictures page                      # needs chromium
    python -m benchmarks.pictures augmentations
    python -m benchmarks.pictures scores EVALUATION ROBUSTNESS

The last takes folders that `ecgcam evaluate` and `ecgcam robustness` wrote. The training curve and
the study's picture are made by `ecgcam train` and benchmarks/study/frontier.py.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import torch
import typer
from numpy.typing import NDArray

import ecgcam
from ecgcam.data import open_store, synthesize
from ecgcam.nn.preprocess import scale_to_unit
from ecgcam.plots.beat import draw_beat
from ecgcam.plots.disturbances import draw_changes, draw_strengths
from ecgcam.plots.forest import draw_forest
from ecgcam.plots.heat import HEAT_COLOURS, draw_heat, heat_of
from ecgcam.plots.style import BLUE, GREY
from ecgcam.reports.evaluation_report import HEADINGS
from ecgcam.reports.explanation_report import write_explanations
from ecgcam.training.noise_transforms import GaussianNoise, MainsHum, Respiration
from ecgcam.training.transforms import (
    AmplitudeScale,
    LeadDropout,
    LeadMix,
    TimeShift,
    TimeWarp,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ecgcam import Explanation, Record

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "pictures"
GALLERY = DOCS / "gallery.md"
ECGS = 60  # synthetic ECGs for the gallery, which names some of them by number
EXAMPLE = "records100/00000/00054_lr"
BEAT = "41"  # PTB-XL, fold 9: left anterior fascicular block
FRONT = {"9521": "normal", "6241": "myocardial infarction"}  # PTB-XL, fold 9, and their labels
SHOWN, GAP_MV = ("I", "II", "V2", "V5"), 2.2

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command()
def gallery() -> None:
    """Run the Python of docs/gallery.md on synthetic ECGs and keep the pictures that it saves."""
    with TemporaryDirectory() as folder:
        for picture in run_gallery(Path(folder)):
            shutil.copy(picture, PICTURES)
            typer.echo(PICTURES / picture.name)


def run_gallery(folder: Path) -> list[Path]:
    """Run the code of the gallery in `folder`, beside synthetic ECGs; return its pictures."""
    synthesize(folder / "ecgs", ECGS)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for code in re.findall(r"^```python\n(.*?)^```$", GALLERY.read_text("utf-8"), re.M | re.S):
            exec(code, {})
    finally:
        os.chdir(before)
    return sorted(folder.glob("*.png"))


@app.command()
def front(store: Path) -> None:
    """Draw a normal and an abnormal ECG of PTB-XL side by side, on common scales."""
    opened, model = open_store(store), ecgcam.load("normal")
    figure, axes = plt.subplots(
        2, 2, figsize=(12, 5), sharex=True, sharey="row", height_ratios=(3, 1), layout="constrained"
    )
    for (traces, evidence), (identity, label) in zip(axes.T, FRONT.items(), strict=True):
        record = opened.record(opened.index_of(identity))
        explanation = model.explain(record)
        probability = explanation.probabilities[0]
        traces.set_title(f"labelled {label}; probability of abnormal: {probability:.3f}")
        _draw_front_traces(traces, record, explanation)
        _draw_front_evidence(evidence, explanation)
    axes[1, 0].set_ylabel("evidence\n(logits)")
    figure.savefig(PICTURES / "front.png", dpi=130)
    typer.echo(PICTURES / "front.png")


def _draw_front_traces(axes: "Axes", record: "Record", explanation: "Explanation") -> None:
    """Draw some leads over the evidence: orange for the class, blue against it."""
    time_s = np.arange(record.signal_mv.shape[1]) / record.rate_hz
    levels = -GAP_MV * np.arange(len(SHOWN))
    for lead, level in zip(SHOWN, levels, strict=True):
        trace = record.signal_mv[record.leads.index(lead)]
        axes.plot(time_s, trace - np.median(trace) + level, color="black", lw=0.8)
    heat = heat_of(explanation, 0, time_s)
    for lead, level in zip(SHOWN, levels, strict=True):
        row = heat[record.leads.index(lead) if len(heat) > 1 else 0]
        area = (0, record.duration_s, level - GAP_MV / 2, level + GAP_MV / 2)
        draw_heat(axes, row[None], extent=area)
    axes.set_ylim(levels[-1] - GAP_MV / 2, 0.8 * GAP_MV)  # room for the tall R waves of lead I
    axes.set_yticks(levels, SHOWN, weight="bold")
    axes.tick_params(length=0)


def _draw_front_evidence(axes: "Axes", explanation: "Explanation") -> None:
    """Draw the evidence, and in the title how it adds up to the logit."""
    evidence = explanation.evidence[0]
    edges = explanation.frame_edges_s
    for sign, colour in ((1, HEAT_COLOURS[-1]), (-1, HEAT_COLOURS[0])):
        axes.stairs(np.maximum(sign * evidence, 0) * sign, edges, fill=True, color=colour)
    axes.axhline(0, color="black", lw=0.8)
    axes.set(xlabel="time (s)", xlim=(0, explanation.windows * explanation.window_s))
    mean, bias, logit = evidence.mean(), explanation.bias[0], explanation.logits[0]
    axes.set_title(f"mean {mean:.1f}, bias {bias:.1f}: logit {logit:.1f}", fontsize=10)


@app.command()
def beat(store: Path) -> None:
    """Draw the mean beat of a real ECG over its mean evidence."""
    opened = open_store(store)
    record = opened.record(opened.index_of(BEAT))
    explanation = ecgcam.load("normal").explain(record)
    figure = draw_beat(record, explanation)
    figure.savefig(PICTURES / "beat.png", dpi=100)
    typer.echo(PICTURES / "beat.png")


@app.command()
def page() -> None:
    """Photograph the HTML page of one of the gallery's ECGs."""
    with TemporaryDirectory() as folder:
        record = ecgcam.read(synthesize(Path(folder) / "ecgs", ECGS) / EXAMPLE)
        explanation = ecgcam.load("superclass").explain(record)
        (html,) = write_explanations([record], [explanation], Path(folder))
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = ["chromium", *options, f"--user-data-dir={folder}/profile"]
        picture = [f"--screenshot={PICTURES / 'page.png'}", "--window-size=1200,1000"]
        subprocess.run([*browser, *picture, html.as_uri()], check=True)
    typer.echo(PICTURES / "page.png")


@app.command()
def augmentations() -> None:
    """Draw lead II of a synthetic ECG before and after each transform."""
    with TemporaryDirectory() as folder:
        ecgs = synthesize(Path(folder) / "ecgs", 6)
        record = ecgcam.read(ecgs / "records100/00000/00006_lr")
    figure = _draw_augmentations(record)
    figure.savefig(PICTURES / "augmentations.png", dpi=110)
    typer.echo(PICTURES / "augmentations.png")


def _draw_augmentations(record: "Record") -> "Figure":
    """Draw the strongest of 32 draws of each transform, so that there is something to see."""
    signal = scale_to_unit(torch.from_numpy(record.signal_mv)[None]).expand(32, -1, -1)
    rate_hz = record.rate_hz
    generator = torch.Generator().manual_seed(4)
    afters = {}
    for name, transform in {
        "time shift, up to 3 %": TimeShift(),
        "amplitude scale, ± 20 %": AmplitudeScale(),
        "Gaussian noise, variance 0.001": GaussianNoise(),
        "mains hum, 50 Hz (at 100 Hz every other sample)": MainsHum(rate_hz=rate_hz),
        "respiration, 12-18 a minute": Respiration(rate_hz=rate_hz),
        "time warp": TimeWarp(),
        "lead dropout": LeadDropout(lead_probability=1.0),
        "leads mixed, by 0.04": LeadMix(),
    }.items():
        changed = transform.apply(signal, transform.draw(signal.shape, generator=generator))
        strongest = (changed - signal)[:, 1].abs().sum(dim=-1).argmax()
        afters[name] = changed[strongest, 1].numpy()
    unit = "preprocessed units: each lead scaled to [−1, 1]"
    return draw_changed(signal[0, 1].numpy(), afters, rate_hz=rate_hz, ylabel=unit)


def draw_changed(
    before: NDArray[np.float32],
    afters: Mapping[str, NDArray[np.float32]],
    *,
    rate_hz: float,
    ylabel: str,
) -> "Figure":
    """Return a signal (time,) after each change, by title, on one scale, over the signal itself."""
    figure, axes_of_changes = plt.subplots(
        len(afters), figsize=(9, 0.6 + 1.2 * len(afters)), layout="compressed", sharex=True,
        sharey=True,
    )  # fmt: skip
    time_s = np.arange(len(before)) / rate_hz
    for axes, (title, after) in zip(axes_of_changes, afters.items(), strict=True):
        axes.plot(time_s, before, color=GREY, linewidth=1.4, label="before")
        axes.plot(time_s, after, color=BLUE, linewidth=0.8, label="after")
        axes.set_title(title, loc="left", fontsize=9)
        axes.grid(color="0.9")
    axes_of_changes[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
    axes_of_changes[-1].set_xlabel("time (s)")
    figure.supylabel(ylabel, fontsize="medium")
    return figure


@app.command()
def scores(evaluation: Path, robustness: Path) -> None:
    """Draw the subgroups and the disturbances from the folders of the two commands."""
    subgroups = json.loads((evaluation / "metrics.json").read_text(encoding="utf-8"))["subgroups"]
    groups = {HEADINGS[kind]: members for kind, members in subgroups["by"].items()}
    forest = draw_forest(subgroups["all"], groups, few_below=subgroups["few_below"])
    forest.savefig(PICTURES / "subgroups.png", dpi=110)
    results = json.loads((robustness / "robustness.json").read_text(encoding="utf-8"))
    graded = [trial for trial in results["disturbances"] if trial["strength"] is not None]
    single = [trial for trial in results["disturbances"] if trial["strength"] is None]
    undisturbed = results["undisturbed"]
    draw_strengths(undisturbed, graded).savefig(PICTURES / "strengths.png", dpi=110)
    draw_changes(undisturbed, single).savefig(PICTURES / "changes.png", dpi=110)


if __name__ == "__main__":
    app()
