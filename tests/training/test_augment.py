"""Augmentation keeps its laws: what is drawn is done, to whom it fell, and nothing else."""

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Size

from ecgcam.training.augment import (
    TRANSFORMS,
    Augment,
    OneOf,
    apply_changes,
    augmentation,
    paper_augmentation,
)
from ecgcam.training.lead_transforms import LeadDropout, LeadMix
from ecgcam.training.noise import _normal_pairs
from ecgcam.training.transforms import (
    AmplitudeScale,
    GaussianNoise,
    MainsHum,
    Respiration,
    TimeShift,
    TimeWarp,
    _shift_one_by_one_,
    _shifted,
    warped_time,
)

RATE_HZ = 100
EVERY = [
    TimeShift(),
    AmplitudeScale(),
    GaussianNoise(),
    MainsHum(rate_hz=RATE_HZ),
    Respiration(rate_hz=RATE_HZ),
    TimeWarp(),
    LeadDropout(lead_probability=0.5),
    LeadMix(),
]
each_transform = pytest.mark.parametrize("transform", EVERY, ids=lambda one: type(one).__name__)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def always(*transforms):
    return Augment(tuple(OneOf((transform,), probability=1) for transform in transforms))


@pytest.fixture
def signal():
    return torch.rand(6, 12, 1000, generator=seeded(7)) * 2 - 1


def test_every_transform_is_tested_here():
    assert [type(transform) for transform in EVERY] == list(TRANSFORMS.values())


@each_transform
def test_with_probability_zero_nothing_changes(transform, signal):
    changed = Augment((OneOf((transform,), probability=0),))(signal, generator=seeded())
    assert torch.equal(changed, signal)
    assert changed.data_ptr() != signal.data_ptr()


@each_transform
def test_a_seed_gives_the_same_and_another_seed_another(transform, signal):
    augment = always(transform)
    once = augment(signal, generator=seeded(1))
    assert torch.equal(once, augment(signal, generator=seeded(1)))
    assert not torch.equal(once, augment(signal, generator=seeded(2)))


@each_transform
def test_each_record_is_drawn_for_itself(transform, signal):
    twins = signal[:1].repeat(8, 1, 1)
    changed = always(transform)(twins, generator=seeded())
    assert len({record.numpy().tobytes() for record in changed}) > 4


@each_transform
def test_what_was_drawn_can_be_done_again_and_the_input_stays(transform, signal):
    before = signal.clone()
    changes = always(transform).draw(signal.shape, generator=seeded())
    torch.manual_seed(1)
    once = apply_changes(signal, changes)
    torch.manual_seed(2)
    assert torch.equal(once, apply_changes(signal, changes))
    assert torch.equal(signal, before)
    assert (once.dtype, once.shape) == (signal.dtype, signal.shape)


@each_transform
def test_a_record_is_changed_alike_alone_and_in_a_batch(transform, signal):
    drawn = transform.draw(signal.shape, generator=seeded())
    together = transform.apply(signal, drawn)
    alone = transform.apply(signal[2:3], drawn[2:3])
    torch.testing.assert_close(alone, together[2:3], atol=1e-3, rtol=0)


@each_transform
def test_in_place_it_changes_its_rows_and_no_others(transform, signal):
    rows = torch.tensor([4, 1, 3])
    drawn = transform.draw(signal[rows].shape, generator=seeded())
    changed = signal.clone()
    transform.apply_(changed, rows, drawn)
    expected = signal.clone()
    expected[rows] = transform.apply(signal[rows], drawn)
    assert not torch.equal(changed[rows], signal[rows])
    torch.testing.assert_close(changed, expected, atol=0, rtol=0)


@each_transform
def test_a_signal_of_another_precision_keeps_it(transform, signal):
    once = always(transform)(signal, generator=seeded())
    precise = always(transform)(signal.double(), generator=seeded())
    torch.testing.assert_close(precise, once.double(), atol=1e-3, rtol=0)


@each_transform
@pytest.mark.parametrize("shape", [(0, 12, 1000), (2, 12, 1), (3, 1, 7)])
def test_small_batches_and_short_records_are_fine(transform, shape):
    assert always(transform)(torch.zeros(shape), generator=seeded()).isfinite().all()


def test_the_global_seed_is_left_alone(signal):
    before = torch.random.get_rng_state()
    always(*EVERY)(signal, generator=seeded())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_flat_leads_stay_plausible():
    flat = torch.zeros(64, 12, 1000)
    changed = paper_augmentation(rate_hz=RATE_HZ)(flat, generator=seeded())
    assert changed.isfinite().all()
    assert changed.abs().max() < 0.2 + 6 * math.sqrt(0.001)  # a full sine and six sigma
    silent = always(TimeShift(), AmplitudeScale(), TimeWarp(), LeadDropout(), LeadMix())
    assert not silent(flat, generator=seeded()).any()


def test_a_view_that_is_not_contiguous_is_changed_alike(signal):
    turned = signal.transpose(1, 2).contiguous().transpose(1, 2)
    augment = paper_augmentation(rate_hz=RATE_HZ)
    changed = augment(turned, generator=seeded())
    assert torch.equal(changed, augment(signal, generator=seeded()))


def test_shift_by_hand():
    signal = torch.tensor([1.0, 2, 3, 4]).expand(3, 2, 4)
    moved = TimeShift().apply(signal, torch.tensor([1, -2, 0]))
    expected = torch.tensor([[0.0, 1, 2, 3], [3, 4, 0, 0], [1, 2, 3, 4]])
    assert torch.equal(moved, expected[:, None].expand(3, 2, 4))


def test_shifts_one_by_one_are_those_of_a_whole_batch(signal):
    rows, later = torch.tensor([5, 0, 2, 3]), torch.tensor([30, -1, 0, -1000])
    expected = signal.clone()
    expected[rows] = _shifted(signal[rows], later)
    _shift_one_by_one_(signal, rows, later)
    assert torch.equal(signal, expected)


def test_shift_reaches_both_ends_of_its_range_and_not_beyond():
    drawn = TimeShift(up_to=0.03).draw(torch.Size((5000, 12, 100)), generator=seeded())
    assert drawn.unique().tolist() == list(range(-3, 4))


def test_scale_stays_within_its_bounds_and_fills_them(signal):
    drawn = AmplitudeScale(up_to=0.2).draw(torch.Size((5000, 12, 1000)), generator=seeded())
    assert drawn.min() >= 0.8
    assert drawn.max() <= 1.2
    assert drawn.max() - drawn.min() > 0.39
    torch.testing.assert_close(
        AmplitudeScale().apply(signal, drawn[:6]) / signal,
        drawn[:6, None, None].expand(6, 12, 1000),
    )


def test_noise_has_its_variance_and_no_memory():
    noise = always(GaussianNoise(variance=0.001))(torch.zeros(20, 12, 1000), generator=seeded())
    n = noise.numel()
    assert noise.mean().abs() < 5 * math.sqrt(0.001 / n)
    assert abs(noise.var() - 0.001) < 5 * 0.001 * math.sqrt(2 / n)  # the variance's own sigma
    neighbours = (noise[..., 1:] * noise[..., :-1]).mean() / 0.001
    assert abs(neighbours) < 5 / math.sqrt(n)
    leads = np.corrcoef(noise.transpose(0, 1).reshape(12, -1).numpy())
    assert abs(leads[~np.eye(12, dtype=bool)]).max() < 5 / math.sqrt(n / 12)


def test_the_noise_is_normal():
    """By SciPy's Kolmogorov-Smirnov test; the tails beyond 4.4 deviations are cut."""
    noise = GaussianNoise(variance=4.0).draw(torch.Size((20, 12, 1000)), generator=seeded())
    sample = noise.flatten().numpy()
    assert stats.kstest(sample, "norm", args=(0, 2)).pvalue > 0.01
    assert stats.kurtosis(sample) == pytest.approx(0, abs=0.05)
    assert np.abs(sample).max() < 4.4 * 2


def test_the_noise_is_read_from_normal_quantiles():
    """By SciPy, in the middle of each of 2¹⁶ equal parts of the chance; twice, once shuffled."""
    expected = stats.norm.ppf((np.arange(2**16) + 0.5) / 2**16)
    pairs = _normal_pairs(torch.device("cpu")).numpy()
    np.testing.assert_allclose(pairs.real, expected, rtol=1e-5)
    np.testing.assert_allclose(np.sort(pairs.imag), expected, rtol=1e-5)


def test_of_two_numbers_drawn_together_one_tells_nothing_of_the_other():
    """By Spearman's rank correlation: of the values, of their sizes, and of one with the other."""
    pairs = _normal_pairs(torch.device("cpu")).numpy()
    sizes = abs(pairs.real), abs(pairs.imag)
    for one, other in ((pairs.real, pairs.imag), sizes, (pairs.real, sizes[1])):
        assert stats.spearmanr(one, other).pvalue > 0.01


@pytest.mark.parametrize("samples", [1, 2, 3, 5])
def test_noise_of_any_length_is_drawn(samples):
    drawn = GaussianNoise().draw(torch.Size((1, 1, samples)), generator=seeded())
    assert drawn.shape == (1, 1, samples)
    assert drawn.isfinite().all()


def peak_hz(record, rate_hz):
    """The frequency at which the spectrum is highest, on a grid of a hundredth of a hertz."""
    spectrum = np.abs(np.fft.rfft(record.numpy() - record.numpy().mean(), n=rate_hz * 100))
    return spectrum.argmax() / 100


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_mains_is_where_it_should_be(mains_hz):
    hum = always(MainsHum(rate_hz=500, mains_hz=mains_hz, up_to=0.2))
    changed = hum(torch.zeros(20, 12, 5000), generator=seeded())
    assert [peak_hz(record[0], 500) for record in changed] == pytest.approx([mains_hz] * 20)
    assert torch.equal(changed, changed[:, :1].expand_as(changed))  # all leads alike
    assert 0.1 < changed.abs().max() <= 0.2 + 1e-6


def test_breathing_is_at_twelve_to_eighteen_a_minute():
    breathing = always(Respiration(rate_hz=RATE_HZ, up_to=0.2))
    changed = breathing(torch.zeros(50, 2, 6000), generator=seeded())
    peaks = [peak_hz(record[0], RATE_HZ) for record in changed]
    assert 0.19 <= min(peaks) < 0.22
    assert 0.28 < max(peaks) <= 0.31
    assert 0.1 < changed.abs().max() <= 0.2 + 1e-6


def test_a_sine_by_hand():
    drawn = torch.tensor([[0.5, 0.25, math.pi / 2]])  # a quarter of a cycle a sample
    changed = Respiration(rate_hz=RATE_HZ).apply(torch.ones(1, 2, 5), drawn)
    expected = torch.tensor([1.5, 1.0, 0.5, 1.0, 1.5]).expand(1, 2, 5)
    torch.testing.assert_close(changed, expected)


def test_warped_time_keeps_its_ends_and_its_speed():
    warp = TimeWarp(up_to=0.3, waves=4)
    drawn = warp.draw(torch.Size((500, 12, 1000)), generator=seeded())
    time = warped_time(drawn, samples=1000)
    torch.testing.assert_close(time[:, 0], torch.zeros(500), atol=1e-6, rtol=0)
    torch.testing.assert_close(time[:, -1], torch.ones(500), atol=1e-6, rtol=0)
    speed = time.diff() * 999
    assert speed.min() > 0.7 - 1e-3
    assert speed.max() < 1.3 + 1e-3
    assert speed.max() - speed.min() > 0.3


def test_warp_reads_along_straight_lines():
    ramp = torch.linspace(-1, 1, 1000).expand(4, 12, 1000)
    warp = TimeWarp(up_to=0.5)
    drawn = warp.draw(ramp.shape, generator=seeded())
    expected = 2 * warped_time(drawn, samples=1000) - 1  # a straight line read at w is w itself
    torch.testing.assert_close(
        warp.apply(ramp, drawn), expected[:, None].expand(4, 12, 1000), atol=1e-5, rtol=0
    )


def test_dropout_silences_whole_leads_and_no_others(signal):
    drawn = torch.zeros(6, 12, dtype=torch.bool)
    drawn[1, 3] = drawn[4, 11] = True
    changed = LeadDropout().apply(signal, drawn)
    assert not changed[drawn].any()
    assert torch.equal(changed[~drawn], signal[~drawn])


def test_dropout_silences_as_many_leads_as_it_says():
    shape = torch.Size((1000, 12, 10))
    silenced = LeadDropout(lead_probability=0.1).draw(shape, generator=seeded()).sum().item()
    assert abs(silenced - 1200) < 5 * math.sqrt(12000 * 0.1 * 0.9)


def test_mixed_leads_by_hand():
    signal = torch.tensor([[[1.0, 2], [10, 20], [100, 200]]]).repeat(2, 1, 1)
    drawn = torch.zeros(1, 3, 3)
    drawn[0, 0, 2], drawn[0, 1, 1] = 0.5, -0.1  # half of the third to the first
    LeadMix().apply_(signal, torch.tensor([1]), drawn)
    assert signal[0].tolist() == [[1, 2], [10, 20], [100, 200]]
    torch.testing.assert_close(signal[1], torch.tensor([[51.0, 102], [9, 18], [100, 200]]))


def test_leads_are_mixed_as_much_as_it_says():
    """Of independent leads of variance 1 each gets leads · deviation² more, at every place."""
    drawn = LeadMix(deviation=0.1).draw(torch.Size((2000, 12, 5)), generator=seeded())
    assert drawn.shape == (2000, 12, 12)
    assert drawn.std().item() == pytest.approx(0.1, rel=0.01)
    assert abs(drawn.mean().item()) < 5 * 0.1 / math.sqrt(drawn.numel())
    signal = torch.randn(2000, 12, 5, generator=seeded(1))
    added = LeadMix().apply(signal, drawn) - signal
    assert added.var().item() == pytest.approx(12 * 0.1**2, rel=0.05)


def test_leads_are_mixed_alike_in_every_precision(signal):
    drawn = LeadMix().draw(signal.shape, generator=seeded())
    mixed = LeadMix().apply(signal, drawn)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(LeadMix().apply(signal, drawn), mixed)


def test_one_of_does_exactly_one_to_as_many_records_as_it_says():
    n, probability = 6000, 0.5
    step = OneOf((TimeShift(), AmplitudeScale(), LeadDropout()), probability=probability)
    changes = step.draw(torch.Size((n, 12, 10)), generator=seeded())
    rows = torch.cat([change.rows for change in changes])
    assert len(rows) == len(rows.unique())
    assert abs(len(rows) - n * probability) < 5 * math.sqrt(n * probability * (1 - probability))
    for change in changes:
        assert len(change.drawn) == len(change.rows)
        assert abs(len(change.rows) - n / 6) < 5 * math.sqrt(n * 1 / 6 * 5 / 6)


def test_one_of_with_probability_one_misses_nobody():
    step = OneOf((TimeShift(), AmplitudeScale(), LeadDropout()), probability=1)
    changes = step.draw(torch.Size((5000, 12, 10)), generator=seeded())
    assert torch.cat([change.rows for change in changes]).sort().values.tolist() == [*range(5000)]


def test_only_the_records_that_were_drawn_change(signal):
    signal = signal.repeat(5, 1, 1)
    (change,) = OneOf((GaussianNoise(),)).draw(signal.shape, generator=seeded())
    changed = apply_changes(signal, [change])
    touched = [not torch.equal(new, old) for new, old in zip(changed, signal, strict=True)]
    assert 0 < len(change.rows) < 30
    assert [i for i, it in enumerate(touched) if it] == change.rows.tolist()


def test_steps_are_done_in_their_order():
    signal = torch.ones(1, 1, 4)
    augment = always(GaussianNoise(), AmplitudeScale())
    noise, gain = (change.drawn for change in augment.draw(signal.shape, generator=seeded()))
    changed = augment(signal, generator=seeded())
    torch.testing.assert_close(changed, (signal + noise) * gain[:, None, None])


def test_the_papers_augmentation_is_the_papers():
    shift, scale, noise, sine = paper_augmentation(rate_hz=RATE_HZ).steps
    assert shift.transforms == (TimeShift(up_to=0.03),)
    assert scale.transforms == (AmplitudeScale(up_to=0.2),)
    assert noise.transforms == (GaussianNoise(variance=0.001),)
    assert sine.transforms == (
        MainsHum(rate_hz=100, mains_hz=50, up_to=0.2),
        Respiration(rate_hz=100, up_to=0.2),
    )
    assert {step.probability for step in (shift, scale, noise, sine)} == {0.5}


def test_it_comes_back_from_the_card_as_it_was():
    augment = Augment((*paper_augmentation(rate_hz=500).steps, OneOf(tuple(EVERY[5:]), 0.1)))
    card = json.loads(json.dumps(augment.to_dict()))
    assert Augment.from_dict(card, rate_hz=500) == augment


def test_names_and_files(tmp_path):
    assert augmentation("none", rate_hz=RATE_HZ) == Augment()
    assert augmentation("paper", rate_hz=RATE_HZ) == paper_augmentation(rate_hz=RATE_HZ)
    plain = tmp_path / "mine.json"
    plain.write_text(json.dumps(paper_augmentation(rate_hz=RATE_HZ).to_dict()))
    assert augmentation(str(plain), rate_hz=RATE_HZ) == paper_augmentation(rate_hz=RATE_HZ)
    table = tmp_path / "mine.toml"
    table.write_text(
        "[[steps]]\nprobability = 0.3\n"
        'one_of = [{transform = "MainsHum", mains_hz = 60}, {transform = "Respiration"}]\n'
    )
    hum, breathing = MainsHum(rate_hz=250, mains_hz=60), Respiration(rate_hz=250)
    assert augmentation(str(table), rate_hz=250) == Augment((OneOf((hum, breathing), 0.3),))


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"steps": [{"one_of": [{"transform": "Reverse"}]}]}, "there are: TimeShift, Amplitude"),
        ({"steps": [{"one_of": [{"transform": ["TimeShift"]}]}]}, "there are: TimeShift"),
        ({"steps": [{"one_of": [{"transform": "TimeShift", "by": 1}]}]}, "has no by; it has: tr"),
        ({"steps": [{"one_of": [{"transform": "TimeShift", "up_to": "3"}]}]}, "up_to is '3'"),
        ({"steps": [{"one_of": [{"transform": "TimeShift", "up_to": True}]}]}, "up_to is True"),
        ({"steps": [{"one_of": [{"transform": "Respiration", "rate_hz": 500}]}]}, "is for 500 Hz"),
        ({"steps": [{"one_of": []}]}, "no transform"),
        ({"steps": [{"one_of": "TimeShift"}]}, "needed: a list"),
        ({"steps": [{"one_of": ["TimeShift"]}]}, "no transform ''; there are: TimeShift"),
        ({"steps": [{"one_of": [{"transform": "TimeShift"}], "probability": "x"}]}, "probability"),
        ({"steps": ["TimeShift"]}, "needed: a table of probability, one_of"),
        ({"steps": 3}, "steps is 3"),
        ({"step": []}, "augmentation has no step"),
        ([], "needed: a table of steps"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_its_name(tmp_path, plain, message):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(plain))
    with pytest.raises(ValueError, match=f"mine.json.*{message}"):
        augmentation(str(file), rate_hz=RATE_HZ)


@pytest.mark.parametrize("name", ["papers", "", "mine.toml", "/", "mine.yaml"])
def test_an_unknown_name_is_told_what_there_is(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").touch()
    with pytest.raises(ValueError, match="needed: none, paper, or a .toml or .json file"):
        augmentation(name, rate_hz=RATE_HZ)


@pytest.mark.parametrize("text", ["{", "[[steps]\n"])
@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, text, suffix):
    file = tmp_path / f"mine.{suffix}"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"mine.{suffix}"):
        augmentation(str(file), rate_hz=RATE_HZ)


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
def test_nonsense_is_refused_at_birth(make):
    with pytest.raises(ValueError, match="needed"):
        make()


def test_a_signal_without_a_batch_is_refused():
    with pytest.raises(ValueError, match=r"needed: \(batch, leads, time\)"):
        Augment()(torch.zeros(12, 1000), generator=seeded())


@pytest.mark.parametrize("kind", ["MainsHum", "Respiration"])
def test_every_phase_and_every_amplitude_up_to_the_largest_comes(kind):
    sine = TRANSFORMS[kind](rate_hz=100, up_to=0.2)
    amplitude, _, phase = sine.draw(
        Size((4000, 12, 1000)), generator=torch.Generator().manual_seed(0)
    ).T
    assert stats.kstest(amplitude, "uniform", (0, 0.2)).pvalue > 1e-3
    assert stats.kstest(phase, "uniform", (0, 2 * np.pi)).pvalue > 1e-3


def test_the_noise_of_a_seed_is_the_same_in_every_process():
    def noise():
        _normal_pairs.cache_clear()  # as in a new process
        return GaussianNoise().draw(Size((2, 12, 100)), generator=torch.Generator().manual_seed(1))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        once = noise()
        torch.manual_seed(2)
        assert torch.equal(noise(), once)


def test_what_a_file_leaves_out_has_its_default(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[[steps]]\none_of = [{transform = "AmplitudeScale"}]\n')
    assert augmentation(str(file), rate_hz=100) == Augment((OneOf((AmplitudeScale(),)),))
