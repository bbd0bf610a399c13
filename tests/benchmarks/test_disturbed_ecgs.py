"""Disturbances of the quality benchmark do what their text says."""

import numpy as np
import pytest
from support.disturbed import made_up

from benchmarks.disturbances import DISTURBANCES
from benchmarks.quality import outcome_of

FOUND_IN_SOME = ("electrodes swapped", "high-pass filter", "clipped", "high noise")


@pytest.mark.parametrize(
    "disturbance",
    [each for each in DISTURBANCES if each.finding not in FOUND_IN_SOME],
    ids=lambda each: f"{each.finding}: {each.text}",
)
def test_what_is_always_found_is_named_in_a_good_ecg(disturbance):
    found = outcome_of(disturbance, made_up(), np.random.default_rng(0))
    assert disturbance.finding in found
    assert outcome_of(disturbance, made_up(), np.random.default_rng(0)) == found


def test_every_disturbance_changes_the_ecg_and_not_its_size():
    record = made_up()
    for disturbance in DISTURBANCES:
        if not disturbance.finding.startswith("missing"):
            changed = disturbance.apply(record, np.random.default_rng(1))
            assert changed.duration_s == record.duration_s
            assert changed.leads == record.leads
            assert not np.array_equal(changed.signal_mv, record.signal_mv)
