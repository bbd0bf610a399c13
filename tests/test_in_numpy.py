"""A network done by NumPy says of one ECG what torch says; what it cannot do is left to torch."""

from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import numpy as np
import pytest
import torch
from test_backbones import warmed_up
from torch import nn
from torch.nn import functional

from ecgcam import load, numpy_calls
from ecgcam.backbones import BACKBONES
from ecgcam.folded import engine_of, folded
from ecgcam.in_numpy import in_numpy
from ecgcam.leads import LEADS
from ecgcam.network import Network, NetworkConfig, judge_array
from ecgcam.numpy_calls import Unknown, numpy_call
from ecgcam.preprocess import SCALES, PreprocessConfig

LIMB = LEADS[:6]
SMALL_RESNET = {"widths": (12, 24, 24)}
OURS = [(name, SMALL_RESNET if name == "resnet" else {}) for name in BACKBONES]


def network_of(backbone="signalcnn", config=None, **form):
    torch.manual_seed(3)
    config = NetworkConfig(classes=2, backbone=backbone, backbone_config=config or {}, **form)
    network = Network(config)
    warmed_up(network.backbone)
    return network.eval()


def ecgs(network, records=5):
    """Walks with a slow drift, one of them with a flat lead, one with all leads flat."""
    shape = (records, len(network.config.leads), network.config.samples)
    steps = np.random.default_rng(11).normal(0, 0.1, shape)
    signal_mv = (steps + 0.2 * steps.cumsum(axis=-1)).astype(np.float32)
    signal_mv[1, 0], signal_mv[2] = 0.3, 0
    return signal_mv


def assert_same(network):
    judge = in_numpy(folded(network))
    assert judge is not None
    signal_mv = ecgs(network)
    wanted_logits, wanted_evidence = judge_array(network, signal_mv)
    for k in range(len(signal_mv)):
        logits, evidence = judge(signal_mv[k : k + 1])
        assert logits.dtype == evidence.dtype == np.float32
        np.testing.assert_allclose(logits[0], wanted_logits[k], atol=3e-5, rtol=1e-4)
        np.testing.assert_allclose(evidence[0], wanted_evidence[k], atol=1e-4, rtol=1e-3)
        bias = network.head.bias.detach().numpy()
        np.testing.assert_allclose(evidence.mean(-1) + bias, logits, atol=1e-5)


@pytest.mark.parametrize(("backbone", "config"), OURS)
def test_it_says_what_torch_says(backbone, config):
    assert_same(network_of(backbone, config))


@pytest.mark.parametrize(("backbone", "config"), OURS)
@pytest.mark.parametrize("samples", [1001, 1002, 1004, 999])
def test_of_a_length_that_cannot_be_halved_too(backbone, config, samples):
    assert_same(network_of(backbone, config, rate_hz=samples / 10, leads=LIMB))


@pytest.mark.parametrize("scale", ["unit", "record", "none"])
@pytest.mark.parametrize("order", [None, 3])
def test_of_other_preprocessing_too(scale, order):
    assert_same(network_of(preprocess=PreprocessConfig(detrend_order=order, scale=scale)))


def test_of_other_widths_and_kernels_too():
    assert_same(network_of("signalcnn", {"widths": (5, 9), "first_kernel": 3, "kernel": 1}))
    assert_same(network_of("resnet", {"widths": (7, 7, 11), "blocks": 1, "kernel": 3}))
    assert_same(network_of("inception", {"widths": (4, 6), "kernels": (1, 3)}))


@pytest.mark.parametrize("name", ["normal", "superclass"])
def test_a_shipped_model_judges_one_ecg_without_torch(name, monkeypatch):
    classifier = load(name)
    signal_mv = np.random.default_rng(2).normal(0, 0.3, (3, 12, 1000)).astype(np.float32)
    logits, evidence = classifier.judge(signal_mv)
    monkeypatch.setattr(Network, "forward", lambda *_: pytest.fail("torch was asked"))
    for k in range(3):
        alone = classifier.judge(signal_mv[k : k + 1])
        np.testing.assert_allclose(alone[0][0], logits[k], atol=3e-5, rtol=1e-4)
        np.testing.assert_allclose(alone[1][0], evidence[k], atol=1e-4, rtol=1e-3)


NOT_OURS = {
    "one's own": network_of("own_backbones:Dropping"),
    "several": network_of("several", {"members": [{"name": "signalcnn", "config": {}}]}),
    "large": network_of("signalcnn", {"widths": (64, 64, 128)}),
    **{
        scale: network_of(preprocess=PreprocessConfig(scale=scale))
        for scale in set(SCALES) - {"unit", "record", "none"}
    },
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_what_is_left_to_torch_is_judged_all_the_same(name):
    network = NOT_OURS[name]
    assert in_numpy(folded(network)) is None
    signal_mv = ecgs(network)[:1]
    for found, wanted in zip(
        engine_of(network)(signal_mv, "features"), judge_array(network, signal_mv), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "shape", [(1, 11, 1000), (1, 24, 1000), (1, 12, 999), (1, 12, 1001)], ids=str
)
def test_an_ecg_of_another_shape_is_refused_by_torch(shape):
    with pytest.raises((RuntimeError, ValueError)):
        engine_of(network_of())(np.zeros(shape, np.float32), "features")


def test_what_is_no_number_is_passed_on_in_silence():
    signal_mv = ecgs(network_of())[:1]
    signal_mv[0, 3, 5] = np.inf
    logits, evidence = engine_of(network_of())(signal_mv, "features")
    assert np.isnan(logits).all()
    assert np.isnan(evidence).any()


def test_nothing_it_gives_or_takes_is_shared():
    network = network_of()
    judge = in_numpy(folded(network))
    signal_mv = ecgs(network)
    before, weights = signal_mv.copy(), [w.clone() for w in network.state_dict().values()]
    first = judge(signal_mv[:1])
    kept = [part.copy() for part in first]
    for part in judge(signal_mv[1:2]):
        part[:] = 7
    np.testing.assert_array_equal(signal_mv, before)
    assert all(map(np.array_equal, first, kept))
    assert all(map(torch.equal, network.state_dict().values(), weights))


def test_models_can_be_loaded_while_others_judge():
    network = network_of()
    signal_mv = ecgs(network)
    wanted = judge_array(network, signal_mv)[0]
    judge = engine_of(network)

    def work(turn):
        if turn % 2:
            return judge(signal_mv, "features")[0]
        alone = in_numpy(folded(network))
        assert alone is not None
        return np.concatenate([alone(one[None])[0] for one in signal_mv])

    with ThreadPoolExecutor(4) as pool:
        for logits in pool.map(work, range(40)):
            np.testing.assert_allclose(logits, wanted, atol=3e-5, rtol=1e-4)


def test_a_classifier_can_be_sent_to_another_process():
    classifier = load("normal")
    sent = cloudpickle.loads(cloudpickle.dumps(classifier))
    signal_mv = np.random.default_rng(2).normal(0, 0.3, (1, 12, 1000)).astype(np.float32)
    for found, wanted in zip(sent.judge(signal_mv), classifier.judge(signal_mv), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_tables_that_are_wrong_are_found_out(monkeypatch):
    network = folded(network_of("resnet", SMALL_RESNET))
    assert in_numpy(network) is not None
    monkeypatch.setitem(numpy_calls.CALLS, functional.relu, lambda image, inplace: image)
    assert in_numpy(network) is None


def convolved(layer, image):
    """By NumPy, as torch's layer calls it."""
    weights = [None if p is None else p.detach().numpy() for p in (layer.weight, layer.bias)]
    settings = [layer.stride, layer.padding, layer.dilation, layer.groups]
    run, arguments = numpy_call(torch.conv2d, [image, *weights, *settings], {})
    return run(*arguments)


@pytest.mark.parametrize("time", [23, 24, 60])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "groups"), [(1, 1), (3, 1), (11, 1), (5, 4)])
def test_a_convolution_is_torchs(time, stride, kernel, groups):
    layer = nn.Conv2d(4, 4, (1, kernel), (1, stride), (0, kernel // 2), groups=groups)
    image = torch.randn(1, 4, 1, time)
    found = convolved(layer, image.numpy())
    np.testing.assert_allclose(found, layer(image).detach().numpy(), atol=1e-6)


def test_a_convolution_of_numbers_known_by_hand():
    layer = nn.Conv2d(1, 1, (1, 3), padding=(0, 1), bias=False)
    layer.weight.data[:] = torch.tensor([1.0, 10.0, 100.0])
    image = np.array([1, 2, 3, 4], np.float32)[None, None, None]
    assert convolved(layer, image).ravel().tolist() == [210, 321, 432, 43]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, (3, 3)),
        nn.Conv2d(4, 4, (1, 3), dilation=2),
        nn.Conv2d(4, 4, (1, 3), padding=1),
        nn.Conv2d(4, 8, (1, 3), groups=2),
    ],
)
def test_a_convolution_of_other_settings_is_refused(layer):
    with pytest.raises(Unknown):
        convolved(layer, np.zeros((1, 4, 1, 20), np.float32))


def test_a_call_that_no_network_of_ours_makes_is_refused():
    with pytest.raises(Unknown):
        numpy_call(torch.sigmoid, [np.zeros(3, np.float32)], {})
