"""Augmentation: each change is as drawn, for the records drawn, and for nothing else."""

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Size

from ecgcam.signals.device_filters import filter_one_way
from ecgcam.training.augment import (
    TRANSFORMS,
    Augment,
    OneOf,
    apply_changes,
    make_augmentation,
    paper_augmentation,
)
from ecgcam.training.noise_transforms import (
    DeviceFilter,
    GaussianNoise,
    MainsHum,
    Respiration,
    Wander,
)
from ecgcam.training.transforms import (
    AmplitudeScale,
    LeadDropout,
    LeadGain,
    LeadMix,
    TimeDropout,
    TimeShift,
    TimeWarp,
    warped_time,
)

RATE_HZ = 100
EVERY = [
    TimeShift(),
    AmplitudeScale(),
    GaussianNoise(),
    MainsHum(rate_hz=RATE_HZ),
    Respiration(rate_hz=RATE_HZ),
    Wander(rate_hz=RATE_HZ),
    DeviceFilter(rate_hz=RATE_HZ),
    DeviceFilter(rate_hz=RATE_HZ, kind="low-pass", lowest_hz=25, highest_hz=45),
    TimeWarp(),
    LeadDropout(lead_probability=0.5),
    TimeDropout(),
    LeadGain(),
    LeadMix(),
]
each_transform = pytest.mark.parametrize(
    "transform", EVERY, ids=lambda transform: type(transform).__name__
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def always(*transforms):
    return Augment(tuple(OneOf((transform,), probability=1) for transform in transforms))


@pytest.fixture
def signal():
    return torch.rand(6, 12, 1000, generator=seeded(7)) * 2 - 1


def test_every_transform_is_tested_here():
    assert list(dict.fromkeys(map(type, EVERY))) == list(TRANSFORMS.values())


@each_transform
def test_with_probability_zero_nothing_changes(transform, signal):
    changed = Augment((OneOf((transform,), probability=0),))(signal, generator=seeded())
    assert torch.equal(changed, signal)
    assert changed.data_ptr() != signal.data_ptr()


@each_transform
def test_the_same_seed_gives_the_same_change(transform, signal):
    augment = always(transform)
    once = augment(signal, generator=seeded(1))
    assert torch.equal(once, augment(signal, generator=seeded(1)))
    assert not torch.equal(once, augment(signal, generator=seeded(2)))


@each_transform
def test_each_record_is_drawn_independently(transform, signal):
    twins = signal[:1].repeat(8, 1, 1)
    changed = always(transform)(twins, generator=seeded())
    assert len({record.numpy().tobytes() for record in changed}) > 4


@each_transform
def test_drawn_changes_can_be_repeated_and_the_input_stays(transform, signal):
    before = signal.clone()
    changes = always(transform).draw(signal.shape, generator=seeded())
    torch.manual_seed(1)
    once = apply_changes(signal, changes)
    torch.manual_seed(2)
    assert torch.equal(once, apply_changes(signal, changes))
    assert torch.equal(signal, before)
    assert (once.dtype, once.shape) == (signal.dtype, signal.shape)


@each_transform
def test_a_record_changes_alike_alone_and_in_a_batch(transform, signal):
    drawn = transform.draw(signal.shape, generator=seeded())
    together = transform.apply(signal, drawn)
    alone = transform.apply(signal[2:3], drawn[2:3])
    torch.testing.assert_close(alone, together[2:3], atol=1e-3, rtol=0)


@each_transform
def test_only_its_rows_change_in_place(transform, signal):
    rows = torch.tensor([4, 1, 3])
    drawn = transform.draw(signal[rows].shape, generator=seeded())
    changed = signal.clone()
    transform.apply_(changed, rows, drawn)
    expected = signal.clone()
    expected[rows] = transform.apply(signal[rows], drawn)
    assert not torch.equal(changed[rows], signal[rows])
    torch.testing.assert_close(changed, expected, atol=0, rtol=0)


@each_transform
def test_the_precision_of_the_signal_is_kept(transform, signal):
    once = always(transform)(signal, generator=seeded())
    precise = always(transform)(signal.double(), generator=seeded())
    torch.testing.assert_close(precise, once.double(), atol=1e-3, rtol=0)


@each_transform
@pytest.mark.parametrize("shape", [(0, 12, 1000), (2, 12, 1), (3, 1, 7)])
def test_small_batches_and_short_records_are_accepted(transform, shape):
    assert always(transform)(torch.zeros(shape), generator=seeded()).isfinite().all()


def test_the_global_generator_is_not_used(signal):
    before = torch.random.get_rng_state()
    always(*EVERY)(signal, generator=seeded())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_flat_leads_stay_within_the_noise():
    flat = torch.zeros(64, 12, 1000)
    changed = paper_augmentation(rate_hz=RATE_HZ)(flat, generator=seeded())
    assert changed.isfinite().all()
    assert changed.abs().max() < 0.2 + 6 * math.sqrt(0.001)  # the largest sine and six sigma
    silent = always(TimeShift(), AmplitudeScale(), TimeWarp(), LeadDropout(), LeadMix())
    assert not silent(flat, generator=seeded()).any()


def test_a_signal_that_is_not_contiguous_is_changed_alike(signal):
    transposed = signal.transpose(1, 2).contiguous().transpose(1, 2)
    augment = paper_augmentation(rate_hz=RATE_HZ)
    changed = augment(transposed, generator=seeded())
    assert torch.equal(changed, augment(signal, generator=seeded()))


def test_a_shift_by_hand():
    signal = torch.tensor([1.0, 2, 3, 4]).expand(3, 2, 4)
    moved = TimeShift().apply(signal, torch.tensor([1, -2, 0]))
    expected = torch.tensor([[0.0, 1, 2, 3], [3, 4, 0, 0], [1, 2, 3, 4]])
    assert torch.equal(moved, expected[:, None].expand(3, 2, 4))


def test_shifts_cover_their_range():
    drawn = TimeShift(up_to=0.03).draw(torch.Size((5000, 12, 100)), generator=seeded())
    assert drawn.unique().tolist() == list(range(-3, 4))


def test_scales_cover_their_range(signal):
    drawn = AmplitudeScale(up_to=0.2).draw(torch.Size((5000, 12, 1000)), generator=seeded())
    assert drawn.min() >= 0.8
    assert drawn.max() <= 1.2
    assert drawn.max() - drawn.min() > 0.39
    torch.testing.assert_close(
        AmplitudeScale().apply(signal, drawn[:6]) / signal,
        drawn[:6, None, None].expand(6, 12, 1000),
    )


def test_noise_has_its_variance_and_is_uncorrelated():
    noise = always(GaussianNoise(variance=0.001))(torch.zeros(20, 12, 1000), generator=seeded())
    n = noise.numel()
    assert noise.mean().abs() < 5 * math.sqrt(0.001 / n)
    assert abs(noise.var() - 0.001) < 5 * 0.001 * math.sqrt(
        2 / n
    )  # five sigma of a sample variance
    neighbours = (noise[..., 1:] * noise[..., :-1]).mean() / 0.001
    assert abs(neighbours) < 5 / math.sqrt(n)
    leads = np.corrcoef(noise.transpose(0, 1).reshape(12, -1).numpy())
    assert abs(leads[~np.eye(12, dtype=bool)]).max() < 5 / math.sqrt(n / 12)


def test_noise_is_normal():
    """By SciPy's Kolmogorov-Smirnov test."""
    noise = GaussianNoise(variance=4.0).draw(torch.Size((20, 12, 1000)), generator=seeded())
    sample = noise.flatten().numpy()
    assert stats.kstest(sample, "norm", args=(0, 2)).pvalue > 0.01
    assert stats.kurtosis(sample) == pytest.approx(0, abs=0.05)


def peak_hz(record, rate_hz):
    """The frequency of the highest peak of the spectrum, in steps of 0.01 Hz."""
    spectrum = np.abs(np.fft.rfft(record.numpy() - record.numpy().mean(), n=rate_hz * 100))
    return spectrum.argmax() / 100


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_mains_hum_has_its_frequency_and_amplitude(mains_hz):
    hum = always(MainsHum(rate_hz=500, mains_hz=mains_hz, up_to=0.2))
    changed = hum(torch.zeros(20, 12, 5000), generator=seeded())
    assert [peak_hz(record[0], 500) for record in changed] == pytest.approx([mains_hz] * 20)
    assert torch.equal(changed, changed[:, :1].expand_as(changed))  # all leads alike
    assert 0.1 < changed.abs().max() <= 0.2 + 1e-6


def test_breathing_has_12_to_18_cycles_a_minute():
    breathing = always(Respiration(rate_hz=RATE_HZ, up_to=0.2))
    changed = breathing(torch.zeros(50, 2, 6000), generator=seeded())
    peaks = [peak_hz(record[0], RATE_HZ) for record in changed]
    assert 0.19 <= min(peaks) < 0.22
    assert 0.28 < max(peaks) <= 0.31
    assert 0.1 < changed.abs().max() <= 0.2 + 1e-6


@pytest.mark.parametrize("order", [1, 2])
def test_a_device_filter_is_that_of_the_evaluation(order):
    """Its signal is 0 before the start, so a record that starts at 0 is filtered alike."""
    signal = torch.randn(2, 3, 400, generator=torch.Generator().manual_seed(0))
    signal[..., 0] = 0
    changed = DeviceFilter(rate_hz=100).apply(signal, torch.tensor([[0.5, order], [0.05, order]]))
    for cutoff_hz, before, after in zip((0.5, 0.05), signal, changed, strict=True):
        expected = filter_one_way(before.numpy(), "high-pass", order, cutoff_hz, rate_hz=100)
        np.testing.assert_allclose(after, expected, atol=1e-5)


def test_cutoffs_cover_their_range_and_both_orders():
    drawn = DeviceFilter(rate_hz=100).draw(
        torch.Size((2000, 1, 1)), generator=torch.Generator().manual_seed(5)
    )
    assert 0.05 <= drawn[:, 0].min() < 0.06
    assert 0.6 < drawn[:, 0].max() <= 0.67
    assert drawn[:, 0].log().median() == pytest.approx(np.log(np.sqrt(0.05 * 0.67)), abs=0.1)
    assert drawn[:, 1].mean() == pytest.approx(1.5, abs=0.05)


def test_wander_differs_between_leads_in_size_and_phase_alone():
    transform = Wander(rate_hz=100, up_to=0.5)
    drawn = transform.draw(torch.Size((500, 2, 1000)), generator=torch.Generator().manual_seed(5))
    assert torch.equal(drawn[:, 0, 1], drawn[:, 1, 1])
    assert not torch.equal(drawn[:, 0, 0], drawn[:, 1, 0])
    assert 0.05 <= drawn[:, 0, 1].min() * 100 < drawn[:, 0, 1].max() * 100 <= 0.7
    wander = transform.apply(torch.zeros(500, 2, 1000), drawn)
    assert 0.45 < wander.abs().max() <= 0.5


def test_a_sine_by_hand():
    drawn = torch.tensor([[0.5, 0.25, math.pi / 2]])  # a quarter of a cycle per sample
    changed = Respiration(rate_hz=RATE_HZ).apply(torch.ones(1, 2, 5), drawn)
    expected = torch.tensor([1.5, 1.0, 0.5, 1.0, 1.5]).expand(1, 2, 5)
    torch.testing.assert_close(changed, expected)


def test_warped_time_keeps_its_ends_and_the_limits_of_its_speed():
    warp = TimeWarp(up_to=0.3, waves=4)
    drawn = warp.draw(torch.Size((500, 12, 1000)), generator=seeded())
    time = warped_time(drawn, samples=1000)
    torch.testing.assert_close(time[:, 0], torch.zeros(500), atol=1e-6, rtol=0)
    torch.testing.assert_close(time[:, -1], torch.ones(500), atol=1e-6, rtol=0)
    speed = time.diff() * 999
    assert speed.min() > 0.7 - 1e-3
    assert speed.max() < 1.3 + 1e-3
    assert speed.max() - speed.min() > 0.3


def test_warp_interpolates_linearly():
    ramp = torch.linspace(-1, 1, 1000).expand(4, 12, 1000)
    warp = TimeWarp(up_to=0.5)
    drawn = warp.draw(ramp.shape, generator=seeded())
    expected = 2 * warped_time(drawn, samples=1000) - 1  # a ramp read at w(x) is w(x)
    torch.testing.assert_close(
        warp.apply(ramp, drawn), expected[:, None].expand(4, 12, 1000), atol=1e-5, rtol=0
    )


def test_dropout_sets_only_the_drawn_leads_to_0(signal):
    drawn = torch.zeros(6, 12, dtype=torch.bool)
    drawn[1, 3] = drawn[4, 11] = True
    changed = LeadDropout().apply(signal, drawn)
    assert not changed[drawn].any()
    assert torch.equal(changed[~drawn], signal[~drawn])


def test_dropout_has_its_lead_probability():
    shape = torch.Size((1000, 12, 10))
    silenced = LeadDropout(lead_probability=0.1).draw(shape, generator=seeded()).sum().item()
    assert abs(silenced - 1200) < 5 * math.sqrt(12000 * 0.1 * 0.9)


def test_stretches_of_time_are_dropped_in_all_leads_alike(signal):
    transform = TimeDropout()
    drawn = transform.draw(signal.shape, generator=seeded())
    changed = transform.apply(signal, drawn)
    kept = drawn.bool().expand(signal.shape)
    assert 0 < kept.sum() < kept.numel()
    assert not changed[~kept].any()
    assert torch.equal(changed[kept], signal[kept])


def test_mixed_leads_by_hand():
    signal = torch.tensor([[[1.0, 2], [10, 20], [100, 200]]]).repeat(2, 1, 1)
    drawn = torch.zeros(1, 3, 3)
    drawn[0, 0, 2], drawn[0, 1, 1] = 0.5, -0.1  # half of the third added to the first
    LeadMix().apply_(signal, torch.tensor([1]), drawn)
    assert signal[0].tolist() == [[1, 2], [10, 20], [100, 200]]
    torch.testing.assert_close(signal[1], torch.tensor([[51.0, 102], [9, 18], [100, 200]]))


def test_mixed_leads_have_the_expected_variance():
    """Independent leads of variance 1 add leads · deviation² to each lead."""
    drawn = LeadMix(deviation=0.1).draw(torch.Size((2000, 12, 5)), generator=seeded())
    assert drawn.shape == (2000, 12, 12)
    assert drawn.std().item() == pytest.approx(0.1, rel=0.01)
    assert abs(drawn.mean().item()) < 5 * 0.1 / math.sqrt(drawn.numel())
    signal = torch.randn(2000, 12, 5, generator=seeded(1))
    added = LeadMix().apply(signal, drawn) - signal
    assert added.var().item() == pytest.approx(12 * 0.1**2, rel=0.05)


def test_leads_are_mixed_alike_under_bf16_autocast(signal):
    drawn = LeadMix().draw(signal.shape, generator=seeded())
    mixed = LeadMix().apply(signal, drawn)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(LeadMix().apply(signal, drawn), mixed)


def test_one_of_applies_exactly_one_transform_with_its_probability():
    n, probability = 6000, 0.5
    step = OneOf((TimeShift(), AmplitudeScale(), LeadDropout()), probability=probability)
    changes = step.draw(torch.Size((n, 12, 10)), generator=seeded())
    rows = torch.cat([change.rows for change in changes])
    assert len(rows) == len(rows.unique())
    assert abs(len(rows) - n * probability) < 5 * math.sqrt(n * probability * (1 - probability))
    for change in changes:
        assert len(change.drawn) == len(change.rows)
        assert abs(len(change.rows) - n / 6) < 5 * math.sqrt(n * 1 / 6 * 5 / 6)


def test_one_of_with_probability_1_changes_every_record():
    step = OneOf((TimeShift(), AmplitudeScale(), LeadDropout()), probability=1)
    changes = step.draw(torch.Size((5000, 12, 10)), generator=seeded())
    assert torch.cat([change.rows for change in changes]).sort().values.tolist() == [*range(5000)]


def test_only_the_drawn_records_change(signal):
    signal = signal.repeat(5, 1, 1)
    (change,) = OneOf((GaussianNoise(),)).draw(signal.shape, generator=seeded())
    changed = apply_changes(signal, [change])
    touched = [not torch.equal(new, old) for new, old in zip(changed, signal, strict=True)]
    assert 0 < len(change.rows) < 30
    assert [k for k, yes in enumerate(touched) if yes] == change.rows.tolist()


def test_steps_are_applied_in_order():
    signal = torch.ones(1, 1, 4)
    augment = always(GaussianNoise(), AmplitudeScale())
    noise, gain = (change.drawn for change in augment.draw(signal.shape, generator=seeded()))
    changed = augment(signal, generator=seeded())
    torch.testing.assert_close(changed, (signal + noise) * gain[:, None, None])


def test_the_papers_augmentation():
    shift, scale, noise, sine = paper_augmentation(rate_hz=RATE_HZ).steps
    assert shift.transforms == (TimeShift(up_to=0.03),)
    assert scale.transforms == (AmplitudeScale(up_to=0.2),)
    assert noise.transforms == (GaussianNoise(variance=0.001),)
    assert sine.transforms == (
        MainsHum(rate_hz=100, mains_hz=50, up_to=0.2),
        Respiration(rate_hz=100, up_to=0.2),
    )
    assert {step.probability for step in (shift, scale, noise, sine)} == {0.5}


def test_the_steps_are_read_back_from_a_card():
    augment = Augment((*paper_augmentation(rate_hz=500).steps, OneOf(tuple(EVERY[8:]), 0.1)))
    steps = json.loads(json.dumps(augment.to_list()))
    assert make_augmentation(steps, rate_hz=500) == augment


def test_an_augmentation_by_name_or_by_steps():
    assert make_augmentation("none", rate_hz=RATE_HZ) == Augment()
    assert make_augmentation("paper", rate_hz=RATE_HZ) == paper_augmentation(rate_hz=RATE_HZ)
    one_of = [{"transform": "MainsHum", "mains_hz": 60}, {"transform": "Respiration"}]
    steps = ({"probability": 0.3, "one_of": one_of}, {"one_of": [{"transform": "AmplitudeScale"}]})
    hum, breathing = MainsHum(rate_hz=250, mains_hz=60), Respiration(rate_hz=250)
    expected = Augment((OneOf((hum, breathing), 0.3), OneOf((AmplitudeScale(),))))
    assert make_augmentation(steps, rate_hz=250) == expected


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("papers", "augmentation is 'papers'; expected paper, none, or a list of steps"),
        ([{"one_of": [{"transform": "Reverse"}]}], "expected one of TimeShift, Amplitude"),
        ([{"one_of": [{"transform": ["TimeShift"]}]}], "expected one of TimeShift"),
        ([{"one_of": [{"transform": "TimeShift", "by": 1}]}], "unknown key by in TimeShift; exp"),
        ([{"one_of": [{"transform": "TimeShift", "up_to": "3"}]}], "up_to is '3'"),
        ([{"one_of": [{"transform": "TimeShift", "up_to": True}]}], "up_to is True"),
        ([{"one_of": [{"transform": "Respiration", "rate_hz": 500}]}], "is for 500 Hz"),
        ([{"one_of": []}], "a step has no transform"),
        ([{"one_of": "TimeShift"}], "one_of is 'TimeShift'; expected a list of transforms"),
        ([{"one_of": ["TimeShift"]}], "no transform ''; expected one of TimeShift"),
        ([{"one_of": [{"transform": "TimeShift"}], "probability": "x"}], "probability is 'x'"),
        (["TimeShift"], "expected a table of probability, one_of"),
        ([{"steps": []}], "unknown key steps in an augmentation step"),
    ],
)
def test_invalid_steps_are_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        make_augmentation(steps, rate_hz=RATE_HZ)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TimeShift(up_to=-0.1),
        lambda: TimeShift(up_to=math.nan),
        lambda: AmplitudeScale(up_to=1.5),
        lambda: GaussianNoise(variance=-1),
        lambda: GaussianNoise(variance=math.inf),
        lambda: MainsHum(rate_hz=100, mains_hz=60),
        lambda: MainsHum(rate_hz=500, mains_hz=55),
        lambda: MainsHum(rate_hz=0),
        lambda: MainsHum(rate_hz=500, up_to=-1),
        lambda: Respiration(rate_hz=math.nan),
        lambda: Respiration(rate_hz=100, up_to=11),
        lambda: TimeWarp(up_to=1),
        lambda: TimeWarp(waves=0),
        lambda: TimeWarp(waves=1.5),
        lambda: LeadDropout(lead_probability=1.1),
        lambda: LeadMix(deviation=-0.1),
        lambda: OneOf(()),
        lambda: OneOf((TimeShift(),), probability=1.1),
        lambda: OneOf((TimeShift(),), probability=math.nan),
    ],
)
def test_an_invalid_argument_is_refused_at_birth(make):
    with pytest.raises(ValueError, match="expected"):
        make()


def test_a_signal_without_a_batch_is_refused():
    with pytest.raises(ValueError, match=r"expected \(batch, leads, time\)"):
        Augment()(torch.zeros(12, 1000), generator=seeded())


@pytest.mark.parametrize("kind", ["MainsHum", "Respiration"])
def test_sines_have_uniform_amplitudes_and_phases(kind):
    sine = TRANSFORMS[kind](rate_hz=100, up_to=0.2)
    amplitude, _, phase = sine.draw(
        Size((4000, 12, 1000)), generator=torch.Generator().manual_seed(0)
    ).T
    assert stats.kstest(amplitude, "uniform", (0, 0.2)).pvalue > 1e-3
    assert stats.kstest(phase, "uniform", (0, 2 * np.pi)).pvalue > 1e-3
