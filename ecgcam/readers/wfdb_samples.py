"""Samples of WFDB records: formats 16 and 61 are read here, all others by the library wfdb.

The library gets each file under a plain name, with a header of our spelling: it cannot parse many
headers that occur, and it assumes a rate and a gain where there is none.
"""

import shutil
import warnings
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.stored import BLOCK, LONG, StoredChannel, StoredSamples, as_row
from .channels import Channel
from .wfdb_header import NO_GAIN, SAMPLE_BITS, Header, Signal, find_samples

_BYTES = {  # per sample; the FLAC formats have no fixed size
    **{"8": 1, "80": 1, "16": 2, "61": 2, "160": 2, "24": 3, "32": 4},
    **{"212": 1.5, "310": 4 / 3, "311": 4 / 3},
}
_PLAIN = {"16": "<i2", "61": ">i2"}  # of these, wfdb cannot read 61
_LONG = 1_000_000  # samples, from which on single precision saves memory
_FLAC_SAMPLES_PER_BYTE = 100  # more is no ECG: FLAC takes about half a byte for a sample of one


def read_channels(path: Path, header: Header) -> tuple[list[Channel], list[str]]:
    """Read all channels of a record without segments, and return warnings.

    path: the header's. Channels whose file is absent are left out; RecordError if all are, or if
    a file is too short or fails its checksum.
    """
    if stored := _long_recording(path, header):
        return stored, []
    channels: list[Channel] = []
    absent: list[str] = []
    common_skew = min(signal.skew for signal in header.signals)
    for name, group in groupby(header.signals, key=lambda signal: signal.file):
        signals = list(group)
        file = find_samples(path, name)
        if file is None:
            absent.append(f"{', '.join(s.lead or '(unnamed)' for s in signals)} (file {name})")
            continue
        for signal, samples in zip(signals, _decode(file, signals, header.samples), strict=True):
            if signal.checksum is not None and any(s.checksum for s in header.signals):
                _verify_checksum(signal, samples)
            channels.append(_channel(signal, samples, header.rate_hz, signal.skew - common_skew))
    if not channels:
        raise RecordError(f"{header.signals[0].file}: no such file; its header names it.")
    return channels, [f"channels left out, whose file is absent: {'; '.join(absent)}"] * bool(
        absent
    )


def _long_recording(path: Path, header: Header) -> list[Channel]:
    """Return the channels of a long recording, which stay in its file; [] if it is another.

    It has one file of plain samples, none of them invalid, and channels of one rate and skew.
    """
    signals = header.signals
    if len({(s.file, s.format, s.offset, s.frame, s.skew) for s in signals}) > 1:
        return []
    file, form = find_samples(path, signals[0].file), signals[0].format
    if file is None or form not in _PLAIN or signals[0].frame != 1:
        return []
    width = len(signals)
    available = (file.stat().st_size - signals[0].offset) // (2 * width)
    time = header.samples or available
    if available < time or time * width < LONG:
        return []
    source = StoredSamples(
        path=file, dtype=_PLAIN[form], channels=width, time=time, offset=signals[0].offset
    )
    sums = np.zeros(width, np.int64)
    for start in range(0, time, BLOCK):
        samples = source.read(start, min(start + BLOCK, time))
        if (samples == -(2**15)).any():
            return []
        sums += samples.sum(axis=1, dtype=np.int64)
    if any(signal.checksum for signal in signals):
        for signal, total in zip(signals, sums.tolist(), strict=True):
            if signal.checksum is not None:
                _verify_checksum(signal, np.array([total]))
    return [
        Channel(
            name=signal.lead,
            samples=as_row(_stored(source, k, signal)),
            rate_hz=header.rate_hz,
            unit=signal.unit,
        )
        for k, signal in enumerate(signals)
    ]


def _stored(source: StoredSamples, k: int, signal: Signal) -> StoredChannel:
    gain = signal.gain or 1.0
    return StoredChannel(source=source, channel=k, scale=1 / gain, offset=-signal.baseline / gain)


def _decode(file: Path, signals: list[Signal], frames: int | None) -> list[NDArray[np.integer]]:
    """Return the samples of each channel of one file; RecordError if it is too short."""
    form = signals[0].format
    if any((s.format, s.offset) != (form, signals[0].offset) for s in signals):
        raise RecordError(f"{file.name}: its channels have different formats; expected one.")
    if form not in _BYTES:
        return _decode_by_library(file, signals, _flac_frames(file, signals, frames))
    width = sum(signal.frame for signal in signals)
    size = file.stat().st_size - signals[0].offset
    available = max(0, int(size / _BYTES[form])) // width
    if available < (frames or 1):
        raise RecordError(
            f"{file.name}: {size} bytes; its header promises {frames or 'some'} samples of each "
            f"lead, these are {available}. It was cut short or belongs to another record."
        )
    if form not in _PLAIN:
        return _decode_by_library(file, signals, frames or available)
    count = (frames or available) * width
    table = np.fromfile(file, _PLAIN[form], count, offset=signals[0].offset).reshape(-1, width)
    ends = np.cumsum([signal.frame for signal in signals]).tolist()
    return [
        table[:, end - signal.frame : end].reshape(-1)
        for signal, end in zip(signals, ends, strict=True)
    ]


def _flac_frames(file: Path, signals: Sequence[Signal], frames: int | None) -> int:
    """Return the number of frames of a FLAC file, before memory is taken for them."""
    import soundfile

    try:
        length = int(soundfile.info(str(file)).frames)
    except soundfile.SoundFileError as error:
        raise RecordError(f"{file.name}: not a FLAC file.") from error
    width = sum(signal.frame for signal in signals)
    count = frames or length // signals[0].frame
    if count * width > _FLAC_SAMPLES_PER_BYTE * file.stat().st_size:
        raise RecordError(f"{file.name}: too small for the {count} samples of its header.")
    return count


def _decode_by_library(
    file: Path, signals: Sequence[Signal], frames: int
) -> list[NDArray[np.integer]]:
    """Decode one file by the library wfdb."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses what newer versions of pandas deprecate
        import wfdb

    lines = [f"r {len(signals)} 1 {frames}"]
    lines += [f"r.dat {s.format}x{s.frame}+{s.offset} 1(0)/mV 0 0 {s.first} 0 0" for s in signals]
    with TemporaryDirectory() as folder:
        link = Path(folder, "r.dat")
        try:
            link.symlink_to(file.absolute())
        except OSError:  # Windows allows links to administrators only
            shutil.copyfile(file, link)
        Path(folder, "r.hea").write_text("\n".join(lines) + "\n", encoding="ascii")
        try:
            record = wfdb.rdrecord(str(Path(folder, "r")), physical=False, smooth_frames=False)
        except Exception as error:  # wfdb raises any error of its parsing, even IndexError
            raise RecordError(
                f"{file.name}: not {frames} samples of each lead in format {signals[0].format}; "
                "it is damaged or belongs to another record."
            ) from error
    return list(record.e_d_signal)


def _verify_checksum(signal: Signal, samples: NDArray[np.integer]) -> None:
    """Compare the sum of the samples, modulo 65536, with the header's (signed or unsigned)."""
    total = int(samples.sum(dtype=np.int64)) % 65536
    expected = (signal.checksum or 0) % 65536
    if total != expected and signal.unit != NO_GAIN:
        raise RecordError(
            f"lead {signal.lead or '(unnamed)'} fails its checksum: the samples sum to {total}, "
            f"the header says {expected}. The file is damaged."
        )


def _channel(
    signal: Signal, samples: NDArray[np.integer], rate_hz: float | None, skew: int
) -> Channel:
    """Scale samples to their unit; invalid ones become NaN.

    skew: frames by which the channel lags behind the least skewed one; it is realigned.
    """
    precision = np.float64 if len(samples) < _LONG else np.float32
    physical: NDArray[np.floating] = np.empty(len(samples), precision)
    invalid = -(2 ** (SAMPLE_BITS[signal.format] - 1)) if signal.format != "8" else None
    for start in range(0, len(samples), _LONG):
        part = samples[start : start + _LONG]
        scaled = (part.astype(np.float64) - signal.baseline) / (signal.gain or 1.0)
        scaled[part == invalid] = np.nan
        physical[start : start + _LONG] = scaled
    if shift := min(skew * signal.frame, len(physical)):
        physical = np.concatenate([physical[shift:], np.full(shift, np.nan, physical.dtype)])
    return Channel(
        name=signal.lead,
        samples=physical,
        rate_hz=None if rate_hz is None else rate_hz * signal.frame,
        unit=signal.unit,
    )
