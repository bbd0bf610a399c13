"""Evidence added up by wave, beat and lead is all of the evidence: the parts sum to the logit."""

import numpy as np
import pytest
import torch
from support.beats_of import explained_beats, regular_waves
from support.disturbed import made_up

from ecgcam.inference.description import describe
from ecgcam.inference.results import Explanation
from ecgcam.inference.wave_evidence import PARTS, add_up
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.signals.leads import LEADS

# of the ten frames of a second: rest, P, PR, QRS, ST, T, T, rest, rest, rest
FRAMES = [0.5, 1, -2, 10, -4, 3, 5, 0, 0, -1]


@pytest.mark.parametrize("backbone", ["local", "leadwise"])
def test_the_parts_of_a_network_sum_to_the_logit_minus_the_bias(backbone):
    torch.manual_seed(0)
    network = Network(NetworkConfig(backbone=backbone, classes=3)).eval()
    record = made_up(seed=3)
    with torch.inference_mode():
        logits, evidence, by_lead = network(torch.from_numpy(record.signal_mv)[None])
    bias = network.bias().detach().numpy()
    frames = evidence.shape[-1]
    explanation = Explanation(
        name="", classes=tuple("abc"), logits=logits[0].numpy(), bias=bias, thresholds=bias,
        probabilities=torch.sigmoid(logits[0]).numpy(), decision=(), evidence=evidence[0].numpy(),
        lead_evidence=None if by_lead is None else by_lead[0].numpy(), leads=LEADS,
        frame_times_s=0.3 + 0.04 * np.arange(frames), frame_s=0.04, frame_sees_s=0.6,
    )  # fmt: skip
    description = describe(record, explanation)
    assert description.waves.are_sure
    np.testing.assert_allclose(
        description.evidence.sums.sum(axis=(0, 2)), explanation.logits - bias, atol=2e-5
    )
    for k, name in enumerate("abc"):
        sums = description.to_dict()["classes"][name]
        expected = pytest.approx(float(explanation.logits[k] - bias[k]), abs=1e-4)
        by_wave = sums["by_wave"].values()
        assert sum(pair["for"] + pair["against"] for pair in by_wave) == expected
        assert sum(pair["time"] for pair in by_wave) == pytest.approx(1, abs=1e-3)
        if backbone == "leadwise":
            assert sum(sums["by_lead"].values()) == expected
            cells = [sum(of.values()) for of in sums["by_wave_and_lead"].values()]
            assert sum(cells) == expected
            nets = [pair["for"] + pair["against"] for pair in by_wave]
            np.testing.assert_allclose(cells, nets, atol=1e-4)


def test_each_frame_counts_in_the_part_it_lies_in():
    sums = add_up(explained_beats(FRAMES), regular_waves())
    by_wave = sums.to_dict(0)["by_wave"]
    each = {part: by_wave[part]["for"] + by_wave[part]["against"] for part in PARTS}
    assert each == pytest.approx({
        "P": 0.1, "PR": -0.2, "QRS": 1.0, "ST": -0.4, "T": 0.8,
        # the rest before the first P wave and after the last T wave belong to no beat
        "rest": 0.1 * (0.9 * (0.5 - 1)), "not sure": 0.1 * 0.1 * (0.5 - 1),
    })  # fmt: skip
    assert by_wave["T"]["against"] == pytest.approx(0, abs=1e-9)
    assert by_wave["rest"] == pytest.approx({"time": 0.36, "for": 0.045, "against": -0.09})


def test_a_frame_on_a_boundary_counts_on_both_sides():
    waves = regular_waves()
    waves.times_s[:, 1, 1] = (
        np.arange(10) + 0.375
    )  # the QRS complex ends in the last quarter of its frame
    by_wave = add_up(explained_beats([0, 0, 0, 10, 0, 0, 0, 0, 0, 0]), waves).to_dict(0)["by_wave"]
    assert by_wave["QRS"]["for"] == pytest.approx(0.75)
    assert by_wave["ST"]["for"] == pytest.approx(0.25)


def test_beats_and_leads_have_their_own_sums():
    frames = np.zeros((12, 10))
    frames[LEADS.index("V2"), 5] = 12
    frames[LEADS.index("I"), 3] = -1
    sums = add_up(explained_beats(frames), regular_waves()).to_dict(0)
    assert sums["by_lead"]["V2"] == pytest.approx(1.2)
    assert sums["by_wave_and_lead"]["QRS"]["I"] == pytest.approx(-0.1)
    assert len(sums["by_beat"]) == 10
    assert sums["by_beat"][3]["T"]["for"] == pytest.approx(0.12)
    assert (sums["by_beat"][3]["start_s"], sums["by_beat"][3]["end_s"]) == (3.1, 4.1)


def test_a_beat_that_is_not_sure_has_no_waves():
    waves = regular_waves()
    waves.probability[4, 2] = 0.5  # a T wave
    sums = add_up(explained_beats(FRAMES), waves)
    assert len(sums.beats_s) == 9
    by_wave = sums.to_dict(0)["by_wave"]
    assert by_wave["QRS"]["for"] == pytest.approx(0.9)
    assert by_wave["not sure"]["for"] > 0.1


def test_a_p_wave_that_is_not_sure_is_neither_p_nor_rest():
    waves = regular_waves()
    waves.probability[:, 0] = 0.55
    by_wave = add_up(explained_beats(FRAMES), waves).to_dict(0)["by_wave"]
    for part in ("P", "PR"):
        assert by_wave[part] == pytest.approx({"time": 0, "for": 0, "against": 0}, abs=1e-9)
    assert by_wave["not sure"]["for"] >= 0.1
    assert by_wave["not sure"]["against"] <= -0.2


@pytest.mark.parametrize(
    ("sees_s", "probability", "reason"),
    [(2.1, 0.95, "frames too long"), (0, 0.95, "frames too long"), (0.6, 0.5, "waves not sure")],
)
def test_without_waves_the_sum_stays(sees_s, probability, reason):
    explanation = explained_beats(FRAMES, sees_s=sees_s)
    sums = add_up(explanation, regular_waves(probability=probability)).to_dict(0)
    assert sums["without_waves"] == reason
    assert sums["by_wave"] is None
    assert sums["by_beat"] is None
    assert sums["all"]["for"] + sums["all"]["against"] == pytest.approx(np.mean(FRAMES))
