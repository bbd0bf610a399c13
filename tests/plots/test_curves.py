"""Figures of scores, training and tables show their input."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from sklearn.metrics import average_precision_score, roc_auc_score
from support.drawn_records import HOSTILE, words

from ecgcam.plots.curves import (
    draw_confusion,
    draw_counts,
    draw_matrix,
    draw_missing,
    draw_roc_pr,
    draw_training_curve,
)
from ecgcam.plots.style import printable


def by_class(targets, scores, names):
    columns = zip(targets.T > 0, scores.T, strict=True)
    return dict(zip(names, columns, strict=True))


def test_roc_and_pr_curves_have_the_areas_in_their_legends():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (300, 2))
    scores = rng.random((300, 2)) + 0.3 * targets
    figure = draw_roc_pr(by_class(targets, scores, ["NORM", "MI"]))
    roc, pr = figure.axes
    for k, name in enumerate(["NORM", "MI"]):
        auroc = roc_auc_score(targets[:, k], scores[:, k])
        average = average_precision_score(targets[:, k], scores[:, k])
        curve = next(line for line in roc.lines if line.get_label() == f"{name}: {auroc:.3f}")
        assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(auroc)
        assert f"{name}: {average:.3f}" in [line.get_label() for line in pr.lines]
    chance = [line.get_ydata()[0] for line in pr.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(chance, targets.mean(axis=0))


@pytest.mark.parametrize("classes", [1, 5])
def test_no_text_around_the_curves_is_cut_off(classes):
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (300, classes))
    names = [f"class {k}" for k in range(classes)]
    figure = draw_roc_pr(by_class(targets, rng.random(targets.shape), names))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = figure.get_tightbbox(canvas.get_renderer())  # in inches
    width, height = figure.get_size_inches()
    assert min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > 0


def test_a_class_with_only_positives_or_negatives_has_no_curve_and_the_legend_says_so():
    targets = np.stack([np.ones(20, int), np.arange(20) % 2, np.zeros(20, int)], axis=1)
    scores = np.random.default_rng(0).random((20, 3))
    figure = draw_roc_pr(by_class(targets, scores, ["ALL", "HALF", "NONE"]))
    assert words(figure).count("ALL: no negatives") == 2
    assert words(figure).count("NONE: no positives") == 2


def test_the_confusion_table_has_the_truth_in_its_rows():
    figure = draw_confusion(np.array([[90, 10], [25, 75]]), class_names=["normal", "abnormal"])
    (axes,) = figure.axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells[(1, 0)] == "10\n10.0%"  # column 1, row 0: normal, predicted abnormal
    assert cells[(0, 1)] == "25\n25.0%"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_a_confusion_table_of_a_class_without_records_is_drawn():
    assert "0\n0.0%" in words(draw_confusion(np.array([[3, 1], [0, 0]]), class_names=["a", "b"]))


SUPERCLASSES = (
    *("Normal ECG (NORM)", "Myocardial infarction (MI)", "ST/T change (STTC)"),
    *("Conduction disturbance (CD)", "Hypertrophy (HYP)"),
)


@pytest.mark.parametrize("names", [SUPERCLASSES, SUPERCLASSES[1:3]])
def test_long_class_names_in_a_confusion_table_do_not_overlap(names):
    figure = draw_confusion(np.full((len(names), len(names)), 1234), class_names=names)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (axes,) = figure.axes
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [" ".join(label.get_text().split()) for label in labels] == list(names)
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in zip(boxes, boxes[1:], strict=False))
    drawn = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > 0


def test_text_in_cells_stands_out():
    figure = draw_matrix(pd.DataFrame([[0, 50], [70, 100]], index=["a", "b"], columns=["c", "d"]))
    (axes,) = figure.axes
    for text in axes.texts:
        column, row = text.get_position()
        ground = axes.images[0].to_rgba(axes.images[0].get_array())[row, column]
        ink = to_rgba(text.get_color())
        luminance = [np.dot(shade[:3], (0.2126, 0.7152, 0.0722)) for shade in (ground, ink)]
        assert abs(luminance[0] - luminance[1]) > 0.4


def test_the_best_epoch_is_marked_at_its_score():
    epochs = np.arange(1, 6)
    scores = [0.7, 0.8, 0.9, 0.85, 0.8]
    table = pd.DataFrame(
        {"epoch": epochs, "train_loss": 1 / epochs, "val_loss": 2 / epochs, "val_auroc": scores}
    )
    figure = draw_training_curve(table, best_epoch=3, score="val_auroc")
    loss, scored = figure.axes
    (star,) = [line for line in scored.lines if line.get_marker() == "*"]
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (3, 0.9)
    np.testing.assert_allclose(loss.lines[1].get_ydata(), 2 / epochs)
    assert "best: epoch 3, validation AUROC 0.9000" in words(figure)


def test_a_single_epoch_is_drawn():
    table = pd.DataFrame({"epoch": [1], "train_loss": [1.0], "val_loss": [2.0], "val_f1": [0.5]})
    draw_training_curve(table, best_epoch=1, score="val_f1").canvas.draw()


def test_counts_are_bars_with_their_numbers():
    (axes,) = draw_counts(pd.Series({"NORM": 1500, "MI": 26})).axes
    assert [bar.get_width() for bar in axes.containers[0]] == [1500, 26]
    assert [text.get_text().strip() for text in axes.texts] == ["1,500", "26"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["NORM", "MI"]


def test_missing_fractions_are_bars():
    (axes,) = draw_missing(pd.Series({"age": 0.25, "weight": 0.5})).axes
    assert [bar.get_width() for bar in axes.containers[0]] == [0.25, 0.5]
    assert "50.0%" in words(axes.figure)


def test_any_name_can_be_drawn():
    table = pd.DataFrame([[1, 2], [3, 4]], index=[HOSTILE, "b"], columns=[HOSTILE, "d"])
    targets, scores = np.array([[0], [1]]), np.array([[0.1], [0.9]])
    for figure in (
        draw_matrix(table),
        draw_counts(pd.Series({HOSTILE: 5})),
        draw_missing(pd.Series({HOSTILE: 0.5})),
        draw_confusion(table.to_numpy(), class_names=[HOSTILE, "b"]),
        draw_roc_pr(by_class(targets, scores, [HOSTILE])),
    ):
        figure.canvas.draw()


def test_printable_text_is_one_short_line_of_characters_that_the_font_has():
    assert printable("a\n b\tc") == "a b c"
    assert printable("心 é µ") == "□ é µ"
    assert printable("x" * 20, length=5) == "xxxx…"
    assert printable("5 $ and 6 $") == r"5 \$ and 6 \$"
