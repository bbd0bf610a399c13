"""ECG files for tests, written by hand."""

import numpy as np

from ecgcam.data.synthetic.people import draw_heart, draw_person

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def samples_like_an_ecg(*, time=1000, leads=12, seed=0):
    """Return (time, leads) int16 in µV: beats of a made-up heart at 100 Hz, with a slow drift.

    Leads beyond the twelfth show the first ones again.
    """
    rng = np.random.default_rng(seed)
    heart = draw_heart(draw_person(rng), rng, duration_s=time / 100)
    drift_mv = 0.02 * np.sin(np.arange(time) / 100 + rng.uniform(0, 6, (2, 1)))
    one, two = heart.leads_mv(np.arange(time) / 100)[:2] + drift_mv
    limbs = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    signal_mv = np.concatenate([limbs, heart.leads_mv(np.arange(time) / 100)[6:]])
    return np.round(1000 * signal_mv[np.arange(leads) % 12].T).astype("<i2")


def write_wfdb(stem, samples, *, rate="100", leads=None, gain="1000.0(0)/mV", comments=()):
    """Write a WFDB record like PTB-XL's, format 16 in one file; return the path of its header."""
    leads = leads or [lead.upper() for lead in LEADS]
    lines = [f"{stem.name} {len(leads)} {rate} {len(samples)}"]
    for lead, column in zip(leads, samples.T, strict=True):
        checksum = int(column.sum(dtype=np.int64)) % 65536
        lines.append(f"{stem.name}.dat 16 {gain} 16 0 {column[0]} {checksum} 0 {lead}")
    lines += [f"# {comment}" for comment in comments]
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_name(f"{stem.name}.dat").write_bytes(samples.astype("<i2").tobytes())
    header = stem.with_name(f"{stem.name}.hea")
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return header


def change_text(path, old, new):
    """Replace a text that occurs exactly once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
