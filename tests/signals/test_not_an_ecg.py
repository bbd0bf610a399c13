"""What is no ECG is refused, whatever it is; every real ECG but few is taken."""

from dataclasses import replace

import numpy as np
import pytest
from support.disturbed import (
    TIME_S,
    colored,
    fibrillation,
    made_up,
    of_electrodes,
    pulses,
    sines,
)

from ecgcam.data.synthetic.diagnoses import DISORDERS
from ecgcam.signals.beats import heart_rate_bpm, r_peaks
from ecgcam.signals.leads import LEADS
from ecgcam.signals.limb_leads import independent_rows
from ecgcam.signals.not_an_ecg import find_few_beats, find_no_ecg
from ecgcam.signals.record import Record

NO_ECGS = {
    "white noise": lambda rng: colored(rng, 0),
    "like an EEG": lambda rng: colored(rng, 1),
    "random walk": lambda rng: np.cumsum(rng.normal(0, 0.05, (9, 1000)), axis=1),
    "sines": lambda rng: sines(rng, 0.5, 20),
    "one frequency": lambda rng: sines(rng, 5, 5),
    "slow sines": lambda rng: sines(rng, 0.1, 0.4),
    "ventricular fibrillation": fibrillation,
    "pulses of one sample": lambda rng: pulses(rng, 1),
    "pulses of two samples": lambda rng: pulses(rng, 2),
}


def found(record):
    rows = independent_rows(record.leads)
    independent = record.with_leads([record.leads[k] for k in rows])
    return list(find_no_ecg(record, r_peaks(independent)))


def names(record):
    return [finding.name for finding in found(record)]


@pytest.mark.parametrize("kind", NO_ECGS)
def test_noise_sines_and_pulses_are_no_ecg(kind):
    records = [of_electrodes(NO_ECGS[kind](np.random.default_rng(seed))) for seed in range(50)]
    refused = [record for record in records if names(record) == ["not an ECG"]]
    assert len(refused) >= 49
    (finding,) = found(refused[0])
    assert (finding.refuses, finding.leads) == (True, ())
    if not kind.startswith("pulses"):
        assert [heart_rate_bpm(record) for record in refused].count(None) >= 47


@pytest.mark.parametrize("seed", range(3))
def test_leads_that_are_independent_noise_are_no_ecg_either(seed):
    noise = np.random.default_rng(seed).normal(0, 0.3, (12, 1000))
    assert names(Record(signal_mv=noise, rate_hz=100)) == ["not an ECG"]


def test_one_channel_in_all_leads_is_no_ecg():
    """A pulse wave, and a lead of a real shape."""
    pulse_wave = np.exp(-((((1.2 * TIME_S) % 1 - 0.3) / 0.12) ** 2))
    for channel in (pulse_wave, made_up().signal_mv[1]):
        sizes = np.linspace(0.5, 1.5, 12)[:, None]
        (finding,) = found(Record(signal_mv=sizes * channel, rate_hz=100))
        assert finding.text == "not an ECG: all leads show the same signal"


def test_one_or_two_leads_of_an_ecg_are_an_ecg():
    record = made_up()
    for leads in (("I",), ("V1", "II"), ("I", "II", "III")):
        assert names(record.with_leads(leads)) == []


@pytest.mark.parametrize("statement", ["NORM", *DISORDERS])
def test_made_up_ecgs_are_ecgs(statement):
    for seed in range(6):
        assert names(made_up(seed=seed, statements=(statement,))) == [], seed


def test_a_lead_without_beats_is_named():
    record = made_up()
    rng = np.random.default_rng(0)
    signal_mv = record.signal_mv.copy()
    signal_mv[8] = rng.normal(0, 0.2, 1000)
    signal_mv[6] = rng.normal(0, 0.003, 1000)
    signal_mv[7] = 0.3  # flat, which is another finding
    (finding,) = found(replace(record, signal_mv=signal_mv))
    assert (finding.name, finding.leads, finding.refuses) == ("no beats", ("V1", "V3"), False)
    assert finding.text == "no beats in V1, V3, unlike the other leads"


def test_a_flat_record_is_not_called_anything():
    assert names(Record(signal_mv=np.full((12, 1000), 0.4), rate_hz=100)) == []


def test_at_most_one_real_ecg_in_a_thousand_is_no_ecg(ptbxl_fold_2):
    _, signals_mv = ptbxl_fold_2
    found = [names(Record(signal_mv=signal_mv, rate_hz=100)) for signal_mv in signals_mv[:1000]]
    assert found.count(["not an ECG"]) <= 1
    assert found.count(["no beats"]) <= 10


def test_what_is_left_of_real_ecgs_without_their_order_is_no_ecg(ptbxl_fold_2):
    """The same samples shuffled, and the same spectrum with random phases."""
    rng = np.random.default_rng(0)
    for signal_mv in ptbxl_fold_2[1][:40]:
        shuffled = signal_mv[:, rng.permutation(1000)]
        phase = np.exp(1j * rng.uniform(0, 6.28, (1, 501)))
        other_phases = np.fft.irfft(np.fft.rfft(signal_mv) * phase, 1000)
        for other in (shuffled, other_phases):
            assert names(Record(signal_mv=other, rate_hz=100)) == ["not an ECG"]


def test_leads_that_are_not_among_the_twelve_need_no_limb_leads():
    record = made_up().with_leads(LEADS[6:])
    assert names(record) == []


def test_a_wrong_rate_makes_a_heart_too_slow():
    record = made_up(rate_hz=500, duration_s=10)
    peaks = np.array([100, 400, 700])
    slow = Record(signal_mv=record.signal_mv[:, :1000], rate_hz=100)
    (finding,) = find_few_beats(slow, peaks)
    assert (finding.name, finding.refuses) == ("few beats", False)
    assert finding.text == "only 3 beats in 10 s; check the sampling rate"
    assert list(find_few_beats(slow, np.arange(50, 1000, 200))) == []
    assert list(find_few_beats(replace(slow, signal_mv=slow.signal_mv[:, :900]), peaks)) == []


def test_no_real_ecg_has_few_beats(ptbxl_fold_2):
    for signal_mv in ptbxl_fold_2[1][::5]:
        record = Record(signal_mv=signal_mv, rate_hz=100)
        assert list(find_few_beats(record, r_peaks(record))) == []
