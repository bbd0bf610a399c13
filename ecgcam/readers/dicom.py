"""Reader of DICOM ECG waveforms: 12-lead, general and ambulatory."""

import re
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .channels import Channel, Recording
from .device_facts import age_between, age_in_years, describe_filters, sex_of
from .ecg_file import EcgFile
from .scp_ecg import SCP_LEADS

DEFLATED = b"1.2.840.10008.1.2.1.99"
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_TYPES = {
    **{("SS", 16): "<i2", ("US", 16): "<u2", ("SB", 8): "i1", ("UB", 8): "u1"},
    **{("SL", 32): "<i4", ("UL", 32): "<u4"},
}
_NO_PREAMBLE = re.compile(
    rb"(?:\x02\0[\0\x01]\0|\x08\0[\x05\x08\x16]\0)(?:[A-Z]{2}|.\0\0\0)", re.DOTALL
)
_LEAD_CODE = re.compile(r"(?:5\.6\.3-9-|2:)(\d+)")  # of SCP-ECG and of MDC: one numbering


def is_dicom(head: bytes, path: Path | None) -> bool:
    """Return whether a file has DICOM's signature, or starts with its first elements without."""
    return head[128:132] == b"DICM" or bool(_NO_PREAMBLE.match(head))


def read_dicom(file: EcgFile) -> Recording:
    """Read the original rhythm; groups of median beats and other derived ones are left alone."""
    from pydicom import config, dcmread

    if DEFLATED in file.data[:2000]:  # it can grow a thousandfold
        raise RecordError("it is deflated DICOM; expected another transfer syntax.")
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")  # pydicom's warnings quote the file, and so a person
        return _recording(dcmread(BytesIO(file.data), force=True), file.name)


def _recording(dataset: Any, name: str) -> Recording:
    """Return the channels of the best waveform group, and what is kept of the header."""
    groups = list(dataset.get("WaveformSequence") or ())
    if not groups:
        raise RecordError(_no_waveform(dataset))
    best = max(groups, key=_preference)
    little = dataset.original_encoding[1] is not False
    channels = _channels(best, little)
    for group in groups:  # leads recorded at the same time may be spread over groups
        if group is not best and _moment(group) == _moment(best):
            taken = {channel.name for channel in channels}
            channels += [c for c in _channels(group, little) if c.name not in taken]
    derived = str(best.get("WaveformOriginality", "")).upper() == "DERIVED"
    warning = "no waveform is marked ORIGINAL: the longest was read, which the device derived"
    return Recording(
        channels=tuple(channels),
        name=name,
        warnings=(warning,) if derived else (),
        age_years=_age(dataset),
        sex=sex_of(str(dataset.get("PatientSex", ""))),
        filters=_filters(best.ChannelDefinitionSequence[0]),
    )


def _channels(group: Any, little_endian: bool) -> list[Channel]:
    """Return the channels of a waveform group."""
    rate_hz = float(group.SamplingFrequency)
    if not rate_hz > 0:
        raise RecordError(f"its sampling frequency is {rate_hz:g} Hz; expected above 0.")
    stored, missing = _stored(group, little_endian)
    definitions = list(group.ChannelDefinitionSequence)
    if len(definitions) != stored.shape[1]:
        raise RecordError(f"it defines {len(definitions)} of its {stored.shape[1]} channels.")
    return [
        _channel(definition, stored[:, k], None if missing is None else missing[:, k], rate_hz)
        for k, definition in enumerate(definitions)
    ]


def _moment(group: Any) -> tuple[object, ...]:
    """Return what two groups share if they belong together: kind, rate, length and start."""
    rhythm, original, _ = _preference(group)
    names = ("SamplingFrequency", "NumberOfWaveformSamples", "MultiplexGroupTimeOffset")
    return rhythm, original, *(float(group.get(name) or 0) for name in names)


def _no_waveform(dataset: Any) -> str:
    """Return what the file is instead of a waveform."""
    if dataset.get("SOPClassUID") == _PDF:
        return "it is a PDF in DICOM, a picture of an ECG; export the waveform instead."
    if "PixelData" in dataset:
        return "it is a picture in DICOM; export the waveform instead."
    return "it has no waveform; expected a 12-lead, general or ambulatory ECG."


def _preference(group: Any) -> tuple[bool, bool, float]:
    """Return how well a group suits: original, not of median beats, and with many samples."""
    label = str(group.get("MultiplexGroupLabel", "")).upper()
    original = str(group.get("WaveformOriginality", "ORIGINAL")).upper() != "DERIVED"
    rhythm = not any(word in label for word in ("MEDIAN", "AVERAGE", "BEAT", "TEMPLATE"))
    channels = int(group.get("NumberOfWaveformChannels") or 0)
    return rhythm, original, float(channels * int(group.get("NumberOfWaveformSamples") or 0))


def _stored(
    group: Any, little_endian: bool
) -> tuple[NDArray[np.generic], NDArray[np.bool_] | None]:
    """Return the stored numbers (time, channels), and where samples are missing."""
    channels, samples = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
    kind = (str(group.WaveformSampleInterpretation), int(group.WaveformBitsAllocated))
    if kind not in _TYPES:
        raise RecordError(f"its samples are {kind[0]} of {kind[1]} bits; expected SS of 16.")
    dtype = np.dtype(_TYPES[kind]).newbyteorder("<" if little_endian else ">")
    content = group.WaveformData
    if not isinstance(content, bytes):
        raise RecordError("its waveform is empty or damaged.")
    if channels < 1 or samples < 1 or len(content) < channels * samples * dtype.itemsize:
        raise RecordError(
            f"its waveform has {len(content)} bytes for {samples} samples of {channels} channels."
        )
    stored = np.frombuffer(content, dtype, count=channels * samples).reshape(samples, channels)
    return stored, _padding(group.get("WaveformPaddingValue"), stored)


def _padding(value: Any, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return where samples are missing; None without a padding value.

    Devices name padding values that occur in the signal, such as 0. So a padding value is missing
    where it is an end of the range of its type, which no signal reaches, and else only where all
    channels have it at the start or the end of the recording.
    """
    number = _padding_number(value, stored.dtype)
    if number is None:
        return None
    equal = stored == number
    limits = np.iinfo(stored.dtype)
    if number in (limits.min, limits.max):
        return equal
    signal = np.flatnonzero(~equal.all(axis=1))
    missing = np.zeros(stored.shape, bool)
    if signal.size:
        missing[: signal[0]] = missing[signal[-1] + 1 :] = True
    return missing


def _padding_number(value: Any, dtype: np.dtype[Any]) -> int | None:
    """Return a padding value, which pydicom gives as a number or as bytes; None without one."""
    if value is None:
        return None
    raw = value if isinstance(value, bytes) else int(value).to_bytes(8, "little", signed=True)
    return int(np.frombuffer(raw, dtype, count=1)[0]) if len(raw) >= dtype.itemsize else None


def _channel(
    definition: Any, stored: NDArray[Any], missing: NDArray[np.bool_] | None, rate_hz: float
) -> Channel:
    """Return a channel in the unit of its sensitivity: stored · sensitivity + baseline."""
    sensitivity = float(definition.get("ChannelSensitivity") or 0)
    correction = float(definition.get("ChannelSensitivityCorrectionFactor") or 1)
    baseline = float(definition.get("ChannelBaseline") or 0)
    name = _lead_name(definition)
    units = definition.get("ChannelSensitivityUnitsSequence")
    unit = str(units[0].get("CodeValue", "")) if units and sensitivity else ""
    samples = stored * np.float32(sensitivity * correction) + np.float32(baseline)
    if missing is not None:
        samples[missing] = np.nan
    samples = _undo_skew(samples, definition, rate_hz)
    return Channel(name=name, samples=samples, rate_hz=rate_hz, unit=unit or "no sensitivity")


def _undo_skew(
    samples: NDArray[np.floating], definition: Any, rate_hz: float
) -> NDArray[np.floating]:
    """Shift a channel that was sampled later than the first one."""
    seconds = float(definition.get("ChannelTimeSkew") or 0)
    skew = float(definition.get("ChannelSampleSkew") or 0) or seconds * rate_hz
    shift = round(min(max(skew, -len(samples)), len(samples)))
    if not shift:
        return samples
    shifted = np.full_like(samples, np.nan)
    if shift > 0:
        shifted[shift:] = samples[:-shift]
    else:
        shifted[:shift] = samples[-shift:]
    return shifted


def _lead_name(definition: Any) -> str:
    """Return the lead by its code, or else by the code's meaning or the channel's label."""
    sources: Sequence[Any] = definition.get("ChannelSourceSequence") or ()
    for source in sources:
        code = _LEAD_CODE.fullmatch(str(source.get("CodeValue", "")))
        if code and int(code[1]) in SCP_LEADS:
            return SCP_LEADS[int(code[1])]
    meanings = [str(source.get("CodeMeaning", "")) for source in sources]
    return (meanings[0] if meanings else "") or str(definition.get("ChannelLabel", ""))


def _age(dataset: Any) -> float | None:
    """Return the age as given ("045Y"), or else from the date of birth."""
    given = re.fullmatch(r"(\d{1,3})([DWMY])", str(dataset.get("PatientAge") or "").strip())
    recorded = dataset.get("AcquisitionDateTime") or dataset.get("StudyDate") or ""
    birth = str(dataset.get("PatientBirthDate") or "")
    years = age_in_years(float(given[1]), given[2]) if given else None
    return years or age_between(birth, str(recorded))


def _filters(definition: Any) -> str | None:
    """Return the filters of the first channel."""
    names = ("FilterLowFrequency", "FilterHighFrequency", "NotchFilterFrequency")
    high, low, notch = (float(definition.get(name) or 0) for name in names)
    return describe_filters(high, low, notch)
