"""Measured labels: how many records have them, and that they say what the ECGs are."""

import numpy as np
import pytest
from support.tiny import write_store

from ecgcam.signals.beat_measures import AMPLITUDES, INTERVALS, RHYTHM
from ecgcam.training.measured_labels import FRACTIONS, measure_records, measured_labels
from ecgcam.training.recipe_file import make_config
from ecgcam.training.trainer import train


@pytest.fixture(scope="module")
def labels(synthetic_store):
    return measured_labels(synthetic_store, synthetic_store.indices())


def test_there_are_four_labels_for_each_measure(labels, synthetic_store):
    measures = (len(RHYTHM), len(INTERVALS), len(AMPLITUDES) * 12)
    assert [part.shape for part in labels] == [
        (len(synthetic_store.records), 4 * count) for count in measures
    ]


def test_a_label_has_the_frequency_of_its_fraction(labels):
    rhythm, _, amplitudes = labels
    for of_kind in (rhythm, amplitudes):
        found = of_kind.reshape(len(of_kind), len(FRACTIONS), -1).mean(axis=(0, 2))
        np.testing.assert_allclose(found, (0.05, 0.2, 0.2, 0.05), atol=0.02)


def test_real_fibrillation_is_labelled_irregular_and_real_bundle_branch_block_wide(fold_9_store):
    of_records = [set(own) for own in fold_9_store.records["labels"].iloc[:300]]
    rhythm, intervals, _ = measured_labels(fold_9_store, np.arange(300))
    irregular, wide = (
        highest_fifth(rhythm, RHYTHM, "RR deviation"),
        highest_fifth(intervals, INTERVALS, "QRS"),
    )
    fibrillation = np.array(["statement:AFIB" in own for own in of_records])
    blocked = np.array([bool(own & {"statement:CLBBB", "statement:CRBBB"}) for own in of_records])
    for label, present in ((irregular, fibrillation), (wide, blocked)):
        assert present.sum() >= 5
        assert label[present].mean() > 0.7 > 0.3 > label[~present].mean()


def highest_fifth(labels, measures, name):
    """Which records (records,) are in the highest fifth of a measure."""
    return labels.reshape(len(labels), len(FRACTIONS), -1)[:, 2, measures.index(name)]


def test_progress_counts_the_records(synthetic_store):
    seen = []
    measure_records(synthetic_store, np.arange(40), progress=lambda *done: seen.append(done))
    assert seen == [(40, 40)]


def test_what_cannot_be_measured_has_the_frequency_as_its_target(tmp_path):
    flat = write_store(
        tmp_path / "flat", np.zeros((3, 12, 1000), np.int16), [["superclass:NORM"]] * 3,
        folds=[1] * 3,
    )  # fmt: skip
    assert np.isnan(measure_records(flat, flat.indices())).all()
    for part in measured_labels(flat, flat.indices()):
        expected = np.repeat((0.05, 0.2, 0.2, 0.05), part.shape[1] // 4)
        np.testing.assert_allclose(part, np.broadcast_to(expected, part.shape), rtol=1e-6)


def test_a_network_trains_with_measured_labels_and_keeps_none_of_them(tmp_path, synthetic_store):
    config = make_config(
        {"task": "normal", "augmentation": "none"},
        {"auxiliary.measured": True, "optimizer.epochs": 1, "data.train_folds": [1, 2],
         "data.validation_folds": [9]},
        source="test",
    )  # fmt: skip
    model = train(synthetic_store, tmp_path / "run", config)
    assert model.stat().st_size < 200_000
