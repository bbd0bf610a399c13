"""Names of the twelve leads, their order in every array, and conversion of units to millivolts."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from ..errors import RecordError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
MINUS = "-"  # before the name of a lead that was recorded upside down: "-aVR", as Cabrera has it

# Each lead by its spellings in lower case, without the words around it.
_NAMES = {lead.lower(): lead for lead in LEADS}
_NAMES |= {f"c{k}": f"V{k}" for k in range(1, 7)} | {f"v0{k}": f"V{k}" for k in range(1, 7)}
for _prefix in ("d", "ml"):  # DI and D1 in Portuguese and Spanish; a monitor's MLII
    for _number, _lead in enumerate(LEADS[:3], start=1):
        _NAMES |= {f"{_prefix}{_lead.lower()}": _lead, f"{_prefix}{_number}": _lead}
_PAIRS = {("la", "ra"): "I", ("ll", "ra"): "II", ("ll", "la"): "III"}  # plus, minus electrode

# Words beside a lead's name: "lead" in several languages, the kind of signal, the lead's inventor.
_LEAD_WORDS = {
    *("lead", "leads", "ableitung", "abl", "derivacao", "derivacion", "derivation"),
    *("derivazione", "deriv", "der", "отведение", "отв"),
}
_OTHER_WORDS = {
    *("ecg", "ekg", "mdc", "signal", "channel", "chan", "ch", "canal", "kanal", "mv"),
    *("standard", "limb", "chest", "precordial", "einthoven", "goldberger", "wilson"),
}
_REFERENCES = {"ref", "rf", "rl", "ll", "n", "wct", "ct", "gnd", "g", "avg"}  # as in "V1-REF"
_OPPOSITE = {"inverted", "inv", "negative", "neg", "minus"}
_PARTS = {"a", "av", "v", "c", "d", "ml"}  # may stand apart from the rest: "aV R", "V-1"
_LONG_FORM = re.compile(r"augmented voltage,? (right|left|foot)|导联|導聯|誘導|第")
_GLUED = re.compile(r"^(?:ecg|ekg|lead)+(?=[acdimv\d])")  # "ECGI", "leadV1"
_DASH = "[-\u2212\u2013]"  # hyphen, minus sign, en dash
_MINUS_SIGN = re.compile(rf"^\(?{_DASH}\)?\s*(?=\w)|\s{_DASH}(?=\w)|\({_DASH}\)$")

_MILLIVOLTS = {"v": 1e3, "mv": 1.0, "uv": 1e-3, "nv": 1e-6}


@lru_cache(maxsize=1024)  # a file has the same names as the one before
def lead_name(spelling: str) -> str:
    """Return our name of a lead in any device's spelling.

    "AVR", "Lead II", "MDC_ECG_LEAD_V1", "DI", "C4", "V1-REF", "Ableitung aVL" and "MLII" are known.
    A lead that was recorded upside down has a minus: "-aVR". A name of another lead is returned
    unchanged, without surrounding spaces.
    """
    words, opposite = _words(spelling)
    words = [word for word in words if word not in _LEAD_WORDS | _OTHER_WORDS]
    name = _lead_of(words)
    if not name and words and words[-1] in _REFERENCES:
        name = _lead_of(words[:-1])
    if not name:
        return spelling.strip()
    return MINUS + name if opposite else name


def lead_names(spellings: Sequence[str]) -> list[str]:
    """Return our name of each lead of one ECG: like `lead_name`, and I for "Lead 1" beside V1.

    Numbers are names only where leads 1, 2 or 3 stand beside leads with other names: in a list of
    numbers alone, the order is a guess.
    """
    names = [lead_name(spelling) for spelling in spellings]
    numbers = [_lead_number(spelling) for spelling in spellings]
    given = {number for number in numbers if number is not None}
    if not given or not given <= {1, 2, 3} or set(LEADS).isdisjoint(names):
        return names
    return [
        name if number is None else LEADS[number - 1]
        for name, number in zip(names, numbers, strict=True)
    ]


def numbered_order(spellings: Sequence[str]) -> list[int] | None:
    """Return the index of the first, second … of twelve numbered channels: "ch1" to "ch12".

    They may be counted from 0. None if the channels are named otherwise.
    """
    if not set(LEADS).isdisjoint(map(lead_name, spellings)):
        return None
    words = [_words(spelling)[0][-1:] for spelling in spellings]
    digits = [re.fullmatch(r"\D*(\d+)", word[0]) if word else None for word in words]
    numbers = [int(match[1]) if match else -1 for match in digits]
    for start in (0, 1):
        if sorted(numbers) == list(range(start, start + len(LEADS))):
            return [numbers.index(k) for k in range(start, start + len(LEADS))]
    return None


def _words(spelling: str) -> tuple[list[str], bool]:
    """Return the words of a spelling in lower case, without accents, and whether it has a minus."""
    plain = unicodedata.normalize("NFKD", spelling.strip()).lower()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    minus = bool(_MINUS_SIGN.search(plain))
    words = re.findall(r"[^\W_]+", _LONG_FORM.sub(" ", plain))
    opposite = minus or not _OPPOSITE.isdisjoint(words)
    return [_GLUED.sub("", word) for word in words if word not in _OPPOSITE], opposite


def _lead_of(words: Sequence[str]) -> str:
    """Return the lead that these words name; "" if they name none, or more than one."""
    if len(words) == 2 and (words[0], words[1]) in _PAIRS:
        return _PAIRS[words[0], words[1]]
    if len(words) > 1 and not set(words[:-1]) <= _PARTS:
        return ""
    return _NAMES.get("".join(words), "")


def _lead_number(spelling: str) -> int | None:
    """Return 1 for "Lead 1", "L1" and "lead1"; None for "ECG1" and "ch1", which count channels."""
    plain = " ".join(_words(spelling.replace("lead", "lead "))[0])
    match = re.fullmatch(rf"(?:ecg |ekg )?(?:l|{'|'.join(_LEAD_WORDS)}) ?(\d+)", plain)
    return int(match[1]) if match else None


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
