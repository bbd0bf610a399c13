"""Perturbations have the requested strength and keep the laws of the leads."""

import numpy as np
import pytest

from ecgcam.signals.electrodes import lead_weights
from ecgcam.signals.leads import LEADS
from ecgcam.signals.perturb import (
    add_mains_hum,
    add_muscle_noise,
    add_wander,
    add_white_noise,
    delay,
    flatten_lead,
    quantize,
    swap_electrodes,
)

RATE_HZ = 500.0
STORE = {"leads": LEADS, "rate_hz": RATE_HZ}


def generator(seed=0):
    return np.random.default_rng(seed)


def added_noise(function, **settings):
    """Return the noise added to 40 silent records of ten seconds: (40, 12, 5000)."""
    silence = np.zeros((40, 12, 5000), np.float32)
    return function(silence, rng=generator(), **settings)


NOISES = {
    "muscle": (add_muscle_noise, {"rms_mv": 0.1, **STORE}),
    "mains": (add_mains_hum, {"amplitude_mv": 0.1, "mains_hz": 50, **STORE}),
    "wander": (add_wander, {"amplitude_mv": 0.1, **STORE}),
}


@pytest.fixture
def ecgs():
    """Five signals (5, 12, 1000) in mV with different amplitudes, drifts and offsets."""
    rng = generator(1)
    signal = rng.normal(0, rng.uniform(0.05, 2, (5, 12, 1)), (5, 12, 1000))
    signal += rng.normal(0, 3, (5, 12, 1)) + np.linspace(0, 1, 1000) * rng.normal(0, 1, (5, 12, 1))
    return signal.astype(np.float32)


@pytest.mark.parametrize("snr_db", [-6, 0, 12, 24.5])
def test_white_noise_has_the_requested_snr(ecgs, snr_db):
    """In each record, regardless of its offset."""
    added = add_white_noise(ecgs, snr_db=snr_db, rng=generator()) - ecgs
    centered = ecgs - ecgs.mean(axis=2, keepdims=True)
    for signal, noise_mv in zip(centered.astype(float), added.astype(float), strict=True):
        measured_db = 10 * np.log10((signal**2).mean() / (noise_mv**2).mean())
        assert measured_db == pytest.approx(snr_db, abs=0.01)


def test_white_noise_is_white_equally_strong_and_independent_in_all_leads(ecgs):
    added = add_white_noise(ecgs, snr_db=0, rng=generator()) - ecgs
    level = added.std(axis=2)
    np.testing.assert_allclose(level / level.mean(axis=1, keepdims=True), 1, atol=0.15)
    power = (np.abs(np.fft.rfft(added / level[..., None])) ** 2).mean(axis=(0, 1))
    low, middle, high = (part.mean() for part in np.array_split(power[1:], 3))
    assert low == pytest.approx(middle, rel=0.1)
    assert high == pytest.approx(middle, rel=0.1)
    assert np.abs(np.corrcoef(added[0]) - np.eye(12)).max() < 0.15


def test_a_flat_record_gets_no_noise():
    flat = np.full((1, 12, 100), 0.7, np.float32)
    np.testing.assert_array_equal(add_white_noise(flat, snr_db=0, rng=generator()), flat)


@pytest.mark.parametrize("name", NOISES)
def test_noise_at_the_electrodes_keeps_the_laws_of_the_leads(name):
    function, settings = NOISES[name]
    added = added_noise(function, **settings)
    np.testing.assert_allclose(added[:, 0] + added[:, 2], added[:, 1], atol=1e-6)
    goldberger = added[:, 3] + added[:, 4] + added[:, 5]
    np.testing.assert_allclose(goldberger, 0, atol=1e-6)
    assert np.abs(added).max() > 0.05


@pytest.mark.parametrize(("name", "rms"), [("muscle", 0.1), ("mains", 0.1 / 2**0.5)])
def test_each_lead_shows_the_noise_of_its_electrodes(name, rms):
    """The variances of independent noise add up: √2 in I, √(4/3) in V1."""
    function, settings = NOISES[name]
    measured = np.sqrt((added_noise(function, **settings) ** 2).mean(axis=(0, 2)))
    expected = rms * np.sqrt((lead_weights(LEADS) ** 2).sum(axis=1))
    np.testing.assert_allclose(measured, expected, rtol=0.15)
    assert expected[0] == pytest.approx(rms * 2**0.5)


@pytest.mark.parametrize(("name", "from_hz", "to_hz"), [
    ("muscle", 20, 250), ("mains", 49.9, 50.1), ("wander", 0, 0.6)
])  # fmt: skip
def test_each_noise_stays_in_its_band(name, from_hz, to_hz):
    function, settings = NOISES[name]
    spectrum = (
        np.abs(np.fft.rfft(added_noise(function, **settings) * np.hanning(5000))) ** 2
    ).mean(0)
    hz = np.fft.rfftfreq(5000, 1 / RATE_HZ)
    inside = (hz >= from_hz - 0.2) & (hz <= to_hz + 0.2)
    assert spectrum[:, ~inside].sum() < 1e-3 * spectrum.sum()


@pytest.mark.parametrize("name", NOISES)
def test_the_generator_gives_the_same_noise_at_every_strength(name):
    function, settings = NOISES[name]
    (strength,) = settings.keys() & {"rms_mv", "amplitude_mv"}
    once, twice = (
        added_noise(function, **settings),
        added_noise(function, **settings | {strength: 0.2}),
    )
    np.testing.assert_allclose(twice, 2 * once, atol=1e-6)


def test_every_record_has_its_own_noise():
    for function, settings in NOISES.values():
        lead = added_noise(function, **settings)[:, 0]
        difference = np.abs(lead[:, None] - lead).max(axis=2)
        assert (difference[~np.eye(40, dtype=bool)] > 1e-4).all()


def test_powerline_noise_at_half_the_rate_alternates_and_above_is_refused():
    silence = np.zeros((3, 12, 1000), np.float32)
    settings = {"amplitude_mv": 0.1, "leads": LEADS, "rate_hz": 100.0, "rng": generator()}
    hum = add_mains_hum(silence, mains_hz=50, **settings)
    np.testing.assert_allclose(hum[..., 1:], -hum[..., :-1], atol=1e-5)
    with pytest.raises(ValueError, match="60 Hz does not fit in 100 samples per second; .* 120"):
        add_mains_hum(silence, mains_hz=60, **settings)
    with pytest.raises(ValueError, match="40 samples per second cannot represent noise"):
        add_muscle_noise(silence, rms_mv=1, leads=LEADS, rate_hz=40, rng=generator())


def test_a_delay_moves_all_leads_and_pads_the_gap_with_their_medians(ecgs):
    delayed = delay(ecgs, shift_s=1.5, rate_hz=100)
    np.testing.assert_array_equal(delayed[..., 150:], ecgs[..., :-150])
    gap = np.broadcast_to(np.median(ecgs, axis=2, keepdims=True), (5, 12, 150))
    np.testing.assert_array_equal(delayed[..., :150], gap)
    np.testing.assert_array_equal(delay(ecgs, shift_s=0, rate_hz=100), ecgs)
    with pytest.raises(ValueError, match="a delay of 10 s leaves nothing of 1000 samples"):
        delay(ecgs, shift_s=10, rate_hz=100)


@pytest.mark.parametrize("step_uv", [2, 5, 50])
def test_quantizing_gives_whole_steps_at_most_half_a_step_off(ecgs, step_uv):
    quantized = quantize(ecgs, step_uv=step_uv)
    steps = quantized.astype(float) * 1000 / step_uv
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert np.abs(quantized - ecgs).max() * 1000 <= step_uv / 2 + 1e-3
    np.testing.assert_array_equal(quantize(quantized, step_uv=step_uv), quantized)


def test_whole_microvolts_are_unchanged_at_steps_of_one_microvolt():
    signal = generator().integers(-30000, 30000, (2, 12, 500)).astype(np.float32) * np.float32(1e-3)
    np.testing.assert_allclose(quantize(signal, step_uv=1), signal, atol=2e-6)


def test_only_the_chosen_lead_becomes_flat(ecgs):
    flattened = flatten_lead(ecgs, lead="V3", leads=LEADS)
    assert (flattened[:, 8] == 0).all()
    others = np.arange(12) != 8
    np.testing.assert_array_equal(flattened[:, others], ecgs[:, others])


@pytest.mark.parametrize("pair", [("RA", "LA"), ("RA", "LL"), ("LA", "LL"), ("V2", "V3")])
def test_swapping_twice_is_the_identity_and_einthovens_law_holds_in_between(pair):
    potentials = generator().normal(size=(4, 9, 300))
    ecgs = (lead_weights(LEADS) @ potentials).astype(np.float32)
    swap = {"first": pair[0], "second": pair[1], "leads": LEADS}
    once = swap_electrodes(ecgs, **swap)
    assert np.abs(once - ecgs).max() > 1
    np.testing.assert_allclose(once[:, 0] + once[:, 2], once[:, 1], atol=1e-5)
    np.testing.assert_array_equal(swap_electrodes(once, **swap), ecgs)


def test_arm_reversal_on_real_ecgs(ptbxl_fold_2):
    """I is inverted, II and III swap, aVR and aVL swap; the other leads are unchanged."""
    _, signals = ptbxl_fold_2
    reversed_arms = swap_electrodes(signals[:200], first="RA", second="LA", leads=LEADS)
    np.testing.assert_array_equal(reversed_arms[:, 0], -signals[:200, 0])
    np.testing.assert_array_equal(reversed_arms[:, [1, 2]], signals[:200, [2, 1]])
    np.testing.assert_array_equal(reversed_arms[:, [3, 4]], signals[:200, [4, 3]])
    np.testing.assert_array_equal(reversed_arms[:, 5:], signals[:200, 5:])


def test_nothing_is_changed_in_place(ecgs):
    before = ecgs.copy()
    store = {"leads": LEADS, "rate_hz": 100.0}
    for changed in (
        add_white_noise(ecgs, snr_db=0, rng=generator()),
        add_muscle_noise(ecgs, rms_mv=1, rng=generator(), **store),
        add_mains_hum(ecgs, amplitude_mv=1, mains_hz=50, rng=generator(), **store),
        add_wander(ecgs, amplitude_mv=1, rng=generator(), **store),
        delay(ecgs, shift_s=1, rate_hz=100),
        quantize(ecgs, step_uv=50),
        flatten_lead(ecgs, lead="I", leads=LEADS),
        swap_electrodes(ecgs, first="RA", second="LA", leads=LEADS),
    ):
        assert changed.dtype == np.float32
        assert changed.shape == ecgs.shape
        assert not np.shares_memory(changed, ecgs)
    np.testing.assert_array_equal(ecgs, before)


def test_white_noise_is_equally_strong_in_all_leads_only_in_expectation():
    signal = np.random.default_rng(1).normal(0, 1, (1, 12, 100)).astype(np.float32)
    noise = add_white_noise(signal, snr_db=0, rng=np.random.default_rng(0)) - signal
    assert np.ptp(np.square(noise).mean(axis=2)) > 0.1
