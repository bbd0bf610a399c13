"""Limb leads: computed from two of them where some are missing, checked where more are there.

The six limb leads show the potentials of three electrodes, so two of I, II and III determine all:
III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .electrodes import lead_weights
from .finding import Finding
from .leads import LEADS

LIMB_LEADS = LEADS[:6]
AGREE_MV = 0.02  # beyond the rounding of the file
_ROUNDING_STEPS = 1.5  # the error of II - I - III when each is rounded
_COARSEST_MV = 0.05  # no converter has larger steps
_PAIRS = (("I", "II"), ("II", "III"), ("I", "III"))

_SPARSE = 16  # samples between those that most explanations already fail at

Signals = NDArray[np.float32]
Weights = NDArray[np.float64]

_WEIGHTS: dict[tuple[str, str], Weights] = {  # all are multiples of 1/2
    basis: np.round(
        2 * lead_weights(LIMB_LEADS)[:, :3] @ np.linalg.pinv(lead_weights(basis)[:, :3])
    )
    / 2
    for basis in _PAIRS
}

DISAGREE = "limb leads disagree"


def basis_of(leads: Sequence[str]) -> tuple[str, str] | None:
    """Return two of I, II and III that are among the leads; None if there are no two."""
    return next((pair for pair in _PAIRS if set(pair) <= set(leads)), None)


def independent_rows(leads: Sequence[str]) -> list[int]:
    """Return the indices of all leads but the limb leads that two others determine."""
    kept = basis_of(leads) or LIMB_LEADS
    return [k for k, lead in enumerate(leads) if lead in kept or lead not in LIMB_LEADS]


def weights_of(leads: Sequence[str], basis: tuple[str, str]) -> Weights:
    """Return the weight of both leads of the basis in each limb lead: (leads, 2)."""
    return _WEIGHTS[basis][[LIMB_LEADS.index(lead) for lead in leads]]


def limb_leads_agree(signal_mv: Signals, leads: Sequence[str]) -> bool:
    """Return whether the limb leads among these fit the potentials of three electrodes."""
    present = [lead for lead in LIMB_LEADS if lead in leads]
    signal_mv = signal_mv[[leads.index(lead) for lead in present]]
    error_mv = _largest_error_mv(signal_mv, present)
    return error_mv <= AGREE_MV or error_mv <= _tolerance_mv(signal_mv)


def find_limb_lead_faults(signal_mv: Signals, leads: Sequence[str]) -> Finding | None:
    """Find which limb lead disagrees with the others, and whether it is inverted or swapped.

    signal_mv: (leads, time), in mV. None if all agree to 0.02 mV beyond the rounding of the file,
    or if too few of them are there to tell.
    """
    present = [lead for lead in LIMB_LEADS if lead in leads]
    signal_mv = signal_mv[[leads.index(lead) for lead in present]]
    error_mv = _largest_error_mv(signal_mv, present)
    if error_mv <= AGREE_MV or error_mv <= (tolerance_mv := _tolerance_mv(signal_mv)):
        return None
    for changed, order, signs, text in _explanations(present):
        errors_mv = (
            _largest_error_mv(part[order] * signs[:, None], present)
            for part in (signal_mv[:, ::_SPARSE], signal_mv)
        )
        if all(each_mv <= tolerance_mv for each_mv in errors_mv):
            return Finding(name=DISAGREE, leads=changed, text=text)
    for lead in present:
        others = [other for other in present if other != lead]
        rows = [present.index(other) for other in others]
        if len(others) > 2 and _largest_error_mv(signal_mv[rows], others) <= tolerance_mv:
            text = f"{lead} disagrees with the other limb leads by up to {error_mv:.2g} mV"
            return Finding(name=DISAGREE, leads=(lead,), text=text)
    text = f"{', '.join(present)} disagree with each other by up to {error_mv:.2g} mV"
    if _agree_with_other_gains(signal_mv, present, tolerance_mv):
        text += "; they would agree if the gains (units per mV) in the file were others"
    return Finding(name=DISAGREE, leads=tuple(present), text=text)


def _largest_error_mv(signal_mv: Signals, leads: Sequence[str]) -> float:
    """Return the largest difference between a limb lead and its sum of two others; 0 if too few."""
    basis = basis_of(leads)
    if basis is None or len(leads) < 3:
        return 0.0
    expected = weights_of(leads, basis) @ signal_mv[[leads.index(lead) for lead in basis]]
    return float(np.nanmax(np.abs(signal_mv - expected), initial=0))


def _tolerance_mv(signal_mv: Signals) -> float:
    """Return the largest error of leads that agree: 0.02 mV, and the rounding of the file.

    The step of the file is the smallest difference between two values of a lead.
    """
    values = [np.unique(row) for row in signal_mv]
    steps = [float(np.diff(row).min()) for row in values if row.size > 1]
    return AGREE_MV + _ROUNDING_STEPS * min(max(steps, default=0.0), _COARSEST_MV)


def _agree_with_other_gains(signal_mv: Signals, leads: Sequence[str], tolerance_mv: float) -> bool:
    """Return whether the leads are sums of two with other weights than theirs, of the same signs.

    So it is where each lead was scaled on its own.
    """
    basis = basis_of(leads)
    if basis is None:
        return False
    pair = signal_mv[[leads.index(lead) for lead in basis]].T
    weights, *_ = np.linalg.lstsq(pair, signal_mv.T)
    same_signs = (np.sign(weights_of(leads, basis)) * weights.T >= 0).all()
    return bool(same_signs) and bool((np.abs(signal_mv.T - pair @ weights) <= tolerance_mv).all())


def _explanations(
    leads: Sequence[str],
) -> Iterator[tuple[tuple[str, ...], list[int], NDArray[np.float32], str]]:
    """Yield what may have happened to one or two leads: names, undoing order and signs, text."""
    order, signs = list(range(len(leads))), np.ones(len(leads), np.float32)
    for k, lead in enumerate(leads):
        inverted = signs.copy()
        inverted[k] = -1
        yield (lead,), order, inverted, f"{lead} looks inverted"
    for sign, how in ((1, "swapped"), (-1, "swapped and inverted")):
        for a, b in combinations(range(len(leads)), 2):
            swapped, flipped = order.copy(), signs.copy()
            swapped[a], swapped[b] = b, a
            flipped[[a, b]] = sign
            yield (leads[a], leads[b]), swapped, flipped, f"{leads[a]} and {leads[b]} look {how}"
