"""Assessment of an ECG before it is predicted: every finding, and whether it is refused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

import numpy as np

from .beats import SHAPE_RATE_HZ, r_peaks
from .finding import Finding
from .high_pass import find_high_pass
from .leads import LEADS
from .limb_leads import basis_of, find_limb_lead_faults, independent_rows
from .noise import find_mains, find_noise
from .not_an_ecg import NO_BEATS, NOT_AN_ECG, find_few_beats, find_no_ecg
from .pacing import find_pacing
from .quality import find_quality, implausible_amplitude, unusual_amplitude
from .record import Record
from .resampling import resample
from .saturation import find_saturation
from .swaps import find_swaps

PART_S = 10.0  # a longer record is assessed in parts
REFUSED_FRACTION = 1 / 3  # of the leads without a usable signal; from here on an ECG is refused

UNUSABLE, AMPLITUDE = "unusable leads", "unusual amplitude"
UNIT = "implausible amplitude"
_FLAT = "flat"
_EINTHOVEN = "Einthoven broken"  # of find_quality; the check of all limb leads includes it
_SHORTEST_PART_S = 5.0
_SHORTEST_S = 2.0  # holds two beats of most hearts


def assess(record: Record, leads: Sequence[str] = LEADS) -> tuple[Finding, ...]:
    """Return the findings in the leads of an ECG that a model uses, as they were recorded.

    A record of 15 s or more is assessed in parts of 10 s. Then the findings say in how many, and
    the record is refused if at least half of the parts are.
    """
    used = set(leads) & set(record.leads)
    if not set(leads) <= set(record.leads):  # others are computed from these
        used |= set(basis_of(record.leads) or ())
    if not used:
        return ()
    if record.duration_s < PART_S + _SHORTEST_PART_S:
        return tuple(_assess_part(record, used))
    return _join([tuple(_assess_part(part, used)) for part in _parts(record)])


def by_name(findings: Iterable[Finding]) -> Mapping[str, tuple[str, ...]]:
    """Return the leads of each finding, by its name, each once and in their order."""
    leads: dict[str, tuple[str, ...]] = {}
    for finding in findings:
        leads[finding.name] = tuple(dict.fromkeys((*leads.get(finding.name, ()), *finding.leads)))
    return leads


def _assess_part(record: Record, leads: Set[str]) -> Iterator[Finding]:
    """Yield the findings of an ECG of about 10 s; all of its limb leads are compared."""
    limb_leads = find_limb_lead_faults(record.signal_mv, record.leads)
    if len(leads) < len(record.leads):
        record = record.with_leads([lead for lead in record.leads if lead in leads])
    if unit := implausible_amplitude(record.signal_mv):
        yield Finding(name=UNIT, text=unit.removesuffix("."), refuses=True)
        return
    samples = list(_sample_findings(record))
    yield from samples
    if saturated := find_saturation(record.signal_mv, record.leads, record.rate_hz):
        yield saturated
    if amplitude := unusual_amplitude(record.signal_mv):
        yield Finding(name=AMPLITUDE, text=amplitude)
    if limb_leads:
        yield limb_leads
    yield from find_mains(record)
    if record.duration_s < _SHORTEST_S:
        return
    at_100_hz = resample(record, SHAPE_RATE_HZ)
    peaks = r_peaks(at_100_hz.with_leads([record.leads[k] for k in independent_rows(record.leads)]))
    beats = list(find_no_ecg(at_100_hz, peaks))
    yield from beats
    if any(finding.name == NOT_AN_ECG for finding in beats):
        return
    yield from find_few_beats(at_100_hz, peaks)
    yield from find_noise(at_100_hz)
    yield from find_high_pass(record, at_100_hz, peaks)
    unusable = {
        lead
        for finding in (*samples, *beats)
        if finding.name in (_FLAT, NO_BEATS)
        for lead in finding.leads
    }
    if len(unusable) >= REFUSED_FRACTION * len(record.leads):
        yield _too_few_leads([lead for lead in record.leads if lead in unusable], record.leads)
    paced = list(find_pacing(record, at_100_hz, peaks, by_shape=not unusable))
    yield from paced
    if (
        not unusable and not paced
    ):  # paced beats spread otherwise than those that swaps were fitted on
        yield from find_swaps(at_100_hz, peaks)


def _sample_findings(record: Record) -> Iterator[Finding]:
    findings = find_quality(record.signal_mv[None], record.leads, record.rate_hz)
    for name, hits in findings.items():
        if name != _EINTHOVEN:
            for k in np.flatnonzero(hits[0]).tolist():
                lead = record.leads[k]
                yield Finding(name=name, leads=(lead,), text=f"{name} {lead}")


def _too_few_leads(unusable: Sequence[str], leads: Sequence[str]) -> Finding:
    return Finding(
        name=UNUSABLE,
        leads=tuple(unusable),
        text=f"{', '.join(unusable)} show no ECG: {len(unusable)} of {len(leads)} leads",
        refuses=True,
    )


def _parts(record: Record) -> Iterator[Record]:
    """Yield consecutive parts of 10 s; the last one lasts 5 to 15 s."""
    samples, part = record.signal_mv.shape[1], round(PART_S * record.rate_hz)
    starts = range(0, max(samples - round(_SHORTEST_PART_S * record.rate_hz), 1), part)
    for start in starts:
        end = samples if start == starts[-1] else start + part
        yield replace(record, signal_mv=record.signal_mv[:, start:end])


def _join(parts: Sequence[Sequence[Finding]]) -> tuple[Finding, ...]:
    """Return each finding once, with the number of parts that have it."""
    refused = sum(any(finding.refuses for finding in part) for part in parts)
    findings: dict[str, list[Finding]] = {}
    for finding in (finding for part in parts for finding in part):
        findings.setdefault(finding.name, []).append(finding)
    joined = []
    for name, alike in findings.items():
        present = {lead for finding in alike for lead in finding.leads}
        leads = tuple(lead for lead in LEADS if lead in present)
        texts = {finding.text for finding in alike}
        text = (
            texts.pop() if len(texts) == 1 else " in ".join(filter(None, (name, ", ".join(leads))))
        )
        count = sum(any(finding.name == name for finding in part) for part in parts)
        joined.append(
            Finding(
                name=name,
                leads=leads,
                text=f"{text} ({count} of {len(parts)} parts of {PART_S:g} s)",
                refuses=any(f.refuses for f in alike) and 2 * refused >= len(parts),
            )
        )
    return tuple(joined)
