"""Each ECG with sure waves is in the mean beat of its group, once."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.drawn_records import words
from support.tiny import SUPERCLASS, tiny_model

from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.inference.loading import load
from ecgcam.plots.beat import beat_evidence
from ecgcam.reports import mean_beats as module
from ecgcam.reports.mean_beats import mean_beats, write_mean_beats
from ecgcam.signals.mean_beat import mean_beat
from ecgcam.signals.waves import find_waves


@pytest.fixture(scope="module")
def predictions(synthetic_store, tmp_path_factory):
    """Of a model that has seen nothing, whose leads are in another order than the store's."""
    leads = synthetic_store.leads[::-1]
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    model = tiny_model(path, duration_s=10, task=SUPERCLASS, leads=leads)
    return predict_folds(load(model), synthetic_store, folds=(1, 2))


def test_the_means_are_of_the_explanations_of_the_ecgs_of_each_group(predictions, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 7)
    classifier, store = predictions.classifier, predictions.store
    expected = [{} for _ in classifier.classes]
    for row, index in enumerate(predictions.indices.tolist()):
        record = store.record(index)
        (answer,) = classifier.explain([record], force=True)
        beat = mean_beat(record, find_waves(record))
        for k, groups in enumerate(expected):
            key = predictions.targets[row, k] > 0, bool(predictions.decisions[row, k])
            if beat is not None:
                groups.setdefault(key, []).append(beat_evidence(record, answer, k, beat))
    means = mean_beats(predictions)
    for groups, own in zip(means, expected, strict=True):
        assert {key: mean.count for key, mean in groups.items()} == {
            key: len(beats) for key, beats in own.items()
        }
        for key, beats in own.items():
            mean = groups[key].mean()
            signal_mv = np.mean([beat.signal_mv for beat in beats], axis=0)
            np.testing.assert_allclose(mean.signal_mv, signal_mv, atol=1e-6)
            heat = np.nanmean([beat.heat for beat in beats], axis=0)
            np.testing.assert_allclose(mean.heat, heat, atol=1e-6)
            assert np.ptp(mean.signal_mv, axis=1).max() > 0.3  # a QRS complex
    assert sum(mean.count for mean in means[0].values()) > 0.7 * len(predictions.indices)


def test_progress_counts_the_ecgs(predictions, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 10)
    calls, count = [], len(predictions.indices)
    mean_beats(predictions, lambda *done: calls.append(done))
    assert calls == [*((done, count) for done in range(10, count, 10)), (count, count)]


def test_each_class_has_a_picture_that_says_what_it_shows(predictions, tmp_path, monkeypatch):
    figures = []

    def save(figure, path, **_):
        figures.append(figure)
        path.write_bytes(b"drawn")

    monkeypatch.setattr(Figure, "savefig", save)
    calls, count = [], len(predictions.indices)
    pictures = write_mean_beats(predictions, tmp_path, progress=lambda *done: calls.append(done))
    assert calls[-6:] == [(count + k, count + 5) for k in range(6)]
    assert list(pictures) == list(predictions.classifier.full_names)
    for name, path in zip(predictions.classifier.classes, pictures.values(), strict=True):
        assert path == tmp_path / f"mean-beats-{name}.png"
        assert path.read_bytes() == b"drawn"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in pictures.values()
    )
    text = words(figures[0])
    left_out = len(predictions.indices) - sum(
        mean.count for mean in mean_beats(predictions)[0].values()
    )
    assert f"{left_out} of {len(predictions.indices)} ECGs are left out" in text
    assert "Orange: evidence for the class, blue: against it, from all leads together" in text
    assert "Model untrained." in text
    assert "Not a medical device" in text


def test_an_interrupted_picture_leaves_no_file(predictions, tmp_path, monkeypatch):
    def interrupt(self, path, **_):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_mean_beats(predictions, tmp_path)
    assert list(tmp_path.iterdir()) == []
