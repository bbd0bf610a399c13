"""Draw the pictures of the docs, of made-up ECGs: python docs/make_pictures.py normal"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import typer
from ecgcam.lead_transforms import LeadDropout, LeadMix
from ecgcam.pictures.plots import draw_augmentations
from ecgcam.pictures.sheet import draw_sheet
from ecgcam.pictures.stacked import draw_leads
from ecgcam.preprocess import scale_to_unit
from ecgcam.record import Record
from ecgcam.synthetic import made_up_ecg
from ecgcam.transforms import (
    AmplitudeScale,
    GaussianNoise,
    MainsHum,
    Respiration,
    TimeShift,
    TimeWarp,
)

import ecgcam

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent / "pictures"
PVC_SEED = 31


def main(model: str) -> None:
    """Judge an ECG with a few ventricular beats, and draw why; draw each augmentation."""
    record = _made_up("PVC", seed=PVC_SEED)
    answer = ecgcam.load(model).explain(record)
    draw_sheet(record, answer).savefig(FOLDER / "sheet.png", dpi=110)
    draw_leads(record, answer).savefig(FOLDER / "leads.png", dpi=110)
    _augmentations(_made_up("NORM", seed=1)).savefig(FOLDER / "augmentations.png", dpi=110)


def _made_up(statement: str, *, seed: int) -> Record:
    made = made_up_ecg(np.random.default_rng(seed), (statement,))
    return replace(made.record, name="a made-up ECG")


def _augmentations(record: Record) -> "Figure":
    """Lead II under each transform: the strongest of 32 draws, for something to see."""
    signal = scale_to_unit(torch.from_numpy(record.signal_mv)[None]).expand(32, -1, -1)
    rate_hz = record.rate_hz
    generator = torch.Generator().manual_seed(4)
    afters = {}
    for name, transform in {
        "time shift, up to 3 %": TimeShift(),
        "amplitude scale, ± 20 %": AmplitudeScale(),
        "Gaussian noise, variance 0.001": GaussianNoise(),
        "mains hum, 50 Hz (at 100 Hz every other sample)": MainsHum(rate_hz=rate_hz),
        "respiration, 12-18 a minute": Respiration(rate_hz=rate_hz),
        "time warp": TimeWarp(),
        "lead dropout": LeadDropout(lead_probability=1.0),
        "leads mixed, by 0.04": LeadMix(),
    }.items():
        changed = transform.apply(signal, transform.draw(signal.shape, generator=generator))
        strongest = (changed - signal)[:, 1].abs().sum(dim=-1).argmax()
        afters[name] = changed[strongest, 1].numpy()
    return draw_augmentations(signal[0, 1].numpy(), afters=afters, rate_hz=rate_hz)


if __name__ == "__main__":
    typer.run(main)
