"""Figures of scores, training and tables.

Each function returns its figure; the caller saves it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .style import BLUE, COLOURS, GREY, LINE_STYLES, ORANGE, printable, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_roc_pr(
    classes: Mapping[str, tuple[NDArray[np.bool_], NDArray[np.floating]]],
) -> "Figure":
    """Return ROC and precision-recall curves, one per class, with their areas in the legend.

    classes: for each class (records,) targets and (records,) scores; a higher score means more
    likely. Dotted lines show chance: the diagonal, and each class's prevalence. A class with only
    positives or only negatives has no curve; the legend says so.
    """
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    figure, (roc, pr) = _figure(11, 5.5, columns=2)
    for k, (full_name, (truth, score)) in enumerate(classes.items()):
        name = printable(full_name, length=40)
        prevalence = truth.mean()
        look: dict[str, Any] = {
            "color": COLOURS[k % len(COLOURS)],
            "linestyle": LINE_STYLES[k // len(COLOURS) % len(LINE_STYLES)],
        }
        if prevalence in (0, 1):
            label = f"{name}: no {'negatives' if prevalence else 'positives'}"
            roc.plot([], [], label=label, **look)
            pr.plot([], [], label=label, **look)
            continue
        false_rate, true_rate, _ = roc_curve(truth, score)
        precision, recall, _ = precision_recall_curve(truth, score)
        average = average_precision_score(truth, score)
        roc.plot(false_rate, true_rate, label=f"{name}: {auc(false_rate, true_rate):.3f}", **look)
        pr.step(recall, precision, where="post", label=f"{name}: {average:.3f}", **look)
        pr.axhline(prevalence, color=look["color"], linestyle=":", linewidth=0.8)
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    roc.set(xlabel="1 − specificity", ylabel="sensitivity", title="ROC", aspect="equal")
    pr.set(xlabel="recall (sensitivity)", ylabel="precision", title="Precision-recall")
    pr.set(aspect="equal", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    roc.legend(title="area under the curve", fontsize=8, loc="lower right")
    pr.legend(title="average precision", fontsize=8, loc="lower left")
    return figure


def draw_confusion(confusion: NDArray[np.integer], *, class_names: Sequence[str]) -> "Figure":
    """Return how often each true class was predicted as which, with fractions of the true class.

    confusion: (classes, classes), counts; rows are the truth, columns the predictions.
    """
    total = confusion.sum(axis=1, keepdims=True)
    fraction = confusion / np.where(total > 0, total, 1)
    texts = [
        [f"{n:,}\n{f:.1%}" for n, f in zip(*row, strict=True)]
        for row in zip(confusion, fraction, strict=True)
    ]
    figure, axes = _draw_cells(fraction, texts=texts, rows=class_names, columns=class_names)
    axes.set(xlabel="predicted", ylabel="true")
    return figure


def draw_matrix(table: "pd.DataFrame") -> "Figure":
    """Return a table of counts as cells with their numbers, darker for larger counts."""
    values = table.to_numpy(dtype=float)
    texts = [[f"{n:,.0f}" for n in row] for row in values]
    return _draw_cells(values, texts=texts, rows=list(table.index), columns=list(table.columns))[0]


def draw_training_curve(table: "pd.DataFrame", *, best_epoch: int, score: str) -> "Figure":
    """Return loss and validation score by epoch, with the best epoch marked.

    table: columns epoch, train_loss, val_loss and `score`, for example "val_auroc".
    """
    from matplotlib.ticker import MaxNLocator

    figure, (loss, scored) = _figure(7, 6, rows=2)
    epochs = table["epoch"]
    loss.plot(epochs, table["train_loss"], "o-", color=BLUE, markersize=3, label="training")
    loss.plot(epochs, table["val_loss"], "s-", color=ORANGE, markersize=3, label="validation")
    scored.plot(epochs, table[score], "s-", color=ORANGE, markersize=3)
    best = table.loc[table["epoch"] == best_epoch, score].iloc[0]
    for axes in (loss, scored):
        axes.axvline(best_epoch, color=GREY, linestyle="--", zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="0.9")
    scored.plot([best_epoch], [best], "*", color="black", markersize=12, zorder=3)
    name = score.replace("val_", "validation ").replace("_", " ").replace("auroc", "AUROC")
    scored.set(xlabel="epoch", ylabel=name, title=f"best: epoch {best_epoch}, {name} {best:.4f}")
    loss.set(ylabel="loss")
    loss.legend()
    return figure


def draw_counts(counts: "pd.Series[int]") -> "Figure":
    """Return a horizontal bar for each count of records."""
    figure, axes = _draw_bars(counts, height=1.2 + 0.32 * len(counts), colour=BLUE)
    for k, count in enumerate(counts):
        axes.text(count, k, f" {count:,}", va="center", fontsize=8)
    axes.margins(x=0.12)
    axes.set_xlabel("records")
    return figure


def draw_missing(fractions: "pd.Series[float]") -> "Figure":
    """Return the fraction of empty cells of each column, as bars from 0 to 100 %."""
    figure, axes = _draw_bars(fractions, height=1.2 + 0.28 * len(fractions), colour=ORANGE)
    axes.barh(range(len(fractions)), 1, color="0.94", zorder=0)
    for k, fraction in enumerate(fractions):
        axes.text(1.01, k, f"{fraction:.1%}", va="center", fontsize=8)
    axes.set(xlim=(0, 1), xlabel="rows without a value")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    return figure


def _figure(
    width: float, height: float, *, rows: int = 1, columns: int = 1
) -> "tuple[Figure, list[Axes]]":
    """Return a figure of this size in inches and its axes, row by row.

    The layout "compressed" leaves room for text around panels of equal scale; "constrained"
    measures it before the panels have their final size.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="compressed")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def _draw_bars(values: "pd.Series[Any]", *, height: float, colour: str) -> "tuple[Figure, Axes]":
    """Draw a horizontal bar for each value, named by the index, from top to bottom."""
    figure, (axes,) = _figure(8, height)
    axes.barh(range(len(values)), values, color=colour)
    axes.set_yticks(range(len(values)), [printable(str(name)) for name in values.index])
    axes.set_ylim(len(values) - 0.4, -0.6)  # from top to bottom
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _draw_cells(
    values: NDArray[np.floating],
    *,
    texts: Sequence[Sequence[str]],
    rows: Sequence[Any],
    columns: Sequence[Any],
) -> "tuple[Figure, Axes]":
    """Draw cells from white to blue with their texts."""
    figure, (axes,) = _figure(2.6 + 1.05 * len(columns), 1.6 + 0.75 * len(rows))
    axes.imshow(
        values, cmap="Blues", vmin=0, vmax=max(float(values.max()), 1e-9) * 1.1, aspect="auto"
    )
    dark = values > 0.6 * values.max()
    for (i, j), is_dark in np.ndenumerate(dark):
        colour = "white" if is_dark else "black"
        axes.text(j, i, texts[i][j], ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(
        range(len(columns)), [wrapped(str(name), width=12) for name in columns], fontsize=9
    )
    axes.set_yticks(range(len(rows)), [wrapped(str(name), width=22) for name in rows], fontsize=9)
    return figure, axes
