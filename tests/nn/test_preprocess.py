"""Preprocessing: equal to NumPy, SciPy and scikit-learn on raw millivolts."""

import numpy as np
import pytest
import torch
from scipy.stats import iqr
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from ecgcam.nn.preprocess import (
    SCALES,
    Detrend,
    Preprocess,
    PreprocessConfig,
    median,
    polynomial_basis,
)


def ecg_like(*, records=3, leads=12, samples=1000, seed=0):
    """Return signals in mV with drift, offset and spikes, each lead with its own amplitude."""
    rng = np.random.default_rng(seed)
    time = np.linspace(-1, 1, samples)
    drift = np.polynomial.polynomial.polyval(time, rng.normal(0, 1, (6, records, leads)))
    amplitude = rng.uniform(0.2, 3, (records, leads, 1))
    spikes = amplitude * (rng.random((records, leads, samples)) < 0.02)
    noise = rng.normal(0, 0.05, (records, leads, samples))
    return (drift + spikes + noise + rng.normal(0, 2, (records, leads, 1))).astype(np.float32)


def preprocess(signal, **config):
    module = Preprocess(PreprocessConfig(**config), samples=signal.shape[-1])
    return module(torch.from_numpy(signal)).numpy()


def fit_polynomial(lead, order):
    """Fit the least-squares polynomial of a lead by NumPy in float64."""
    time = np.linspace(-1, 1, lead.size)
    return np.polynomial.Legendre.fit(time, lead.astype(np.float64), order)(time)


@pytest.mark.parametrize("order", [0, 1, 2, 5, 10, 20])
@pytest.mark.parametrize("samples", [1000, 999, 64])
def test_detrending_subtracts_the_least_squares_polynomial_of_each_lead(order, samples):
    signal = ecg_like(samples=samples)
    result = Detrend(order, samples=samples)(torch.from_numpy(signal)).numpy()
    for lead, residual in zip(
        signal.reshape(-1, samples), result.reshape(-1, samples), strict=True
    ):
        np.testing.assert_allclose(
            residual, lead - fit_polynomial(lead, order), atol=1e-4 * np.ptp(lead)
        )


def test_an_offset_costs_no_digits_of_the_ecg():
    signal = ecg_like(records=20) + np.float32(5)
    result = Detrend(10, samples=1000)(torch.from_numpy(signal)).numpy()
    basis = polynomial_basis(10, samples=1000)
    exact = signal.astype(np.float64)
    np.testing.assert_allclose(result, exact - exact @ basis @ basis.T, atol=6e-6)


def test_detrending_agrees_with_numpys_polyfit():
    lead = ecg_like(records=1, leads=1)
    time = np.linspace(-1, 1, 1000)
    expected = lead[0, 0] - np.polyval(np.polyfit(time, lead[0, 0].astype(np.float64), 10), time)
    result = preprocess(lead, detrend_order=10, scale="none")
    np.testing.assert_allclose(result[0, 0], expected, atol=1e-4 * np.ptp(lead))


def test_order_0_subtracts_the_mean_and_none_nothing():
    signal = ecg_like()
    residual = preprocess(signal, detrend_order=0, scale="none")
    np.testing.assert_allclose(residual, signal - signal.mean(-1, keepdims=True), atol=2e-6)
    np.testing.assert_array_equal(preprocess(signal, detrend_order=None, scale="none"), signal)


def test_the_basis_is_orthonormal():
    basis = polynomial_basis(30, samples=1000)
    np.testing.assert_allclose(basis.T @ basis, np.eye(31), atol=1e-12)


REFERENCES = {
    "unit": lambda x: (
        (x - np.median(x, -1, keepdims=True))
        / np.abs(x - np.median(x, -1, keepdims=True)).max(-1, keepdims=True)
    ),
    "record": lambda x: (
        (x - np.median(x, -1, keepdims=True))
        / np.abs(x - np.median(x, -1, keepdims=True)).max((-2, -1), keepdims=True)
    ),
    "zscore": lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True),
    "robust": lambda x: (x - np.median(x, -1, keepdims=True)) / iqr(x, axis=-1, keepdims=True),
    "minmax": lambda x: (x - x.min(-1, keepdims=True)) / np.ptp(x, axis=-1, keepdims=True),
    "none": lambda x: x,
}


def test_every_scale_has_a_reference():
    assert set(REFERENCES) == set(SCALES)


@pytest.mark.parametrize("samples", [1000, 999, 7])
@pytest.mark.parametrize("scale", SCALES)
def test_each_scale_equals_numpys(scale, samples):
    signal = ecg_like(samples=samples)
    result = preprocess(signal, detrend_order=None, scale=scale)
    assert result.dtype == np.float32
    expected = REFERENCES[scale](signal.astype(np.float64))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "reference"),
    [("zscore", StandardScaler), ("robust", RobustScaler), ("minmax", MinMaxScaler)],
)
def test_a_scale_equals_scikit_learns_scaler_of_each_lead(scale, reference):
    signal = ecg_like(records=1)
    result = preprocess(signal, detrend_order=None, scale=scale)[0]
    expected = reference().fit_transform(signal[0].T.astype(np.float64)).T
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 3, 10, 11, 1000])
def test_the_median_of_an_even_length_is_the_mean_of_the_two_middle_values(samples):
    signal = np.random.default_rng(4).normal(size=(20, 12, samples)).astype(np.float32)
    result = median(torch.from_numpy(signal))
    assert result.dtype == torch.float32
    np.testing.assert_array_equal(result, np.median(signal, -1, keepdims=True))
    assert median(torch.tensor([[[4.0, 1.0, 2.0, 10.0]]])).item() == 3


def test_the_median_of_equal_samples():
    signal = torch.tensor([[[1.0, 2.0, 2.0, 2.0], [0.0, 0.0, 5.0, 5.0]]])
    assert median(signal).flatten().tolist() == [2.0, 2.5]


def test_the_median_passes_gradients_on():
    signal = torch.tensor([[[4.0, 1.0, 2.0, 10.0]]], requires_grad=True)
    median(signal).sum().backward()
    assert signal.grad.flatten().tolist() == [0.5, 0, 0.5, 0]


def test_preprocessing_can_be_exported_with_a_dynamic_batch():
    preprocess = Preprocess(PreprocessConfig(), samples=1000)
    batch = torch.export.Dim("batch")
    program = torch.export.export(
        preprocess, (torch.zeros(2, 12, 1000),), dynamic_shapes=({0: batch},)
    )
    signal = torch.from_numpy(ecg_like(records=5))
    torch.testing.assert_close(program.module()(signal), preprocess(signal))


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale != "none"])
@pytest.mark.parametrize("order", [None, 0, 10])
def test_a_flat_lead_becomes_zeros(scale, order):
    signal = ecg_like()
    signal[0, 4] = 3.0
    signal[1, 7] = -0.25
    signal[2] = 1.0
    result = preprocess(signal, detrend_order=order, scale=scale)
    assert np.isfinite(result).all()
    for flat in (result[0, 4], result[1, 7], result[2]):
        np.testing.assert_allclose(flat, 0, atol=0 if scale != "record" else 1e-5)
    assert np.abs(result[0, 3]).max() > 0.1


@pytest.mark.parametrize("order", [None, 10])
def test_a_lead_that_spans_one_stored_step_is_not_flat(order):
    signal = np.zeros((1, 1, 1000), np.float32)
    signal[0, 0, 500] = 1e-3
    assert preprocess(signal, detrend_order=order, scale="unit")[0, 0, 500] == 1


def test_a_lead_that_is_constant_half_of_the_time_has_no_interquartile_range():
    signal = torch.zeros(1, 12, 100)
    signal[..., ::10] = 2.0
    assert not SCALES["robust"](signal).any()


def test_the_papers_scale_reaches_but_does_not_exceed_one():
    result = preprocess(ecg_like())
    np.testing.assert_allclose(np.abs(result).max(-1), 1, rtol=1e-6)


def test_one_scale_for_the_record_keeps_the_ratios_of_leads():
    signal = ecg_like()
    result = preprocess(signal, detrend_order=None, scale="record")
    centered = signal - np.median(signal, -1, keepdims=True)
    ratio = np.ptp(result, axis=-1) / np.ptp(centered, axis=-1)
    np.testing.assert_allclose(ratio, ratio[:, :1].repeat(12, 1), rtol=1e-4)
    np.testing.assert_allclose(np.abs(result).max((1, 2)), 1, rtol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_a_record_has_the_same_result_alone_and_in_a_batch(scale):
    signal = ecg_like(records=5)
    together = preprocess(signal, scale=scale)
    for k in range(5):
        alone = preprocess(signal[k : k + 1], scale=scale)
        # rounding, 1e-6 of a drift of 9 mV, is amplified where each lead has its own scale
        by_lead = scale not in ("none", "record")
        atol = 5e-5 * np.abs(alone).max() if by_lead else 1e-5
        np.testing.assert_allclose(together[k : k + 1], alone, atol=atol)


def test_preprocessing_has_no_parameters_and_no_state():
    module = Preprocess(PreprocessConfig(), samples=1000)
    assert not list(module.parameters())
    assert not module.state_dict()


@pytest.mark.parametrize(
    "wrong", [{"detrend_order": -1}, {"scale": "papers"}, {"detrend_order": 1.5}]
)
def test_an_invalid_configuration_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        PreprocessConfig(**wrong)


def test_a_signal_too_short_for_the_polynomial_is_refused():
    with pytest.raises(ValueError, match="order 10 needs more than 10 samples, got 10"):
        Preprocess(PreprocessConfig(), samples=10)


def test_a_signal_of_another_length_is_refused():
    module = Preprocess(PreprocessConfig(), samples=1000)
    with pytest.raises(ValueError, match="999 samples; expected 1000"):
        module(torch.zeros(1, 12, 999))


def test_real_records_equal_those_of_the_published_notebook(fold_9_signals, published):
    signals = fold_9_signals(published["ecg_id"])
    result = preprocess(signals)
    np.testing.assert_allclose(result, published["preprocessed"], atol=1e-4)
