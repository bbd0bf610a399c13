"""Assessment: every finding of one ECG, for programs and for people."""

from dataclasses import replace

import numpy as np
import pytest
from support.disturbed import made_up

from ecgcam.signals.assessment import assess, by_name
from ecgcam.signals.finding import Finding
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record


def found(record):
    return dict(by_name(assess(record)))


def test_a_good_ecg_has_no_findings():
    assert assess(made_up()) == ()


def test_findings_name_their_leads_in_programs_and_in_words():
    record = made_up()
    signal_mv = record.signal_mv.copy()
    signal_mv[[10, 8]] = 0.2
    signal_mv[3] *= -1
    record = replace(record, signal_mv=signal_mv)
    assert found(record) == {"flat": ("V3", "V5"), "limb leads disagree": ("aVR",)}
    texts = [finding.text for finding in assess(record)]
    assert texts == ["flat V3", "flat V5", "aVR looks inverted"]


def test_channels_that_are_no_lead_are_not_looked_at():
    record = made_up()
    more = replace(
        record,
        signal_mv=np.vstack([np.zeros((1, 1000)), record.signal_mv]),
        leads=("Resp", *LEADS),
    )
    assert assess(more) == ()


@pytest.mark.parametrize("factor", [0.05, 9])
def test_an_unusual_amplitude_is_one_finding_of_the_whole_ecg(factor):
    record = made_up()
    record = replace(record, signal_mv=record.signal_mv * factor)
    assert found(record)["unusual amplitude"] == ()


@pytest.mark.parametrize("factor", [1e-4, 1000])
def test_a_wrong_unit_is_the_only_finding(factor):
    record = made_up()
    (finding,) = assess(replace(record, signal_mv=record.signal_mv * factor))
    assert (finding.name, finding.refuses) == ("implausible amplitude", True)
    assert "check the unit" in finding.text


def test_the_leads_of_findings_of_one_name_are_joined():
    findings = [
        Finding(name="a", leads=("V1", "V2"), text=""),
        Finding(name="b", text=""),
        Finding(name="a", leads=("V2", "V3"), text=""),
    ]
    assert by_name(findings) == {"a": ("V1", "V2", "V3"), "b": ()}


def test_leads_that_the_model_does_not_use_are_not_looked_at():
    record = made_up()
    signal_mv = record.signal_mv.copy()
    signal_mv[6:] = 0
    record = replace(record, signal_mv=signal_mv)
    assert found(record)["unusable leads"] == LEADS[6:]
    assert assess(record, ("I", "II", "aVF")) == ()
    without_avf = record.with_leads(("I", "II", "V1"))
    assert assess(without_avf, ("I", "aVF")) == ()
    assert assess(record.with_leads(LEADS[6:]), ("I", "II")) == ()


@pytest.mark.parametrize(("lost", "refused"), [(3, False), (4, True)])
def test_an_ecg_is_refused_if_a_third_of_its_leads_show_none(lost, refused):
    record = made_up()
    signal_mv = record.signal_mv.copy()
    signal_mv[7] = np.random.default_rng(0).normal(0, 0.2, 1000)
    signal_mv[8 : 7 + lost] = 0
    findings = assess(replace(record, signal_mv=signal_mv))
    assert any(finding.refuses for finding in findings) == refused
    assert {finding.name for finding in findings} == {"flat", "no beats", "high noise"} | (
        {"unusable leads"} if refused else set()
    )


def test_a_long_record_is_assessed_in_parts():
    record = made_up(duration_s=62)
    assert assess(record) == ()
    for noisy_s, refused in ((20, False), (40, True)):
        signal_mv = record.signal_mv.copy()
        noise = np.random.default_rng(0).normal(0, 0.3, (12, noisy_s * 100))
        noise[2:6] = [noise[1] - noise[0], -noise[:2].mean(0), *(noise[:2] - noise[1::-1] / 2)]
        signal_mv[:, : noisy_s * 100] = noise
        findings = assess(replace(record, signal_mv=signal_mv))
        (finding,) = (finding for finding in findings if finding.name == "not an ECG")
        assert finding.text.endswith(f"fibrillation ({noisy_s // 10} of 6 parts of 10 s)")
        assert finding.refuses == refused


@pytest.mark.parametrize("seconds", [0.01, 1, 4.9, 14.9, 15, 24.9])
@pytest.mark.parametrize("rate_hz", [25, 128, 1000])
def test_any_length_and_rate_is_assessed(seconds, rate_hz):
    rng = np.random.default_rng(0)
    signal_mv = rng.normal(0, 1, (12, max(1, round(seconds * rate_hz))))
    findings = assess(Record(signal_mv=signal_mv, rate_hz=rate_hz))
    assert any(finding.refuses for finding in findings) == (seconds > 2)
