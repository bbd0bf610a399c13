"""Assessment of an ECG before it is predicted: every finding, and whether it is refused."""

from collections.abc import Iterable, Mapping

import numpy as np

from .finding import Finding
from .leads import LEADS
from .limb_leads import find_limb_lead_faults
from .quality import find_quality, unusual_amplitude
from .record import Record

EINTHOVEN = "Einthoven broken"  # of find_quality; the check of all limb leads includes it


def assess(record: Record) -> tuple[Finding, ...]:
    """Return the findings of an ECG as it was recorded; only its twelve leads are looked at."""
    known = [k for k, lead in enumerate(record.leads) if lead in LEADS]
    signal_mv, leads = record.signal_mv[known], [record.leads[k] for k in known]
    findings = list(_sample_findings(record, known))
    if amplitude := unusual_amplitude(signal_mv):
        findings.append(Finding(name="unusual amplitude", text=amplitude))
    if limb_leads := find_limb_lead_faults(signal_mv, leads):
        findings.append(limb_leads)
    return tuple(findings)


def by_name(findings: Iterable[Finding]) -> Mapping[str, tuple[str, ...]]:
    """Return the leads of each finding, by its name, each once and in their order."""
    leads: dict[str, tuple[str, ...]] = {}
    for finding in findings:
        leads[finding.name] = tuple(dict.fromkeys((*leads.get(finding.name, ()), *finding.leads)))
    return leads


def _sample_findings(record: Record, known: list[int]) -> Iterable[Finding]:
    leads = [record.leads[k] for k in known]
    findings = find_quality(record.signal_mv[known][None], leads, record.rate_hz)
    for name, hits in findings.items():
        if name != EINTHOVEN:
            for k in np.flatnonzero(hits[0]).tolist():
                yield Finding(name=name, leads=(leads[k],), text=f"{name} {leads[k]}")
