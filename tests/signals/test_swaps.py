"""Swapped electrodes are named; few real ECGs look swapped."""

from dataclasses import replace

import numpy as np
import pytest
from support.disturbed import made_up

from ecgcam.signals.beats import r_peaks
from ecgcam.signals.leads import LEADS
from ecgcam.signals.perturb import swap_electrodes
from ecgcam.signals.record import Record
from ecgcam.signals.swap_weights import SWAP_WEIGHTS
from ecgcam.signals.swaps import INDEPENDENT, find_swaps, fit_predictors, swap

PAIRS = list(SWAP_WEIGHTS)


def found(record):
    return list(find_swaps(record, r_peaks(record)))


def swapped(record, first, second):
    signals_mv = swap_electrodes(record.signal_mv[None], first=first, second=second, leads=LEADS)
    return replace(record, signal_mv=signals_mv[0])


def test_a_swap_of_the_arms_and_of_chest_electrodes_by_hand():
    arms = swap(("RA", "LA"))[:2].tolist()
    assert arms == [[-1, 0, 0, 0, 0, 0, 0, 0], [-1, 1, 0, 0, 0, 0, 0, 0]]
    assert swap(("RA", "LL"))[:2, :2].tolist() == [[1, -1], [0, -1]]
    assert swap(("LA", "LL"))[:2, :2].tolist() == [[0, 1], [1, 0]]
    order = swap(("V2", "V3")) @ np.arange(8)
    assert order.tolist() == [0, 1, 2, 4, 3, 5, 6, 7]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_swap_does_the_same_to_independent_leads_as_to_all_twelve(pair):
    record = made_up()
    expected = swapped(record, *pair).with_leads(INDEPENDENT).signal_mv
    np.testing.assert_allclose(
        swap(pair) @ record.with_leads(INDEPENDENT).signal_mv, expected, atol=0.0021
    )


@pytest.mark.parametrize(
    ("pair", "rate"), [*zip(PAIRS, [0.97, 0.97, 0.3] + [0.8] * 5, strict=True)]
)
def test_swaps_of_real_ecgs_are_named(ptbxl_fold_2, pair, rate):
    """Arm and leg on the left are hardest: the leads change little."""
    named = []
    for signal_mv in ptbxl_fold_2[1][:150]:
        findings = found(swapped(Record(signal_mv=signal_mv, rate_hz=100), *pair))
        named.append([finding.text for finding in findings])
    expected = f"the electrodes {pair[0]} and {pair[1]} look swapped"
    assert named.count([expected]) >= rate * len(named)


def test_few_real_ecgs_look_swapped(ptbxl_fold_2):
    signals_mv = ptbxl_fold_2[1]
    hits = [found(Record(signal_mv=signal_mv, rate_hz=100)) for signal_mv in signals_mv]
    assert sum(map(bool, hits)) <= 0.025 * len(signals_mv)


def test_a_swap_names_its_leads_and_refuses_nothing(ptbxl_fold_2):
    record = Record(signal_mv=ptbxl_fold_2[1][0], rate_hz=100)
    (finding,) = found(swapped(record, "V1", "V2"))
    assert (finding.name, finding.leads) == ("electrodes swapped", ("V1", "V2"))
    assert not finding.refuses
    (finding,) = found(swapped(record, "RA", "LL"))
    assert finding.leads == LEADS[:6]


def test_without_all_chest_leads_or_beats_nothing_is_said():
    record = made_up()
    assert found(record.with_leads(LEADS[:11])) == []
    assert found(replace(record, signal_mv=record.signal_mv[:, :150])) == []
    assert list(find_swaps(record, np.array([500]))) == []


def test_a_lead_that_others_determine_is_predicted_exactly():
    beats = np.random.default_rng(0).normal(0, 1, (50, 8, 65))
    beats -= beats[:, :, 16:19].mean(axis=2, keepdims=True)
    beats[:, 5] = 0.5 * beats[:, 4] - beats[:, 2]
    weights = fit_predictors(beats, "QRS")
    assert np.diag(weights).tolist() == [0] * 8
    np.testing.assert_allclose(weights[5], [0, 0, -1, 0, 0.5, 0, 0, 0], atol=0.03)
