"""Heat behind a trace: the evidence for a class in one colour, against it in another."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..inference.results import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

SCALES = ("logits", "record")
# Evidence with the full colour, in logits. 99 of 100 frames of fold 9 lie below it, so that a quiet
# ECG looks quiet.
FULL_LOGITS = 20.0  # of all leads together
FULL_LEAD_LOGITS = 8.0  # of a lead by itself

# Blue against, white at zero, orange for: told apart by colour-blind readers, and in grey print,
# where the orange is darker.
HEAT_COLOURS = ("#7fb8e0", "#c3def2", "#ffffff", "#ffcf87", "#ee7d13")

Extent = tuple[float, float, float, float]  # left, right, bottom, top


def full_logits(explanation: Explanation) -> float:
    """Return how much evidence has the full colour, in logits."""
    return FULL_LOGITS if explanation.lead_evidence is None else FULL_LEAD_LOGITS


def heat_of(explanation: Explanation, k: int, times_s: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the heat of a class at some times: (leads, times), or (1, times) for all leads.

    1 is as much evidence for the class as has the full colour, -1 as much against it. Linear
    between the centers of frames that follow each other; NaN where there is no frame: where
    the record was left out, and at the ends of a window of a network that pads nothing.
    """
    by_lead = explanation.lead_evidence
    rows = explanation.evidence[k : k + 1] if by_lead is None else by_lead[k]
    centers, half_s = explanation.frame_times_s, explanation.frame_s / 2
    after = np.searchsorted(centers, times_s).clip(1, max(centers.size - 1, 1))
    nearest = np.minimum(
        np.abs(times_s - centers[after - 1]), np.abs(centers[after % centers.size] - times_s)
    )
    heat = np.stack([np.interp(times_s, centers, row) for row in rows])
    heat[:, nearest > half_s * 1.01] = np.nan
    return (heat / full_logits(explanation)).astype(np.float32)


def heat_colours() -> "Colormap":
    """Return the colours of heat from -1, at 0, to 1, at 1; NaN is transparent."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("heat", HEAT_COLOURS, N=257)  # zero is white


def draw_heat(axes: "Axes", heat: NDArray[np.floating], *, extent: Extent) -> None:
    """Draw heat behind the contents of the axes.

    heat:   (rows, time) from -1 to 1, the first row at the top; NaN: no colour.
    extent: the area that the heat fills, in the units of the axes.
    """
    # As an image that is already in bytes of colour, which is drawn twice as fast.
    colours = heat_colours()(heat / 2 + 0.5, bytes=True)
    axes.imshow(colours, extent=extent, aspect="auto", interpolation="nearest", zorder=0)


def hatch_unused(axes: "Axes", used: NDArray[np.bool_], *, extent: Extent) -> None:
    """Hatch the end of an area over time (time,) that the model did not use."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = extent
    start = left + (right - left) * used.mean()
    if start < right:
        area = Rectangle((start, bottom), right - start, top - bottom)
        area.set(fill=False, hatch="///", edgecolor="0.8", linewidth=0, zorder=0)
        axes.add_patch(area)


def draw_heat_scale(axes: "Axes", *, extent: Extent, scale: str, upright: bool = False) -> None:
    """Draw the colours of a scale of SCALES, left to right or bottom to top."""
    colours = np.linspace(-1.0 if scale == "logits" else 0.0, 1.0, 256)
    draw_heat(axes, colours[::-1, None] if upright else colours[None], extent=extent)
