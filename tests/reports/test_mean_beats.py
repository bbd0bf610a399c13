"""Each ECG with sure waves is in the mean beat of its group, once."""

import numpy as np
from support.tiny import tiny_model

from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.inference.loading import load
from ecgcam.reports.mean_beats import GROUPS, mean_beats, write_mean_beats


def test_the_groups_hold_the_ecgs_of_a_fold(synthetic_store, tmp_path):
    classifier = load(tiny_model(tmp_path / "model.safetensors", duration_s=10))
    predictions = predict_folds(classifier, synthetic_store, folds=(1, 2, 3))
    (groups,) = mean_beats(predictions)
    assert set(groups) <= set(GROUPS)
    counts = {group: count for group, (count, _) in groups.items()}
    assert 0.7 * len(predictions.indices) < sum(counts.values()) <= len(predictions.indices)
    decided, true = predictions.decisions[:, 0], predictions.targets[:, 0] > 0
    assert counts.get("hits", 0) <= (decided & true).sum()
    assert counts.get("correctly no", 0) <= (~decided & ~true).sum()
    for _, beat in groups.values():
        assert np.ptp(beat.signal_mv, axis=1).max() > 0.3  # a QRS complex
    pictures = write_mean_beats(predictions, tmp_path)
    assert pictures == {"Abnormal ECG": tmp_path / "mean-beats-ABNORMAL.png"}
    assert pictures["Abnormal ECG"].read_bytes().startswith(b"\x89PNG")
