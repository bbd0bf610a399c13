"""The pictures of hits and misses show what their names say."""

import numpy as np
from support.tiny import SUPERCLASS, SUPERCLASSES, tiny_model, write_store

from benchmarks.hits_and_misses import choose
from ecgcam import load
from ecgcam.evaluation.fold_predictions import predict_records


def test_each_kind_is_what_its_name_says(tmp_path):
    rng = np.random.default_rng(0)
    labels = [[f"superclass:{name}"] for name in rng.choice(SUPERCLASSES, 80)]
    signals = rng.normal(0, 200, (80, 12, 500)).astype(np.int16)
    store = write_store(tmp_path / "store", signals, labels, folds=[9] * 80)
    model = tiny_model(tmp_path / "m.safetensors", task=SUPERCLASS)
    classifier = load(model)
    chosen = choose(store, str(model), each=2)
    assert {kind for _, _, kind in chosen} == {"hit", "miss", "false-alarm"}
    for index, name, kind in chosen:
        logits = predict_records(classifier, store, np.array([index]))
        found = name in classifier.decide(classifier.probabilities(logits)[0])
        present = f"superclass:{name}" in store.records["labels"].iloc[index]
        assert (present, found) == {
            "hit": (True, True), "miss": (True, False), "false-alarm": (False, True),
        }[kind]  # fmt: skip
    counts = [sum(one[1:] == (name, "hit") for one in chosen) for name in SUPERCLASSES]
    assert max(counts) == 2
