"""What is done to an ECG is what was asked for, and the laws of the leads hold under it."""

import numpy as np
import pytest

from ecgcam.signals.electrodes import lead_weights
from ecgcam.signals.leads import LEADS
from ecgcam.signals.perturb import (
    add_mains_hum,
    add_muscle_noise,
    add_wander,
    add_white_noise,
    coarsen,
    lose_lead,
    start_late,
    swap_electrodes,
)

RATE_HZ = 500.0
THERE = {"leads": LEADS, "rate_hz": RATE_HZ}


def chance(seed=0):
    return np.random.default_rng(seed)


def noise(function, **settings):
    """What it adds to 40 records of silence of ten seconds: (40, 12, 5000)."""
    silence = np.zeros((40, 12, 5000), np.float32)
    return function(silence, rng=chance(), **settings)


NOISES = {
    "muscle": (add_muscle_noise, {"rms_mv": 0.1, **THERE}),
    "mains": (add_mains_hum, {"amplitude_mv": 0.1, "mains_hz": 50, **THERE}),
    "wander": (add_wander, {"amplitude_mv": 0.1, **THERE}),
}


@pytest.fixture
def ecgs():
    """Five real-sized signals (5, 12, 1000) in mV, each of its own size, with drift and offset."""
    rng = chance(1)
    signal = rng.normal(0, rng.uniform(0.05, 2, (5, 12, 1)), (5, 12, 1000))
    signal += rng.normal(0, 3, (5, 12, 1)) + np.linspace(0, 1, 1000) * rng.normal(0, 1, (5, 12, 1))
    return signal.astype(np.float32)


@pytest.mark.parametrize("snr_db", [-6, 0, 12, 24.5])
def test_the_snr_asked_for_is_the_snr_got(ecgs, snr_db):
    """For each record, and whatever its offset, by the definition in decibels."""
    added = add_white_noise(ecgs, snr_db=snr_db, rng=chance()) - ecgs
    centred = ecgs - ecgs.mean(axis=2, keepdims=True)
    for signal, noise_mv in zip(centred.astype(float), added.astype(float), strict=True):
        found_db = 10 * np.log10((signal**2).mean() / (noise_mv**2).mean())
        assert found_db == pytest.approx(snr_db, abs=0.01)


def test_white_noise_is_white_as_strong_in_every_lead_and_each_leads_own(ecgs):
    added = add_white_noise(ecgs, snr_db=0, rng=chance()) - ecgs
    level = added.std(axis=2)
    np.testing.assert_allclose(level / level.mean(axis=1, keepdims=True), 1, atol=0.15)
    power = (np.abs(np.fft.rfft(added / level[..., None])) ** 2).mean(axis=(0, 1))
    low, middle, high = (part.mean() for part in np.array_split(power[1:], 3))
    assert low == pytest.approx(middle, rel=0.1)
    assert high == pytest.approx(middle, rel=0.1)
    assert np.abs(np.corrcoef(added[0]) - np.eye(12)).max() < 0.15


def test_a_record_in_which_nothing_moves_stays_as_it_is():
    flat = np.full((1, 12, 100), 0.7, np.float32)
    np.testing.assert_array_equal(add_white_noise(flat, snr_db=0, rng=chance()), flat)


@pytest.mark.parametrize("name", NOISES)
def test_noise_at_the_electrodes_keeps_the_laws_of_the_leads(name):
    function, settings = NOISES[name]
    added = noise(function, **settings)
    np.testing.assert_allclose(added[:, 0] + added[:, 2], added[:, 1], atol=1e-6)
    goldberger = added[:, 3] + added[:, 4] + added[:, 5]
    np.testing.assert_allclose(goldberger, 0, atol=1e-6)
    assert np.abs(added).max() > 0.05


@pytest.mark.parametrize(("name", "rms"), [("muscle", 0.1), ("mains", 0.1 / 2**0.5)])
def test_each_lead_shows_the_noise_of_its_electrodes(name, rms):
    """Independent noise adds up in squares: √2 in I, √(4/3) in V1."""
    function, settings = NOISES[name]
    found = np.sqrt((noise(function, **settings) ** 2).mean(axis=(0, 2)))
    expected = rms * np.sqrt((lead_weights(LEADS) ** 2).sum(axis=1))
    np.testing.assert_allclose(found, expected, rtol=0.15)
    assert expected[0] == pytest.approx(rms * 2**0.5)


@pytest.mark.parametrize(("name", "from_hz", "to_hz"), [
    ("muscle", 20, 250), ("mains", 49.9, 50.1), ("wander", 0, 0.6)
])  # fmt: skip
def test_each_noise_keeps_to_its_frequencies(name, from_hz, to_hz):
    function, settings = NOISES[name]
    spectrum = (np.abs(np.fft.rfft(noise(function, **settings) * np.hanning(5000))) ** 2).mean(0)
    hz = np.fft.rfftfreq(5000, 1 / RATE_HZ)
    inside = (hz >= from_hz - 0.2) & (hz <= to_hz + 0.2)
    assert spectrum[:, ~inside].sum() < 1e-3 * spectrum.sum()


@pytest.mark.parametrize("name", NOISES)
def test_twice_as_strong_is_the_same_noise_twice(name):
    function, settings = NOISES[name]
    (strength,) = settings.keys() & {"rms_mv", "amplitude_mv"}
    once, twice = noise(function, **settings), noise(function, **settings | {strength: 0.2})
    np.testing.assert_allclose(twice, 2 * once, atol=1e-6)


def test_every_record_has_noise_of_its_own():
    for function, settings in NOISES.values():
        lead = noise(function, **settings)[:, 0]
        apart = np.abs(lead[:, None] - lead).max(axis=2)
        assert (apart[~np.eye(40, dtype=bool)] > 1e-4).all()


def test_a_mains_at_half_the_rate_alternates_and_one_above_is_refused():
    silence = np.zeros((3, 12, 1000), np.float32)
    settings = {"amplitude_mv": 0.1, "leads": LEADS, "rate_hz": 100.0, "rng": chance()}
    hum = add_mains_hum(silence, mains_hz=50, **settings)
    np.testing.assert_allclose(hum[..., 1:], -hum[..., :-1], atol=1e-5)
    with pytest.raises(ValueError, match="60 Hz does not fit in 100 samples a second; .* 120"):
        add_mains_hum(silence, mains_hz=60, **settings)
    with pytest.raises(ValueError, match="40 Hz hold no noise above 20 Hz"):
        add_muscle_noise(silence, rms_mv=1, leads=LEADS, rate_hz=40, rng=chance())


def test_a_late_start_moves_all_leads_and_fills_the_gap_with_their_medians(ecgs):
    moved = start_late(ecgs, shift_s=1.5, rate_hz=100)
    np.testing.assert_array_equal(moved[..., 150:], ecgs[..., :-150])
    gap = np.broadcast_to(np.median(ecgs, axis=2, keepdims=True), (5, 12, 150))
    np.testing.assert_array_equal(moved[..., :150], gap)
    np.testing.assert_array_equal(start_late(ecgs, shift_s=0, rate_hz=100), ecgs)
    with pytest.raises(ValueError, match="10 s later, nothing is left of 1000 samples"):
        start_late(ecgs, shift_s=10, rate_hz=100)


@pytest.mark.parametrize("step_uv", [2, 5, 50])
def test_coarse_steps_are_whole_and_never_more_than_half_a_step_off(ecgs, step_uv):
    coarse = coarsen(ecgs, step_uv=step_uv)
    steps = coarse.astype(float) * 1000 / step_uv
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert np.abs(coarse - ecgs).max() * 1000 <= step_uv / 2 + 1e-3
    np.testing.assert_array_equal(coarsen(coarse, step_uv=step_uv), coarse)


def test_signals_of_whole_microvolts_stay_as_they_are_at_one_microvolt():
    signal = chance().integers(-30000, 30000, (2, 12, 500)).astype(np.float32) * np.float32(1e-3)
    np.testing.assert_allclose(coarsen(signal, step_uv=1), signal, atol=2e-6)


def test_a_lost_lead_is_flat_and_the_others_are_as_they_were(ecgs):
    lost = lose_lead(ecgs, lead="V3", leads=LEADS)
    assert (lost[:, 8] == 0).all()
    others = np.arange(12) != 8
    np.testing.assert_array_equal(lost[:, others], ecgs[:, others])


@pytest.mark.parametrize("pair", [("RA", "LA"), ("RA", "LL"), ("LA", "LL"), ("V2", "V3")])
def test_swapped_twice_is_the_identity_and_einthoven_holds_in_between(pair):
    potentials = chance().normal(size=(4, 9, 300))
    ecgs = (lead_weights(LEADS) @ potentials).astype(np.float32)
    swap = {"first": pair[0], "second": pair[1], "leads": LEADS}
    once = swap_electrodes(ecgs, **swap)
    assert np.abs(once - ecgs).max() > 1
    np.testing.assert_allclose(once[:, 0] + once[:, 2], once[:, 1], atol=1e-5)
    np.testing.assert_array_equal(swap_electrodes(once, **swap), ecgs)


def test_arms_reversed_on_a_real_ecg(ptbxl_fold_2):
    """I upside down, II and III exchanged, aVR and aVL exchanged; the rest as it was."""
    _, signals = ptbxl_fold_2
    turned = swap_electrodes(signals[:200], first="RA", second="LA", leads=LEADS)
    np.testing.assert_array_equal(turned[:, 0], -signals[:200, 0])
    np.testing.assert_array_equal(turned[:, [1, 2]], signals[:200, [2, 1]])
    np.testing.assert_array_equal(turned[:, [3, 4]], signals[:200, [4, 3]])
    np.testing.assert_array_equal(turned[:, 5:], signals[:200, 5:])


def test_nothing_is_changed_in_place(ecgs):
    before = ecgs.copy()
    there = {"leads": LEADS, "rate_hz": 100.0}
    for changed in (
        add_white_noise(ecgs, snr_db=0, rng=chance()),
        add_muscle_noise(ecgs, rms_mv=1, rng=chance(), **there),
        add_mains_hum(ecgs, amplitude_mv=1, mains_hz=50, rng=chance(), **there),
        add_wander(ecgs, amplitude_mv=1, rng=chance(), **there),
        start_late(ecgs, shift_s=1, rate_hz=100),
        coarsen(ecgs, step_uv=50),
        lose_lead(ecgs, lead="I", leads=LEADS),
        swap_electrodes(ecgs, first="RA", second="LA", leads=LEADS),
    ):
        assert changed.dtype == np.float32
        assert changed.shape == ecgs.shape
        assert not np.shares_memory(changed, ecgs)
    np.testing.assert_array_equal(ecgs, before)


def test_white_noise_is_as_strong_in_every_lead_only_but_for_chance():
    signal = np.random.default_rng(1).normal(0, 1, (1, 12, 100)).astype(np.float32)
    noise = add_white_noise(signal, snr_db=0, rng=np.random.default_rng(0)) - signal
    assert np.ptp(np.square(noise).mean(axis=2)) > 0.1
