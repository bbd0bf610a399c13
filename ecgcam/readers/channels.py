"""Channels as an ECG file holds them, and the Record that is made of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import lead_name, millivolts_per
from ..signals.quality import implausible_amplitude
from ..signals.record import Record
from ..signals.resampling import resample_rows
from ..signals.stored import StoredChannel, as_signal, extremes, join_channels
from .incomplete_leads import drop_incomplete

# Channels in volts that are no ECG lead, by the start of a word of their name.
_NOT_ECG = re.compile(
    r"(?:^|[\W_])(?:resp|pleth|ppg|spo2|sao2|abp|ibp|nibp|art(?:erial)?\b|cvp|pap\b|bp\b|press"
    r"|e?co2|eeg|emg|eog|eda|gsr|scg|bcg|pcg|temp|acc(?:el|\b|[xyz]\b)|gyro|imp(?:edance)?\b"
    r"|mark(?:er|s)?\b|trig|event|status|annot|label|rhythm|pace[rd]?\b|pacing|hr\b|heart.?rate"
    r"|batt|sync|flow|airflow|snore|position|(?:chest|abdomen|thorax)$)",
    re.IGNORECASE,
)
_MAX_RATE_HZ = 100_000.0
_MAX_RATIO = 16  # of the highest to the lowest rate, to which leads are resampled
_SAME_RATE = 0.01  # relative difference up to which two rates are one


@dataclass(frozen=True, kw_only=True, eq=False)
class Channel:
    """One channel of a file.

    name:    as the file spells it; "" where it has none.
    samples: (time,), floating point, in `unit`; NaN where missing.
    rate_hz: samples per second; None where the file does not say.
    unit:    as the file spells it; None where the file does not say.
    """

    name: str
    samples: NDArray[np.floating] = field(repr=False)
    rate_hz: float | None
    unit: str | None = "mV"


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """What a reader returns: the channels of one ECG file, of any kind, and notes on it.

    name: for files and titles: a file's stem or an id, never a person's name.
    """

    channels: tuple[Channel, ...]
    name: str
    warnings: tuple[str, ...] = ()
    age_years: float | None = None
    sex: str | None = None  # "female" or "male"
    filters: str | None = None


Leads = Sequence[str] | Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """The options of `read`, to be passed on."""

    rate_hz: float | None = None
    units: str | None = None
    leads: Leads | None = None

    @property
    def keywords(self) -> "Keywords":
        """The options as keyword arguments."""
        return {"rate_hz": self.rate_hz, "units": self.units, "leads": self.leads}


class Keywords(TypedDict):
    """Keyword arguments of `read`."""

    rate_hz: float | None
    units: str | None
    leads: Leads | None


DEFAULTS = ReadOptions()


def to_record(
    recording: Recording,
    *,
    rate_hz: float | None = None,
    units: str | None = None,
    leads: Leads | None = None,
) -> Record:
    """Make a Record in mV of the ECG channels of a file.

    rate_hz, units: where the file has none; without `units`, mV is assumed.
    leads: new names, for each ECG channel in order, or as a mapping {"I": "name in the file"}.
    Channels that are no voltage or no ECG lead, and leads with gaps that are too long to be filled,
    are left out with a warning. Raises RecordError where no lead is left, where the rate is
    unknown, or where it contradicts `rate_hz`.
    """
    named = _apply_mapping(recording.channels, leads) if isinstance(leads, Mapping) else {}
    channels, dropped = _select_ecg(recording.channels, named, units)
    warnings = list(recording.warnings)
    if dropped:
        warnings.append(f"channels left out, being no ECG lead in volts: {', '.join(dropped)}")
    if leads is not None and not isinstance(leads, Mapping):
        channels = _apply_list(channels, leads)
    channels = [_check_rate(channel, rate_hz) for channel in channels]
    signal_mv, rate, notes = _align(channels)
    names = [channel.name or f"#{k}" for k, channel in enumerate(channels, start=1)]
    signal_mv, kept, more = drop_incomplete(signal_mv, names, rate)
    with np.errstate(all="ignore"):  # infinite samples are refused
        record = Record(
            signal_mv=signal_mv,
            rate_hz=rate,
            leads=kept,
            name=recording.name,
            warnings=(*warnings, *notes, *more),
            age_years=recording.age_years,
            sex=recording.sex,
            filters=recording.filters,
        )
    assumed_mv = units is None and any(channel.unit is None for channel in recording.channels)
    if assumed_mv and (problem := implausible_amplitude(extremes(record.signal_mv))):
        raise RecordError(f"the file names no unit, and in mV {problem} Give it (--units, units=).")
    if all(lead.startswith("#") for lead in record.leads):
        return record.with_warnings("the leads have no names; give them in order (--leads, leads=)")
    return record


def _apply_mapping(channels: Sequence[Channel], leads: Mapping[str, str]) -> dict[int, str]:
    """Return the new name of each channel that {"I": "name in the file"} names, by its index."""
    names = [channel.name.strip() for channel in channels]
    new: dict[int, str] = {}
    for lead, name in leads.items():
        if names.count(name.strip()) != 1:
            raise RecordError(
                f"{names.count(name.strip()) or 'no'} channels are named {name!r}; found "
                f"{', '.join(names) or 'none'}; expected one for lead {lead}."
            )
        new[names.index(name.strip())] = lead
    return new


def _apply_list(channels: Sequence[Channel], leads: Sequence[str]) -> list[Channel]:
    """Rename all channels in their order."""
    if len(leads) != len(channels):
        names = ", ".join(channel.name or "(unnamed)" for channel in channels)
        raise RecordError(
            f"{len(leads)} lead names were given; expected {len(channels)}, one for each ECG "
            f"channel: {names}."
        )
    return [
        replace(channel, name=lead.strip()) for channel, lead in zip(channels, leads, strict=True)
    ]


def _select_ecg(
    channels: Sequence[Channel], named: Mapping[int, str], units: str | None
) -> tuple[list[Channel], list[str]]:
    """Return the ECG channels in mV under their new names, and the names of those left out.

    A channel that was not renamed gives way to one that takes its name.
    """
    unit = "mV" if units is None else units
    millivolts_per(unit)  # refuses nonsense before anything else
    taken = {lead_name(lead) for lead in named.values()}
    ecg: list[Channel] = []
    dropped: list[str] = []
    for k, channel in enumerate(channels):
        name = named.get(k, channel.name)
        scale = _millivolts(channel.unit or unit)
        hidden = k not in named and (_NOT_ECG.search(name) or lead_name(name) in taken)
        if scale is None or hidden or channel.samples.size == 0:
            dropped.append(f"{name or f'#{k + 1}'} ({channel.unit or unit})")
        else:
            with np.errstate(over="ignore"):  # too large becomes infinite, which Record refuses
                samples = channel.samples if scale == 1 else channel.samples * scale
            ecg.append(replace(channel, name=name, samples=samples, unit="mV"))
    if not ecg:
        raise RecordError(
            f"no ECG lead in volts; found {', '.join(dropped) or 'no channel'}; expected channels "
            "in V, mV, µV or nV."
        )
    return ecg, dropped


def _millivolts(unit: str) -> float | None:
    """Return the size of a unit in mV; None if it is no voltage."""
    try:
        return millivolts_per(unit)
    except RecordError:
        return None


def _check_rate(channel: Channel, rate_hz: float | None) -> Channel:
    """Return the channel with a rate: its own, or else the given one."""
    known = rate_hz if channel.rate_hz is None else channel.rate_hz
    if known is None:
        raise RecordError(
            "the file gives no sampling rate; give it in samples per second (--rate, rate_hz=)."
        )
    for rate in (known, known if rate_hz is None else rate_hz):
        if not (np.isfinite(rate) and rate > 0):
            raise RecordError(f"the rate is {rate} Hz; expected above 0.")
    if rate_hz is not None and abs(known / rate_hz - 1) > _SAME_RATE:
        raise RecordError(
            f"the file gives a rate of {known:g} Hz, which contradicts the {rate_hz:g} Hz that "
            "were given; leave them out."
        )
    return replace(channel, rate_hz=known)


def _align(channels: Sequence[Channel]) -> tuple[NDArray[np.float32], float, list[str]]:
    """Return (leads, time) in float32 at the highest rate, that rate, and warnings.

    Leads at a lower rate are resampled; the end of a shorter one is missing.
    """
    rates = [channel.rate_hz or 0.0 for channel in channels]
    rate = max(rates)
    if all(isinstance(channel.samples, StoredChannel) for channel in channels):
        stored = [cast(StoredChannel, channel.samples) for channel in channels]
        return as_signal(join_channels(stored)), rate, []
    if rate > _MAX_RATE_HZ or rate > max(0.0, _MAX_RATIO * min(rates)):
        raise RecordError(
            f"its leads have {min(rates):g} to {rate:g} samples per second; expected at most "
            f"{_MAX_RATE_HZ:.0f}, and at most {_MAX_RATIO} times as many in one lead as in another."
        )
    rows: list[NDArray[np.floating]] = []
    slow: list[str] = []
    for channel in channels:
        own = channel.rate_hz or rate
        row = channel.samples
        if abs(rate / own - 1) > 1e-6:
            ratio = Fraction(rate / own).limit_denominator(1000)
            single = row[None].astype(np.float32)
            row = resample_rows(single, ratio.numerator, ratio.denominator)[0]
            slow.append(f"{channel.name} ({own:g} Hz)")
        rows.append(row)
    signal_mv = np.full((len(rows), max(map(len, rows))), np.nan, np.float32)
    with np.errstate(over="ignore"):  # too large becomes infinite, which Record refuses
        for k, row in enumerate(rows):
            signal_mv[k, : len(row)] = row
    return signal_mv, rate, [f"resampled to {rate:g} Hz: {', '.join(slow)}"] if slow else []
