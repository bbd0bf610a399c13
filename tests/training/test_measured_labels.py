"""Measured labels: how many records have them, and that they say what the ECGs are."""

import numpy as np
import pytest
from support.tiny import write_store

from ecgcam.signals.beat_measures import AMPLITUDES, INTERVALS, MEAN_BEAT_S, RHYTHM
from ecgcam.training.measured_labels import FRACTIONS, measure_records, measured_labels
from ecgcam.training.recipe_file import make_config
from ecgcam.training.trainer import train


@pytest.fixture(scope="module")
def labels(synthetic_store):
    return measured_labels(synthetic_store, synthetic_store.indices())


def test_there_are_four_labels_for_each_measure(labels, synthetic_store):
    measures = (len(RHYTHM), len(INTERVALS), 12 * len(AMPLITUDES), 12 * len(MEAN_BEAT_S))
    assert [part.shape for part in labels] == [
        (len(synthetic_store.records), 4 * count) for count in measures
    ]


def test_a_label_has_the_frequency_of_its_fraction(labels):
    for of_kind in labels[2:]:  # the others have ties: in most records each beat has a P wave
        found = of_kind.reshape(len(of_kind), len(FRACTIONS), -1).mean(axis=(0, 2))
        np.testing.assert_allclose(found, (0.05, 0.2, 0.2, 0.05), atol=0.02)


def test_disorders_of_real_ecgs_show_in_what_is_measured(fold_9_store):
    """AFIB: irregular, without P waves; bundle branch blocks: wide; PVC: unlike, early beats."""
    of_records = [set(own) for own in fold_9_store.records["labels"].iloc[:300]]
    rhythm, intervals, *_ = measured_labels(fold_9_store, np.arange(300))
    blocks = {"statement:CLBBB", "statement:CRBBB"}
    for statements, label in (
        ({"statement:AFIB"}, fifth(rhythm, RHYTHM, "RR deviation", highest=True)),
        ({"statement:AFIB"}, fifth(rhythm, RHYTHM, "beats with P", highest=False)),
        (blocks, fifth(intervals, INTERVALS, "QRS", highest=True)),
        ({"statement:PVC"}, fifth(rhythm, RHYTHM, "lowest correlation", highest=False)),
        ({"statement:PVC"}, fifth(rhythm, RHYTHM, "shortest RR", highest=False)),
    ):
        present = np.array([bool(own & statements) for own in of_records])
        assert present.sum() >= 5
        assert label[present].mean() > 0.7 > 0.3 > label[~present].mean()


def fifth(labels, measures, name, *, highest):
    """Return whether each record is in the highest (or the lowest) fifth of a measure."""
    by_fraction = labels.reshape(len(labels), len(FRACTIONS), -1)
    return by_fraction[:, 2 if highest else 1, measures.index(name)]


def test_progress_counts_the_records(synthetic_store):
    seen = []
    measure_records(synthetic_store, np.arange(40), progress=lambda *done: seen.append(done))
    assert seen == [(40, 40)]


def test_what_was_not_measured_has_the_frequency_of_the_label_as_its_target(fold_9_store):
    records = np.arange(300)
    of_intervals = slice(len(RHYTHM), len(RHYTHM) + len(INTERVALS))
    missing = np.isnan(measure_records(fold_9_store, records)[:, of_intervals])
    _, intervals, *_ = measured_labels(fold_9_store, records)
    intervals = intervals.reshape(300, len(FRACTIONS), len(INTERVALS))
    some = np.flatnonzero(missing.any(axis=0))
    assert len(some) > 0
    for measure in some:
        targets, absent = intervals[:, :, measure], missing[:, measure]
        frequency = targets[~absent].mean(axis=0)
        np.testing.assert_allclose(targets[absent], frequency[None].repeat(absent.sum(), 0), 1e-5)


def test_what_was_measured_of_no_record_is_learned_as_absent(tmp_path):
    flat = write_store(
        tmp_path / "flat", np.zeros((3, 12, 1000), np.int16), [["superclass:NORM"]] * 3,
        folds=[1] * 3,
    )  # fmt: skip
    assert np.isnan(measure_records(flat, flat.indices())).all()
    assert not np.concatenate(measured_labels(flat, flat.indices()), axis=1).any()


def test_a_network_trains_with_measured_labels_and_keeps_none_of_them(tmp_path, synthetic_store):
    config = make_config(
        {"task": "normal", "augmentation": "none"},
        {"auxiliary.measured": True, "optimizer.epochs": 1, "data.train_folds": [1, 2],
         "data.validation_folds": [9]},
        source="test",
    )  # fmt: skip
    model = train(synthetic_store, tmp_path / "run", config)
    assert model.stat().st_size < 200_000
