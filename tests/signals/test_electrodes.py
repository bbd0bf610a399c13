"""Electrodes: the leads as in textbooks, also with two electrodes swapped."""

import numpy as np
import pytest

from ecgcam.data.synthetic import recording
from ecgcam.signals.electrodes import ELECTRODES, lead_weights, swapped_leads
from ecgcam.signals.leads import LEADS

LIMBS = ("I", "II", "III", "aVR", "aVL", "aVF")


@pytest.fixture
def potentials():
    """(electrodes, time), in mV."""
    return np.random.default_rng(0).normal(size=(9, 50))


def test_the_leads_by_hand(potentials):
    ra, la, ll, v1 = potentials[:4]
    i, ii, iii, avr, avl, avf, lead_v1 = (lead_weights(LEADS) @ potentials)[:7]
    np.testing.assert_allclose(i, la - ra)
    np.testing.assert_allclose(i + iii, ii)
    np.testing.assert_allclose(avr, -(i + ii) / 2)
    np.testing.assert_allclose(avl, (i - iii) / 2)
    np.testing.assert_allclose(avf, (ii + iii) / 2)
    np.testing.assert_allclose(lead_v1, v1 - (ra + la + ll) / 3)


def test_synthetic_ecgs_compute_their_leads_in_the_same_way(potentials):
    np.testing.assert_allclose(lead_weights(LEADS) @ potentials, recording._leads(potentials))


def test_a_potential_common_to_all_electrodes_cancels_in_every_lead():
    np.testing.assert_allclose(lead_weights(LEADS).sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize(
    ("pair", "shown"),
    [  # the tables of textbooks
        (("RA", "LA"), ("-I", "III", "II", "aVL", "aVR", "aVF")),
        (("RA", "LL"), ("-III", "-II", "-I", "aVF", "aVL", "aVR")),
        (("LA", "LL"), ("II", "I", "-III", "aVR", "aVF", "aVL")),
        (("V1", "V2"), LIMBS),
    ],
)
def test_swapped_limb_electrodes_as_in_textbooks(pair, shown):
    leads = swapped_leads(*pair, LEADS)
    assert tuple(("-" if sign < 0 else "") + LEADS[k] for k, sign in leads[:6]) == shown
    chest = [LEADS[k] for k, _ in leads[6:]]
    swapped = {"V1": "V2", "V2": "V1"} if "V1" in pair else {}
    assert chest == [swapped.get(lead, lead) for lead in LEADS[6:]]
    assert all(sign == 1 for _, sign in leads[6:])


@pytest.mark.parametrize("pair", [("RA", "LA"), ("RA", "LL"), ("LA", "LL"), ("V3", "V4")])
def test_swapped_leads_are_the_leads_of_swapped_potentials(pair, potentials):
    a, b = map(ELECTRODES.index, pair)
    swapped = potentials.copy()
    swapped[[a, b]] = potentials[[b, a]]
    before, after = lead_weights(LEADS) @ potentials, lead_weights(LEADS) @ swapped
    indices, signs = np.array(swapped_leads(*pair, LEADS)).T
    np.testing.assert_allclose(before[indices] * signs[:, None], after)


def test_leads_are_found_by_name_in_any_order():
    assert swapped_leads("RA", "LA", ("III", "V6", "II", "I")) == [(2, 1), (1, 1), (0, 1), (3, -1)]


def test_a_swap_that_the_leads_cannot_show_is_refused():
    with pytest.raises(ValueError, match="with RA and V1 swapped, I shows none of the leads"):
        swapped_leads("RA", "V1", LEADS)
    with pytest.raises(ValueError, match="II shows none of the leads I, II"):
        swapped_leads("RA", "LA", ("I", "II"))
    with pytest.raises(ValueError, match="electrodes of the lead V7 are not known"):
        lead_weights(("I", "V7"))
