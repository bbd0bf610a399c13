"""Names of leads in any spelling, their order, and units in millivolts."""

from itertools import permutations

import pytest

from ecgcam.errors import RecordError
from ecgcam.signals.leads import (
    LEADS,
    lead_name,
    lead_names,
    lead_order,
    millivolts_per,
    numbered_order,
)


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


@pytest.mark.parametrize(
    ("lead", "spellings"),
    [
        ("I", "DI|D1|d i|ECGI|I-LL|Lead I (Einthoven)|MLI|LA-RA|Ableitung I|Derivación DI"),
        ("II", "DII|D2|MLII|ML2|ECG - II|Ⅱ|II-REF|Dérivation II|II导联|derivação D II|II_mV"),
        ("III", "DIII|III.|LL-LA|Abl. III|отведение III|derivazione III"),
        ("aVR", "a VR|av-r|aVR-REF|Lead aVR (Goldberger)|aVR, augmented voltage, right"),
        ("aVL", "aV L|EKG AVL|aVL, augmented voltage, left"),
        ("aVF", "MDC_ECG_LEAD_AVF|channel aVF|aVF, augmented voltage, foot"),
        ("V1", "C1|c-1|V 1|V-1|V₁|V01|V1-REF|V1-WCT|ECGV1|LeadV1|precordial V1|V1 (Wilson)"),
        ("V6", "C6|ECG V6-Ref|lead_v6|V6 lead"),
    ],
)
def test_the_spellings_of_devices_and_languages(lead, spellings):
    assert {spelling: lead_name(spelling) for spelling in spellings.split("|")} == dict.fromkeys(
        spellings.split("|"), lead
    )


@pytest.mark.parametrize(
    "spelling",
    ["-aVR", "−aVR", "– avr", "ECG -AVR", "(-)aVR", "aVR (-)", "aVR inverted", "neg aVR"],
)
def test_a_lead_recorded_upside_down_keeps_its_sign(spelling):
    assert lead_name(spelling) == "-aVR"


@pytest.mark.parametrize(
    "name",
    [
        *("V7", "V3R", "IV", "aV", "X", "Resp", "Lead", "V1V2", "", "IIV"),
        *("I-II", "I II", "I, II", "V1-V2", "II-III", "V3 R", "V4 right", "RA-LA", "C3-A2"),
        *("VI", "V", "leads", "ECG", "ECG1", "ch1", "Lead 1", "L2", "MCL1", "Pleth II bar"),
    ],
)
def test_another_name_is_unchanged(name):
    assert lead_name(f" {name} ") == name


def test_lead_1_is_i_beside_leads_with_names():
    assert lead_names(["Lead 1", "Lead 2", "Lead 3", "aVR"]) == ["I", "II", "III", "aVR"]
    assert lead_names(["L1", "l2", "V1"]) == ["I", "II", "V1"]


@pytest.mark.parametrize(
    "names", [["L1", "L2", "L3"], ["Lead 1", "Lead 4", "V1"], ["ECG1", "ECG2", "V1"], ["lead1"]]
)
def test_numbers_that_may_mean_any_lead_are_no_names(names):
    assert set(lead_names(names)) & {"I", "II", "III"} == set()


def test_twelve_numbered_channels_have_an_order():
    for start, prefix in ((1, "ch"), (0, "Lead "), (1, ""), (0, "ECG_")):
        names = [f"{prefix}{k}" for k in range(start, start + 12)]
        assert numbered_order(names) == list(range(12))
        assert numbered_order(names[::-1]) == list(range(12))[::-1]
    assert numbered_order(["ch1"] * 12) is None
    assert numbered_order([f"ch{k}" for k in range(1, 9)]) is None
    assert numbered_order([f"V{k}" for k in range(1, 13)]) is None
    assert numbered_order(LEADS) is None


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
