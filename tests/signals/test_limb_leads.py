"""Limb leads: what two of them say about the others, by hand and on real ECGs."""

from itertools import combinations

import numpy as np
import pytest

from ecgcam.signals.leads import LEADS
from ecgcam.signals.limb_leads import (
    basis_of,
    find_limb_lead_faults,
    limb_leads_agree,
    weights_of,
)

SIX = LEADS[:6]


@pytest.fixture
def six_mv():
    """Return the six leads of random steps in whole microvolts."""
    one, two = np.random.default_rng(3).normal(0, 0.4, (2, 400)).round(3)
    others = [two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.array([one, two, *others]).round(3).astype(np.float32)


def test_the_weights_of_each_basis_are_the_definitions():
    from_one_two = [[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]]
    assert weights_of(SIX, ("I", "II")).tolist() == from_one_two
    assert weights_of(["I", "aVF"], ("II", "III")).tolist() == [[1, -1], [0.5, 0.5]]
    assert weights_of(["II"], ("I", "III")).tolist() == [[1, 1]]


def test_a_basis_is_two_of_the_first_three_leads():
    assert basis_of(LEADS) == ("I", "II")
    assert basis_of(["V1", "III", "I"]) == ("I", "III")
    assert basis_of(["III", "II"]) == ("II", "III")
    assert basis_of(["I", "aVR", "aVL", "aVF"]) is None


def test_leads_that_agree_have_no_fault(six_mv):
    assert find_limb_lead_faults(six_mv, SIX) is None
    assert limb_leads_agree(six_mv, SIX)
    assert find_limb_lead_faults(six_mv[:2], ["I", "II"]) is None
    assert find_limb_lead_faults(six_mv[[0, 3, 4]], ["I", "aVR", "aVL"]) is None
    assert find_limb_lead_faults(six_mv[:0], []) is None


@pytest.mark.parametrize("lead", SIX)
def test_an_inverted_lead_is_named(six_mv, lead):
    six_mv[SIX.index(lead)] *= -1
    fault = find_limb_lead_faults(six_mv, SIX)
    assert fault is not None
    assert (fault.name, fault.leads) == ("limb leads disagree", (lead,))
    assert fault.text == f"{lead} looks inverted"
    assert not limb_leads_agree(six_mv, SIX)


@pytest.mark.parametrize(("a", "b"), list(combinations(range(6), 2)))
def test_two_swapped_leads_are_named(six_mv, a, b):
    six_mv[[a, b]] = six_mv[[b, a]]
    fault = find_limb_lead_faults(six_mv, SIX)
    assert fault is not None
    assert fault.leads == (SIX[a], SIX[b])
    assert fault.text == f"{SIX[a]} and {SIX[b]} look swapped"


def test_leads_go_by_name_in_any_order_and_beside_others(six_mv):
    order = [5, 2, 3, 0, 4, 1]
    signal_mv = np.vstack([np.ones(400, np.float32), six_mv[order]])
    leads = ["V1", *(SIX[k] for k in order)]
    assert find_limb_lead_faults(signal_mv, leads) is None
    signal_mv[3] *= -1
    fault = find_limb_lead_faults(signal_mv, leads)
    assert fault is not None
    assert fault.text == "aVR looks inverted"


def test_a_lead_that_shows_something_else_is_named(six_mv):
    six_mv[4] = np.random.default_rng(0).normal(0, 0.1, 400)
    fault = find_limb_lead_faults(six_mv, SIX)
    assert fault is not None
    assert fault.leads == ("aVL",)
    assert fault.text.startswith("aVL disagrees with the other limb leads by up to ")


def test_several_leads_that_show_something_else_are_all_named(six_mv):
    six_mv[3:] = np.random.default_rng(0).normal(0, 0.1, (3, 400))
    fault = find_limb_lead_faults(six_mv, SIX)
    assert fault is not None
    assert fault.leads == SIX


@pytest.mark.parametrize(("step_mv", "limit_mv"), [(0.001, 0.0215), (0.01, 0.035), (0.05, 0.095)])
def test_the_steps_of_a_coarse_file_are_allowed(six_mv, step_mv, limit_mv):
    coarse = (six_mv / step_mv).round() * step_mv
    assert find_limb_lead_faults(coarse.astype(np.float32), SIX) is None
    for off, agrees in ((0.9, True), (1.1, False)):
        signal_mv = (six_mv[:2] / step_mv).round() * step_mv
        third = signal_mv[1] - signal_mv[0] + np.eye(1, 400, 7)[0] * off * limit_mv
        three = np.vstack([signal_mv, third]).astype(np.float32)
        assert limb_leads_agree(three, SIX[:3]) == agrees


def test_real_ecgs_agree_and_the_known_ones_do_not(ptbxl_fold_2):
    ids, signals_mv = (array[1100:] for array in ptbxl_fold_2)
    faulty = {
        int(i) for i, s in zip(ids, signals_mv, strict=True) if find_limb_lead_faults(s, LEADS)
    }
    assert faulty >= {18767, 21160, 21169, 21171}
    assert len(faulty) <= 0.01 * len(ids)
