"""The heat behind a trace, in matplotlib."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

HEAT_COLOURS = ("#ffffff", "#fff3c9", "#ffd98c", "#f9a94f")  # pale to strong, also without hue


def heat_colours() -> "Colormap":
    """The colours of heat 0 to 1; NaN is left blank."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("heat", HEAT_COLOURS)


def draw_heat(
    axes: "Axes", heat: NDArray[np.float32], *, extent: tuple[float, float, float, float]
) -> "AxesImage":
    """Lay the heat behind what the axes hold; hatch what was not judged.

    heat:   (time,) in [0, 1], NaN where not judged.
    extent: left, right, bottom, top, in the units of the axes; the heat fills it.
    """
    from matplotlib.patches import Rectangle

    left, right, bottom, top = extent
    image = axes.imshow(
        heat[None],
        cmap=heat_colours(),
        vmin=0,
        vmax=1,
        extent=extent,
        aspect="auto",
        interpolation="nearest",
        zorder=0,
    )
    for start, end in _runs(np.isnan(heat)):
        width = (right - left) / heat.size
        corner = (left + start * width, bottom)
        axes.add_patch(
            Rectangle(
                corner,
                (end - start) * width,
                top - bottom,
                fill=False,
                hatch="///",
                edgecolor="0.8",
                linewidth=0,
                zorder=0,
            )
        )
    return image


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
