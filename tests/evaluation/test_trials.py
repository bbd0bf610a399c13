"""Every trial can be told apart, gets stronger, and is skipped where it says nothing."""

from itertools import groupby

import numpy as np
import pytest

from ecgcam.evaluation.trials import SWAPS, plan
from ecgcam.signals.leads import LEADS

ALL = range(12)


def planned(leads=LEADS, *, rate_hz=500.0, samples=5000, rows=ALL):
    return plan(leads, rate_hz=rate_hz, samples=samples, rows=rows)


@pytest.fixture(scope="module")
def ecgs():
    """Four signals that move as ECGs do, (4, 12, 5000) in mV."""
    rng = np.random.default_rng(0)
    beats = (np.arange(5000) % 400 < 25) * rng.normal(0, 1, (4, 12, 1))
    return (beats + rng.normal(0, 0.02, beats.shape)).astype(np.float32)


def test_at_500_hz_and_with_all_leads_everything_is_tried():
    trials, skipped = planned()
    assert skipped == []
    kinds = [kind for kind, _ in groupby(trial.kind for trial in trials)]
    assert kinds == [
        "white noise", "muscle noise", "mains hum of 50 Hz", "mains hum of 60 Hz",
        "baseline wander", "late start", "coarse steps", "lead flat", "electrodes swapped",
    ]  # fmt: skip
    named = [(trial.kind, trial.what) for trial in trials]
    assert len(set(named)) == len(named)
    assert [trial.what for trial in trials if trial.kind == "lead flat"] == list(LEADS)
    assert ("electrodes swapped", "RA and LA") in named
    assert ("white noise", "24 dB SNR") in named
    assert ("coarse steps", "50 µV") in named


def test_each_kind_goes_from_weak_to_strong(ecgs):
    trials, _ = planned()
    for kind, members in groupby(
        [one for one in trials if one.strength is not None], key=lambda one: one.kind
    ):
        off = [np.abs(one.disturb(ecgs, np.random.default_rng(0)) - ecgs).mean() for one in members]
        if kind != "late start":  # beats that come later may fall on beats again
            assert (np.diff(off) > 0).all(), kind


def test_the_mains_above_half_the_rate_is_skipped_with_the_reason():
    trials, skipped = planned(rate_hz=100.0, samples=1000)
    assert {one.kind for one in skipped} == {"mains hum of 60 Hz"}
    assert all("needed: at least 120" in one.reason for one in skipped)
    assert "mains hum of 50 Hz" in {one.kind for one in trials}


def test_what_changes_none_of_the_models_leads_is_skipped():
    trials, skipped = planned(rows=[LEADS.index("V1")])
    assert [one.what for one in trials if one.strength is None] == ["V1", "V1 and V2"]
    assert {one.reason for one in skipped} == {"it changes no lead that the model uses."}


def test_a_lead_that_swapping_leaves_alone_is_known():
    trials, _ = planned(rows=[LEADS.index("aVF")])
    swaps = [one.what for one in trials if one.kind == "electrodes swapped"]
    assert swaps == ["RA and LL", "LA and LL"]


def test_a_store_of_few_leads_skips_the_swaps_that_it_cannot_show():
    trials, skipped = planned(("I", "II"), rows=[0, 1])
    assert "white noise" in {one.kind for one in trials}
    reasons = {one.what: one.reason for one in skipped}
    assert "II shows what none of the leads I, II does" in reasons["RA and LA"]
    assert "RA and LL" in reasons
    assert "LA and LL" not in reasons  # I and II change places


def test_leads_of_unknown_electrodes_get_no_noise_at_electrodes():
    trials, skipped = planned(("I", "X"), rows=[0, 1])
    assert {one.kind for one in trials} == {
        "white noise", "late start", "coarse steps", "lead flat"
    }  # fmt: skip
    assert "electrodes of the lead X are not known" in skipped[0].reason


def test_a_start_later_than_the_end_is_skipped():
    _, skipped = planned(samples=500)
    assert [one.what for one in skipped if one.kind == "late start"] == ["1 s", "2 s"]


def test_every_pair_of_neighbouring_chest_electrodes_is_swapped():
    chest = [f"V{k}" for k in range(1, 7)]
    assert set(zip(chest[:-1], chest[1:], strict=True)) < set(SWAPS)
