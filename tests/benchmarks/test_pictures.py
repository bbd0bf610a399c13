"""Pictures of the documentation that no command draws."""

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.pictures import draw_changed


def test_each_change_is_drawn_over_the_signal_in_seconds_and_on_one_scale():
    before = np.sin(np.arange(100))
    afters = {"noise": before + 1, "gain": 2 * before}
    figure = draw_changed(before, afters, rate_hz=100, ylabel="no unit")
    for axes, after in zip(figure.axes, afters.values(), strict=True):
        np.testing.assert_allclose(axes.lines[0].get_ydata(), before)
        np.testing.assert_allclose(axes.lines[1].get_ydata(), after)
        np.testing.assert_allclose(axes.lines[1].get_xdata()[-1], 0.99)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["noise", "gain"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    plt.close(figure)
