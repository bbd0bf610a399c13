"""Names of leads in any spelling, their order, and units in millivolts."""

from itertools import permutations

import pytest

from ecgcam.errors import RecordError
from ecgcam.signals.leads import LEADS, lead_name, lead_order, millivolts_per


def test_the_twelve_leads_are_in_the_usual_order():
    assert " ".join(LEADS) == "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize(
    "spelling",
    ["{}", "  {} ", "Lead {}", "lead_{}", "LEAD-{}", "MDC_ECG_LEAD_{}", "ECG Lead {}", "ECG {}"],
)
def test_every_spelling_of_a_lead_gives_our_name(lead, spelling):
    for name in (lead, lead.upper(), lead.lower()):
        assert lead_name(spelling.format(name)) == lead


@pytest.mark.parametrize("name", ["V7", "V3R", "IV", "aV", "X", "Resp", "Lead", "V1V2", "", "IIV"])
def test_another_name_is_unchanged(name):
    assert lead_name(f" {name} ") == name


def test_leads_are_found_by_name_in_any_order():
    few = ("I", "aVL", "V1")
    for order in permutations(("i", "V1", "Lead aVL", "Resp")):
        assert [lead_name(order[k]) for k in lead_order(order, few)] == list(few)


def test_avr_and_avl_are_told_apart_by_name():
    names = ["I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    assert lead_order(names) == list(range(12))
    names[3], names[4] = names[4], names[3]
    assert lead_order(names)[3:5] == [4, 3]


def test_the_error_names_missing_and_available_leads():
    with pytest.raises(RecordError, match=r"leads V5, V6 are missing; found I, .*, V4; expected"):
        lead_order(LEADS[:10])
    with pytest.raises(RecordError, match="found none"):
        lead_order([])


def test_a_repeated_lead_is_refused_only_if_it_is_wanted():
    with pytest.raises(RecordError, match=r"aVR, V1 occur more than once"):
        lead_order([*LEADS, "MDC_ECG_LEAD_V1", "AVR"])
    assert lead_order(["I", "II", "Lead I"], ["II"]) == [1]


@pytest.mark.parametrize(
    ("millivolts", "spellings"),
    [
        (1000, ["V", "volt", "Volts", " v "]),
        (1, ["mV", "MV", "millivolt", "Millivolts"]),
        (0.001, ["uV", "\N{MICRO SIGN}V", "\N{GREEK SMALL LETTER MU}V", "microvolts"]),
        (0.001, ["\N{MICRO SIGN}volt", "UV", "\N{GREEK SMALL LETTER MU}v"]),
        (1e-6, ["nV", "nanovolt"]),
    ],
)
def test_a_voltage_in_any_spelling(millivolts, spellings):
    for unit in spellings:
        assert millivolts_per(unit) == pytest.approx(millivolts)


@pytest.mark.parametrize("unit", ["", "mmHg", "NU", "m", "adu", "1", "mV/s", "mA", "pV", "None"])
def test_a_unit_that_is_not_a_voltage_is_refused(unit):
    with pytest.raises(RecordError, match="is not a voltage; expected V, mV"):
        millivolts_per(unit)
