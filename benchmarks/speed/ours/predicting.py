"""Prediction stages: a fold evaluated, an archive scored, one ECG, batches with and without map."""

import time
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from ecgcam.data.store import open_store
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.scoring import score
from ecgcam.inference.classifier import BATCH
from ecgcam.inference.export import export
from ecgcam.inference.loading import load
from ecgcam.nn.fuse import fuse_norms
from ecgcam.nn.network import evaluating

from ..rivals.loop import Given, Job
from .given import every, first, network_of


def evaluate(given: Given) -> Job:
    """Predict and score folds of a store, without intervals; save the logits for comparison."""
    classifier = load(given["model"])
    logits: list[NDArray[np.float32]] = []

    def run() -> None:
        judged = predict_folds(classifier, open_store(Path(given["store"])), folds=given["folds"])
        score(judged, replicates=1)
        logits[:] = [judged.logits]

    return Job(run=run, ecgs=given["validated"], result=lambda: logits[0])


def judge(given: Given) -> Job:
    """Predict every record of a store."""
    classifier = load(given["model"])

    def run() -> None:
        whole = open_store(Path(given["store"]))
        predict_folds(classifier, whole, folds=whole.records["fold"].unique().tolist())

    return Job(run=run, ecgs=given["records"])


def one(given: Given) -> Job:
    """Predict and explain one raw ECG by the export, a different one each time."""
    with TemporaryDirectory() as folder:
        classifier = load(export(given["model"], Path(folder) / "model.onnx"))
    signals = cycle(every(given, "signals").numpy())

    def run() -> None:
        classifier.explain(next(signals)[None])

    return Job(run=run, ecgs=1)


def probability_and_map(given: Given) -> Job:
    """Compute probabilities and evidence of batches; save captum's map of one for comparison.

    Adds alone_s, the time of the probabilities alone, measured in turn in this process: two equal
    processes can differ by some hundredths, by the placement of their memory.
    The gradient of a logit by a feature is the head's weight over the number of frames, since the
    head averages them; so LayerGradCam is the evidence over that number.
    """
    prepared, network = first(given, "prepared"), fuse_norms(network_of(given))
    parts = torch.split(prepared, BATCH)
    maps: list[torch.Tensor] = []

    def alone() -> None:
        for part in parts:
            network.logits(part).sigmoid()

    def both() -> None:
        maps.clear()
        for part in parts:
            logits, evidence, _ = network.forward_preprocessed(part)
            logits.sigmoid()
            maps.append(evidence)

    def run() -> dict[str, float]:
        taken = {both: 0.0, alone: 0.0}
        with torch.inference_mode():
            both()  # with cold caches in both orders
            for k in range(given["in_a_row"]):
                for do in (alone, both) if k % 2 else (both, alone):
                    start = time.perf_counter()
                    do()
                    taken[do] += time.perf_counter() - start
        return {"seconds": taken[both], "alone_s": taken[alone]}

    def result() -> NDArray[np.float32]:
        evidence = torch.cat(maps) + network.flat_evidence()[:, :, 0]  # captum's are absolute
        return (evidence / evidence.shape[-1]).numpy()

    return Job(run=run, ecgs=given["in_a_row"] * len(prepared), result=result)


def layer_grad_cam(given: Given) -> Job:
    """Compute probabilities by our network, then captum's map of the same network.

    It shows how much of the ratio to captum comes from the network, and how much from the map.
    """
    from captum.attr import LayerGradCam

    prepared, network = first(given, "prepared"), fuse_norms(network_of(given))
    explain = LayerGradCam(network.logits, network.backbone.last)

    def run() -> None:
        for _ in range(given["in_a_row"]):
            for part in torch.split(prepared, BATCH):
                with torch.inference_mode():
                    network.logits(part).sigmoid()
                explain.attribute(part, target=0)

    return Job(run=run, ecgs=given["in_a_row"] * len(prepared))


def judge_on_gpu(given: Given) -> Job:
    """Predict raw ECGs from memory on a GPU, with evidence, in large batches."""
    signals = every(given, "signals").pin_memory()
    network = network_of(given).to("cuda")

    def run() -> None:
        with evaluating(network):
            for batch in torch.split(signals, given["batch"]):
                network(batch.to("cuda", non_blocking=True))
        torch.cuda.synchronize()

    return Job(run=run, ecgs=len(signals))
