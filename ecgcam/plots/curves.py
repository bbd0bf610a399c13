"""Pictures of numbers: scores, training, tables, small multiples of leads.

Each function returns its figure; the caller saves it. The colours are those of Okabe and Ito,
which the colour-blind tell apart.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .style import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "0.6"
COLOURS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
STYLES = ("-", "--", ":", "-.")  # where there are more curves than colours


def draw_roc_pr(
    targets: NDArray[np.integer], *, scores: NDArray[np.floating], class_names: Sequence[str]
) -> "Figure":
    """ROC curves and precision-recall curves, one a class, with their areas in the legend.

    targets: (records, classes), 0 or 1. scores: the same shape, the higher the likelier. Dotted
    is what guessing gives: the diagonal, and each class's share of the records. A class that all
    records have, or none, has no curve; the legend says so.
    """
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    figure, (roc, pr) = _figure(10, 5, columns=2)
    for k, name in enumerate(map(printable, class_names)):
        truth, score = targets[:, k], scores[:, k]
        share = truth.mean()
        style: dict[str, Any] = {
            "color": COLOURS[k % len(COLOURS)],
            "linestyle": STYLES[k // len(COLOURS) % 4],
        }
        if share in (0, 1):
            roc.plot([], [], label=f"{name}: one kind only", **style)
            pr.plot([], [], label=f"{name}: one kind only", **style)
            continue
        false_rate, true_rate, _ = roc_curve(truth, score)
        precision, recall, _ = precision_recall_curve(truth, score)
        average = average_precision_score(truth, score)
        roc.plot(false_rate, true_rate, label=f"{name}: {auc(false_rate, true_rate):.3f}", **style)
        pr.step(recall, precision, where="post", label=f"{name}: {average:.3f}", **style)
        pr.axhline(share, color=style["color"], linestyle=":", linewidth=0.8)
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    roc.set(xlabel="1 − specificity", ylabel="sensitivity", title="ROC", aspect="equal")
    pr.set(xlabel="recall (sensitivity)", ylabel="precision", title="Precision-recall")
    pr.set(aspect="equal", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    roc.legend(title="area under the curve", fontsize=8, loc="lower right")
    pr.legend(title="average precision", fontsize=8, loc="lower left")
    return figure


def draw_confusion(confusion: NDArray[np.integer], *, class_names: Sequence[str]) -> "Figure":
    """How often each true class was judged to be which; the shares are of the true class.

    confusion: (classes, classes), counts; rows are the truth, columns the judgement.
    """
    total = confusion.sum(axis=1, keepdims=True)
    share = confusion / np.where(total > 0, total, 1)
    size = 3 + 0.8 * len(class_names)
    figure, (axes,) = _figure(size, size)
    words = [
        [f"{n:,}\n{s:.1%}" for n, s in zip(*row, strict=True)]
        for row in zip(confusion, share, strict=True)
    ]
    _draw_cells(axes, share, words=words, rows=class_names, columns=class_names)
    axes.set(xlabel="judged", ylabel="true")
    return figure


def draw_matrix(table: pd.DataFrame, *, title: str = "") -> "Figure":
    """A table of counts as cells with their numbers, the larger the darker."""
    rows, columns = table.shape
    figure, (axes,) = _figure(2.5 + 0.7 * columns, 2 + 0.5 * rows)
    values = table.to_numpy(dtype=float)
    words = [[f"{n:,.0f}" for n in row] for row in values]
    _draw_cells(axes, values, words=words, rows=list(table.index), columns=list(table.columns))
    axes.set_title(printable(title))
    return figure


def draw_training_curve(table: pd.DataFrame, *, best_epoch: int, score: str) -> "Figure":
    """Loss and validation score by epoch, the best epoch marked.

    table: columns epoch, train_loss, val_loss and `score`, as in "val_auroc".
    """
    from matplotlib.ticker import MaxNLocator

    figure, (loss, scored) = _figure(7, 6, rows=2)
    for name, colour, mark in (("train_loss", BLUE, "o"), ("val_loss", ORANGE, "s")):
        loss.plot(table["epoch"], table[name], color=colour, marker=mark, markersize=3, label=name)
    scored.plot(table["epoch"], table[score], color=ORANGE, marker="s", markersize=3, label=score)
    best = table.loc[table["epoch"] == best_epoch, score].iloc[0]
    for axes in (loss, scored):
        axes.axvline(best_epoch, color=GREY, linestyle="--", zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="0.9")
    scored.plot([best_epoch], [best], "*", color="black", markersize=12, zorder=3)
    scored.set(xlabel="epoch", ylabel=score, title=f"best: epoch {best_epoch}, {score} {best:.4f}")
    loss.set(ylabel="loss")
    loss.legend()
    return figure


def draw_counts(counts: pd.DataFrame, *, xlabel: str = "records") -> "Figure":
    """Horizontal bars, one a row, with its sum; several columns (folds, say) are stacked."""
    figure, (axes,) = _figure(8, 1.2 + 0.32 * len(counts))
    names = [printable(str(name)) for name in counts.index]
    reached = np.zeros(len(counts))
    shades = np.linspace(1, 0.35, counts.shape[1])
    for column, shade in zip(counts.columns, shades, strict=True):
        axes.barh(names, counts[column], left=reached, color=BLUE, alpha=shade, label=str(column))
        reached += counts[column].to_numpy(dtype=float)
    for k, total in enumerate(reached):
        axes.text(total, k, f" {total:,.0f}", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(xlabel=xlabel)
    axes.spines[["top", "right"]].set_visible(False)
    if counts.shape[1] > 1:
        axes.legend(
            title=counts.columns.name, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5)
        )
    return figure


def draw_missing(shares: "pd.Series[float]") -> "Figure":
    """The share of empty cells of each column, as bars from 0 to 100 %."""
    figure, (axes,) = _figure(8, 1.2 + 0.28 * len(shares))
    names = [printable(str(name)) for name in shares.index]
    axes.barh(names, np.ones(len(shares)), color="0.94")
    axes.barh(names, shares, color=ORANGE)
    for k, share in enumerate(shares):
        axes.text(1.01, k, f"{share:.1%}", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the rows where it is missing")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_traces(
    signals: Sequence[NDArray[np.floating]], *, titles: Sequence[str], rate_hz: float
) -> "Figure":
    """Small multiples on one scale: each signal (time,) under its title, which names its unit."""
    figure, every = _figure(9, 0.6 + 1.2 * len(signals), rows=len(signals), share=True)
    for axes, signal, title in zip(every, signals, titles, strict=True):
        axes.plot(np.arange(len(signal)) / rate_hz, signal, color="black", linewidth=0.7)
        axes.set_title(printable(title, length=110), loc="left", fontsize=9)
        axes.grid(color="0.9")
    every[-1].set_xlabel("time (s)")
    return figure


def draw_augmentations(
    before: NDArray[np.floating],
    *,
    afters: Mapping[str, NDArray[np.floating]],
    rate_hz: float,
) -> "Figure":
    """One lead (time,) as it was, grey, and after each augmentation, on top.

    Both are preprocessed, for augmentation comes after that.
    """
    figure, every = _figure(9, 0.6 + 1.2 * len(afters), rows=len(afters), share=True)
    time_s = np.arange(len(before)) / rate_hz
    for axes, (name, after) in zip(every, afters.items(), strict=True):
        axes.plot(time_s, before, color=GREY, linewidth=1.4, label="before")
        axes.plot(time_s, after, color=BLUE, linewidth=0.8, label="after")
        axes.set_title(printable(name), loc="left", fontsize=9)
        axes.grid(color="0.9")
    every[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8, frameon=False)
    every[-1].set_xlabel("time (s)")
    figure.supylabel("preprocessed units: each lead scaled to [−1, 1]", fontsize="medium")
    return figure


def _figure(
    width: float, height: float, *, rows: int = 1, columns: int = 1, share: bool = False
) -> "tuple[Figure, list[Axes]]":
    """A figure of so many inches and its axes, row by row.

    The layout "compressed" makes room for the words around panels of equal scales, which
    "constrained" measures before it knows how large these panels become.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="compressed")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
    return figure, list(axes.flat)


def _draw_cells(
    axes: "Axes",
    values: NDArray[np.floating],
    *,
    words: Sequence[Sequence[str]],
    rows: Sequence[Any],
    columns: Sequence[Any],
) -> None:
    """Cells from white to blue with their words in them."""
    axes.imshow(values, cmap="Blues", vmin=0, vmax=max(float(values.max()), 1e-9) * 1.1)
    dark = values > 0.6 * values.max()
    for (i, j), is_dark in np.ndenumerate(dark):
        colour = "white" if is_dark else "black"
        axes.text(j, i, words[i][j], ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(range(len(columns)), [printable(str(name)) for name in columns])
    axes.set_yticks(range(len(rows)), [printable(str(name)) for name in rows])
