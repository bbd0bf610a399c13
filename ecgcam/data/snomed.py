"""SNOMED CT codes of diagnoses, with a short name and a title for each.

The codes and names of the PhysioNet/Computing in Cardiology Challenges 2020 and 2021 (Perez Alday
et al. 2020; Reyna et al. 2021), 30 scored and 103 unscored, are in snomed_codes.csv; titles are
ours. One name differs: cardiac dysrhythmia is CDys, because CD is a superclass of PTB-XL
(conduction disturbance).
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

_TABLE = Path(__file__).with_name("snomed_codes.csv")


class Diagnosis(NamedTuple):
    """A short name, as in "AF", and a title, as in "Atrial fibrillation"."""

    name: str
    title: str


@cache
def diagnoses() -> dict[str, Diagnosis]:
    """Return the diagnoses by their code."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: Diagnosis(row["name"], row["title"]) for row in csv.DictReader(file)}
