"""ECG files for tests, written by hand."""

import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def samples_like_an_ecg(*, time=1000, leads=12, seed=0):
    """Return (time, leads) int16 in µV: independent slow noise of about 0.5 mV in each lead."""
    rng = np.random.default_rng(seed)
    walk = rng.normal(0, 60, (time, leads)).cumsum(axis=0)
    return np.round(walk - walk.mean(axis=0) + rng.normal(0, 40, leads)).astype("<i2")


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
