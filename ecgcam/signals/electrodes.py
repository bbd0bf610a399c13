"""Which electrodes each lead is made of, and what leads show when two electrodes change places."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Right arm, left arm, left leg, chest. The right leg is the ground: no lead is made of it.
ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")

_LIMB_LEADS = {  # weights of RA, LA, LL
    "I": (-1, 1, 0),
    "II": (-1, 0, 1),
    "III": (0, -1, 1),
    "aVR": (1, -1 / 2, -1 / 2),
    "aVL": (-1 / 2, 1, -1 / 2),
    "aVF": (-1 / 2, -1 / 2, 1),
}
_WILSON = (1 / 3, 1 / 3, 1 / 3)  # the terminal that chest leads are measured against


def lead_weights(leads: Sequence[str]) -> NDArray[np.float64]:
    """What each lead makes of the potentials at the electrodes: (leads, electrodes).

    Einthoven's I = LA - RA, II = LL - RA, III = LL - LA; Goldberger's aVR = RA - (LA + LL) / 2 and
    its like; Wilson's V1 = V1 - (RA + LA + LL) / 3 and its like. Raises ValueError for a lead that
    is none of the twelve.
    """
    weights = np.zeros((len(leads), len(ELECTRODES)))
    for row, lead in zip(weights, leads, strict=True):
        if lead in _LIMB_LEADS:
            row[:3] = _LIMB_LEADS[lead]
        elif lead in ELECTRODES[3:]:
            row[:3] = np.negative(_WILSON)
            row[ELECTRODES.index(lead)] = 1
        else:
            raise ValueError(f"the electrodes of the lead {lead} are not known.")
    return weights


def swapped_leads(first: str, second: str, leads: Sequence[str]) -> list[tuple[int, int]]:
    """What each lead shows when two electrodes are swapped: (the lead's place, its sign) each.

    With the arms swapped, I shows -I, and II shows III. Raises ValueError where a lead would show
    what none of the leads does: an arm swapped with V1, or III where it is not there.
    """
    weights = lead_weights(leads)
    place = list(range(len(ELECTRODES)))
    one, other = ELECTRODES.index(first), ELECTRODES.index(second)
    place[one], place[other] = other, one
    shown = []
    for lead, seen in zip(leads, weights[:, place], strict=True):
        alike = [
            (k, sign)
            for k, row in enumerate(weights)
            for sign in (1, -1)
            if (row == sign * seen).all()
        ]
        if not alike:
            raise ValueError(
                f"with {first} and {second} swapped, {lead} shows what none of the leads "
                f"{', '.join(leads)} does."
            )
        shown.append(alike[0])
    return shown
