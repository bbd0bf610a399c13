"""The twelve leads by name, in the order of every array here, and units to millivolts."""

import re
from collections.abc import Sequence

from ..errors import RecordError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

_OURS = {lead.upper(): lead for lead in LEADS}
_PREFIX = re.compile(r"^(MDC_ECG_LEAD_|ECG[ _-]*LEAD[ _-]*|LEAD[ _-]*|ECG[ _-]*)", re.IGNORECASE)
_MILLIVOLTS = {"v": 1e3, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}


def lead_name(spelling: str) -> str:
    """Our name of a lead however a device spells it: "AVR", "Lead II", "MDC_ECG_LEAD_V1".

    A name that is none of the twelve comes back as it is, without its spaces at the ends.
    """
    bare = _PREFIX.sub("", spelling.strip())
    return _OURS.get(bare.upper(), spelling.strip())


def lead_order(found: Sequence[str], wanted: Sequence[str] = LEADS) -> list[int]:
    """Where each wanted lead stands among the found ones, whatever their spelling or order.

    Raises RecordError if a wanted lead is missing or is there twice.
    """
    names = [lead_name(name) for name in found]
    missing = [lead for lead in wanted if lead not in names]
    if missing:
        raise RecordError(
            f"leads {', '.join(missing)} are missing; it has {', '.join(names) or 'none'}. "
            f"Needed: {', '.join(wanted)}."
        )
    twice = [lead for lead in wanted if names.count(lead) > 1]
    if twice:
        raise RecordError(f"leads {', '.join(twice)} are there more than once; which is meant?")
    return [names.index(lead) for lead in wanted]


def millivolts_per(unit: str) -> float:
    """How many millivolts one `unit` is: 0.001 for "uV", "µV" (either sign) or "microvolt".

    Raises RecordError for a unit that is not a voltage: guessing it risks a factor of 1000.
    """
    plain = unit.strip().lower().replace("µ", "u").replace("μ", "u")
    plain = re.sub(r"volts?$", "v", plain)
    plain = {"milliv": "mv", "microv": "uv", "nanov": "nv"}.get(plain, plain)
    if plain not in _MILLIVOLTS:
        raise RecordError(f"the unit {unit!r} is not a voltage; needed: V, mV, µV (uV) or nV.")
    return _MILLIVOLTS[plain]
