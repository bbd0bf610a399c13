"""Names of the twelve leads, their order in every array, and conversion of units to millivolts."""

import re
from collections.abc import Sequence

from ..errors import RecordError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

_BY_UPPER_CASE = {lead.upper(): lead for lead in LEADS}
_PREFIX = re.compile(r"^(MDC_ECG_LEAD_|ECG[ _-]*LEAD[ _-]*|LEAD[ _-]*|ECG[ _-]*)", re.IGNORECASE)
_MILLIVOLTS = {"v": 1e3, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}


def lead_name(spelling: str) -> str:
    """Return our name of a lead in any device's spelling: "AVR", "Lead II", "MDC_ECG_LEAD_V1".

    A name of another lead is returned unchanged, without surrounding spaces.
    """
    bare = _PREFIX.sub("", spelling.strip())
    return _BY_UPPER_CASE.get(bare.upper(), spelling.strip())


def lead_order(available: Sequence[str], wanted: Sequence[str] = LEADS) -> list[int]:
    """Return the index of each wanted lead among the available ones, in any spelling and order.

    Raises RecordError if a wanted lead is missing or occurs more than once.
    """
    names = [lead_name(name) for name in available]
    missing = [lead for lead in wanted if lead not in names]
    if missing:
        raise RecordError(
            f"leads {', '.join(missing)} are missing; found {', '.join(names) or 'none'}; "
            f"expected {', '.join(wanted)}."
        )
    repeated = [lead for lead in wanted if names.count(lead) > 1]
    if repeated:
        raise RecordError(
            f"leads {', '.join(repeated)} occur more than once; expected each once. "
            "Rename or remove the others."
        )
    return [names.index(lead) for lead in wanted]


def millivolts_per(unit: str) -> float:
    """Return the size of a unit in millivolts: 0.001 for "uV", "µV" (either sign) or "microvolt".

    Raises RecordError for a unit that is not a voltage: a guess risks a factor of 1000.
    """
    plain = unit.strip().lower().replace("µ", "u").replace("μ", "u")
    plain = re.sub(r"volts?$", "v", plain)
    plain = {"milliv": "mv", "microv": "uv", "nanov": "nv"}.get(plain, plain)
    if plain not in _MILLIVOLTS:
        raise RecordError(f"the unit {unit!r} is not a voltage; expected V, mV, µV (uV) or nV.")
    return _MILLIVOLTS[plain]
