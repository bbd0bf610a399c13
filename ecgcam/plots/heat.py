"""The heat behind a trace, and its colour scale."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

HEAT_COLOURS = ("#ffffff", "#fff3c9", "#ffd98c", "#f9a94f")  # pale to strong, also without hue

Extent = tuple[float, float, float, float]  # left, right, bottom, top


def heat_colours() -> "Colormap":
    """Return the colours of heat 0 to 1; NaN is transparent."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("heat", HEAT_COLOURS)


def draw_heat(axes: "Axes", heat: NDArray[np.float32], *, extent: Extent) -> None:
    """Draw the heat behind the contents of the axes; hatch the end that the model did not use.

    heat:   (time,) in [0, 1], NaN from where the record was left out.
    extent: the area that the heat fills, in the units of the axes.
    """
    from matplotlib.patches import Rectangle

    _draw_colours(axes, heat[None], extent=extent)
    left, right, bottom, top = extent
    end = left + (right - left) * np.isfinite(heat).mean()
    if end < right:
        area = Rectangle((end, bottom), right - end, top - bottom)
        area.set(fill=False, hatch="///", edgecolor="0.8", linewidth=0, zorder=0)
        axes.add_patch(area)


def draw_heat_scale(axes: "Axes", *, extent: Extent, upright: bool = False) -> None:
    """Draw the colours from 0 to 1, left to right or bottom to top."""
    scale = np.linspace(0, 1, 256)
    _draw_colours(axes, scale[::-1, None] if upright else scale[None], extent=extent)


def _draw_colours(axes: "Axes", heat: NDArray[np.floating], *, extent: Extent) -> None:
    """Draw heat (rows, columns) as an image, already in bytes of colour: drawn twice as fast."""
    colours = heat_colours()(heat, bytes=True)
    axes.imshow(colours, extent=extent, aspect="auto", interpolation="nearest", zorder=0)
