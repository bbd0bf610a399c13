"""Assessment: every finding of one ECG, for programs and for people."""

from dataclasses import replace

import numpy as np
import pytest

from ecgcam.data.synthetic.ecg import synthetic_ecg
from ecgcam.signals.assessment import assess, by_name
from ecgcam.signals.finding import Finding
from ecgcam.signals.leads import LEADS


def ecg(seed=0):
    return synthetic_ecg(np.random.default_rng(seed)).record


def found(record):
    return dict(by_name(assess(record)))


def test_a_good_ecg_has_no_findings():
    assert assess(ecg()) == ()


def test_findings_name_their_leads_in_programs_and_in_words():
    record = ecg()
    signal_mv = record.signal_mv.copy()
    signal_mv[[10, 8]] = 0.2
    signal_mv[3] *= -1
    record = replace(record, signal_mv=signal_mv)
    assert found(record) == {"flat": ("V3", "V5"), "limb leads disagree": ("aVR",)}
    texts = [finding.text for finding in assess(record)]
    assert texts == ["flat V3", "flat V5", "aVR looks inverted"]


def test_channels_that_are_no_lead_are_not_looked_at():
    record = ecg()
    more = replace(
        record,
        signal_mv=np.vstack([np.zeros((1, 1000)), record.signal_mv]),
        leads=("Resp", *LEADS),
    )
    assert assess(more) == ()


@pytest.mark.parametrize("factor", [0.01, 30])
def test_an_unusual_amplitude_is_one_finding_of_the_whole_ecg(factor):
    record = ecg()
    record = replace(record, signal_mv=record.signal_mv * factor)
    assert found(record)["unusual amplitude"] == ()


def test_the_leads_of_findings_of_one_name_are_joined():
    findings = [
        Finding(name="a", leads=("V1", "V2"), text=""),
        Finding(name="b", text=""),
        Finding(name="a", leads=("V2", "V3"), text=""),
    ]
    assert by_name(findings) == {"a": ("V1", "V2", "V3"), "b": ()}
