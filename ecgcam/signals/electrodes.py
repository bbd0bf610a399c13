"""Electrodes: the leads as weighted sums of potentials, and the effect of swapped electrodes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Right arm, left arm, left leg, chest. The right leg is the ground and part of no lead.
ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")

_LIMB_LEADS = {  # weights of RA, LA, LL
    "I": (-1, 1, 0),
    "II": (-1, 0, 1),
    "III": (0, -1, 1),
    "aVR": (1, -1 / 2, -1 / 2),
    "aVL": (-1 / 2, 1, -1 / 2),
    "aVF": (-1 / 2, -1 / 2, 1),
}
_WILSON = (1 / 3, 1 / 3, 1 / 3)  # reference of the chest leads


def lead_weights(leads: Sequence[str]) -> NDArray[np.float64]:
    """Return the weight of each electrode's potential in each lead: (leads, electrodes).

    Einthoven's I = LA - RA, II = LL - RA, III = LL - LA; Goldberger's aVR = RA - (LA + LL) / 2,
    and aVL and aVF likewise; Wilson's V1 = V1 - (RA + LA + LL) / 3, and V2 to V6 likewise. Raises
    ValueError for a lead outside the twelve.
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
    """Return what each lead shows when two electrodes are swapped: (index of a lead, its sign).

    With the arms swapped, I shows -I, and II shows III. Raises ValueError where a lead would show
    none of the leads: an arm swapped with V1, or II where III is not among the leads.
    """
    weights = lead_weights(leads)
    electrodes = list(range(len(ELECTRODES)))
    a, b = ELECTRODES.index(first), ELECTRODES.index(second)
    electrodes[a], electrodes[b] = b, a
    shown = []
    for lead, swapped in zip(leads, weights[:, electrodes], strict=True):
        matches = [
            (k, sign)
            for k, row in enumerate(weights)
            for sign in (1, -1)
            if (row == sign * swapped).all()
        ]
        if not matches:
            raise ValueError(
                f"with {first} and {second} swapped, {lead} shows none of the leads "
                f"{', '.join(leads)}."
            )
        shown.append(matches[0])
    return shown
