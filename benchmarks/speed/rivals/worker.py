"""The stages by the paper's way and by the peer libraries, run by loop.py.

Input of a job: NumPy files with raw `signals` and preprocessed ones, `prepared` with
`targets` and `validation` with `validation_targets`, (records, leads, time) and (records, 1);
`weights` for the network; `stems`, a file that lists WFDB records, of which a run reads `read`;
`batch`, the number of ECGs in a batch; `in_a_row`, the number of consecutive batches.
"""

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .loop import Given, Job, serve


def read(given: Given) -> Job:
    """Read some of the records by wfdb.rdsamp in a loop; save all, in whole µV, for comparison."""
    from .paper import read_records

    stems = Path(given["stems"]).read_text(encoding="utf-8").splitlines()
    some = stems[: given["read"]]

    def run() -> None:
        for _ in read_records(some):
            pass

    def result() -> NDArray[np.int16]:
        whole = (np.rint(signal.T * 1000).astype(np.int16) for signal in read_records(stems))
        return np.stack(list(whole))

    return Job(run=run, ecgs=len(some), result=result)


def preprocess(given: Given) -> Job:
    """Detrend and scale by Python loops over records and leads."""
    from .paper import prepare_record

    signals = np.load(given["signals"])
    prepared = np.empty_like(signals)

    def run() -> None:
        for place, signal in enumerate(signals):
            prepared[place] = prepare_record(signal)

    return Job(run=run, ecgs=len(signals), result=lambda: prepared)


def torch_ecg(given: Given) -> Job:
    """Preprocess with torch_ecg's nearest equivalent: minus a moving average, then 0 to 1."""
    import torch
    from torch_ecg.preprocessors import BaselineRemove, Normalize

    signals = torch.from_numpy(np.load(given["signals"]))
    batches = torch.split(signals, given["batch"])
    baseline = BaselineRemove(fs=100, inplace=False)
    scale = Normalize(method="min-max", per_channel=True, inplace=True)

    def run() -> None:
        for batch in batches:
            scale(baseline(batch))

    return Job(run=run, ecgs=len(signals))


def augment(given: Given) -> Job:
    """Augment one record at a time by ecgmentations."""
    from .paper import paper_augmentation

    records = np.ascontiguousarray(_first(given, "prepared").transpose(0, 2, 1))
    augmentation = paper_augmentation()

    def run() -> None:
        for _ in range(given["in_a_row"]):
            for record in records:
                augmentation(ecg=record)

    return Job(run=run, ecgs=given["in_a_row"] * len(records))


def step(given: Given) -> Job:
    """Train on one batch; save the logits before the first step for comparison."""
    import torch

    from .network import plain_network
    from .training import PlainTraining

    prepared = torch.from_numpy(_first(given, "prepared"))
    targets = torch.from_numpy(_first(given, "targets"))
    network = plain_network(Path(given["weights"])).eval()
    with torch.no_grad():
        logits = network(prepared).numpy()
    training = PlainTraining(network.train())

    def run() -> None:
        for _ in range(given["in_a_row"]):
            training.step(prepared, targets)

    return Job(run=run, ecgs=given["in_a_row"] * len(prepared), result=lambda: logits)


def epoch(given: Given) -> Job:
    """Train an epoch from preprocessed signals in memory, and validate."""
    from torch.utils.data import DataLoader

    from .network import plain_network
    from .paper import paper_augmentation
    from .training import PlainTraining, Records

    prepared, targets = np.load(given["prepared"]), np.load(given["targets"])
    validated = Records(np.load(given["validation"]), np.load(given["validation_targets"]))
    training = PlainTraining(plain_network(Path(given["weights"])))
    batches = DataLoader(
        Records(prepared, targets, paper_augmentation()),
        batch_size=given["batch"],
        shuffle=True,
        num_workers=0,
    )
    validation = DataLoader(validated, batch_size=given["batch"])

    def run() -> None:
        training.epoch(batches, validation)

    return Job(run=run, ecgs=len(prepared))


def evaluate(given: Given) -> Job:
    """Run the network on preprocessed signals one by one; save the logits for comparison."""
    import torch

    from .network import plain_network

    records = torch.from_numpy(np.load(given["validation"]))
    network = plain_network(Path(given["weights"])).eval()
    logits = np.empty((len(records), 1), np.float32)

    def run() -> None:
        with torch.no_grad():
            for place, record in enumerate(records):
                logits[place] = network(record.unsqueeze(0)).numpy()

    return Job(run=run, ecgs=len(records), result=lambda: logits)


def one(given: Given) -> Job:
    """Predict and explain one raw ECG, a different one each time."""
    from .network import paper_map, plain_network
    from .paper import prepare_record

    signals = cycle(np.load(given["signals"]))
    network = plain_network(Path(given["weights"])).eval()

    def run() -> None:
        paper_map(network, prepare_record(next(signals)))

    return Job(run=run, ecgs=1)


def layer_grad_cam(given: Given) -> Job:
    """Compute probabilities, then captum's map from the features that the head averages."""
    import torch
    from captum.attr import LayerGradCam

    from .network import plain_network

    prepared = torch.from_numpy(_first(given, "prepared"))
    network = plain_network(Path(given["weights"])).eval()
    explain = LayerGradCam(network, network.layers[-1])
    maps: list[torch.Tensor] = []

    def run() -> None:
        for _ in range(given["in_a_row"]):
            with torch.no_grad():
                torch.sigmoid(network(prepared))  # captum stores the output of its own forward pass
            maps[:] = [explain.attribute(prepared, target=0)]

    return Job(
        run=run,
        ecgs=given["in_a_row"] * len(prepared),
        result=lambda: maps[0].detach().numpy(),
    )


def _first(given: Given, name: str) -> NDArray[Any]:
    """Return the first batch of the input file of this name."""
    return np.load(given[name], mmap_mode="r")[: given["batch"]].copy()


JOBS = {
    job.__name__: job
    for job in (
        read,
        preprocess,
        torch_ecg,
        augment,
        step,
        epoch,
        evaluate,
        one,
        layer_grad_cam,
    )
}


def main() -> None:
    """Run jobs until standard input ends."""
    serve(JOBS)
