"""A network's forward pass in plain NumPy: the independent reference for both engines.

It reads the weights by name, in double precision, and knows of torch and ONNX nothing.
"""

import numpy as np


def forward(weights, card, signal_mv):
    """Logits (batch, classes) and evidence (batch, classes, frames) of signals in mV."""
    weights = {name: np.asarray(array, np.float64) for name, array in weights.items()}
    signal = preprocess(np.asarray(signal_mv, np.float64), **card["preprocess"])
    backbone = {"signalcnn": signalcnn, "resnet": resnet, "inception": inception,
                "depthwise": depthwise, "several": ensemble, "local": local,
                "leadwise": local}[card["backbone"]]  # fmt: skip
    signal = np.concatenate([signal, np.zeros_like(signal[:1])])  # the last is a flat record
    features = backbone(Part(weights, "backbone."), signal, card["backbone_config"])
    evidence = np.einsum("kc,bcf->bkf", weights["head.weight"], features)
    logits = evidence.mean(-1) + weights["head.bias"]
    return logits[:-1], evidence[:-1] - evidence[-1]


def lead_evidence(weights, card, signal_mv):
    """Evidence (batch, classes, leads, frames): every other lead is silenced, one at a time.

    For a leadwise network, whose logit is a sum over leads.
    """
    weights = {name: np.asarray(array, np.float64) for name, array in weights.items()}
    signal = preprocess(np.asarray(signal_mv, np.float64), **card["preprocess"])
    plain = card | {"preprocess": {"detrend_order": None, "scale": "none"}}
    alone = np.eye(signal.shape[1])[:, None, :, None] * signal  # (leads, batch, leads, time)
    return np.stack([forward(weights, plain, one)[1] for one in alone], axis=2)


class Part:
    """The weights below a prefix, by their names within it."""

    def __init__(self, weights, prefix):
        self.weights, self.prefix = weights, prefix

    def __getitem__(self, name):
        return self.weights.get(f"{self.prefix}{name}")

    def __truediv__(self, name):
        return Part(self.weights, f"{self.prefix}{name}.")

    def has(self, name):
        return any(key.startswith(f"{self.prefix}{name}.") for key in self.weights)


def preprocess(signal, *, detrend_order, scale):
    if detrend_order is not None:
        time = np.linspace(-1, 1, signal.shape[-1])
        basis = np.polynomial.legendre.legvander(time, detrend_order)
        rows = signal.reshape(-1, signal.shape[-1]).T
        fit = basis @ np.linalg.lstsq(basis, rows, rcond=None)[0]
        signal = (rows - fit).T.reshape(signal.shape)
    time = {"axis": -1, "keepdims": True}
    median = np.median(signal, **time)
    centre, spread = {
        "none": lambda: (0.0, np.ones_like(median)),
        "unit": lambda: (median, np.abs(signal - median).max(**time)),
        "record": lambda: (median, np.abs(signal - median).max(axis=(-2, -1), keepdims=True)),
        "zscore": lambda: (signal.mean(**time), signal.std(**time)),
        "robust": lambda: (median, np.diff(np.quantile(signal, [0.25, 0.75], **time), axis=0)[0]),
        "minmax": lambda: (signal.min(**time), np.ptp(signal, **time)),
    }[scale]()
    return (signal - centre) / np.where(spread < 1e-4, np.inf, spread)


def conv(part, signal, *, stride=1, pad=True):
    """A convolution over time with its weights (outputs, inputs / groups, 1, kernel)."""
    kernel = part["weight"][:, :, 0]
    outputs, inputs, width = kernel.shape
    groups = signal.shape[1] // inputs
    padding = width // 2 if pad else 0
    padded = np.pad(signal, ((0, 0), (0, 0), (padding, padding)))
    views = np.lib.stride_tricks.sliding_window_view(padded, width, axis=-1)[:, :, ::stride]
    views = views.reshape(len(signal), groups, inputs, -1, width)
    kernel = kernel.reshape(groups, outputs // groups, inputs, width)
    result = np.einsum("bgitw,goiw->bgot", views, kernel).reshape(len(signal), outputs, -1)
    bias = part["bias"]
    return result if bias is None else result + bias[:, None]


def norm(part, signal):
    """Batch norm in evaluation mode."""
    scale = part["weight"] / np.sqrt(part["running_var"] + 1e-5)
    return signal * scale[:, None] + (part["bias"] - part["running_mean"] * scale)[:, None]


def relu(signal):
    return np.maximum(signal, 0)


def leaky(signal):
    return np.where(signal > 0, signal, 0.1 * signal)


def halve(signal):
    """The larger of each pair in time; an odd sample at the end is left out."""
    even = signal[..., : signal.shape[-1] // 2 * 2]
    return even.reshape(*signal.shape[:-1], -1, 2).max(-1)


def signalcnn(part, signal, config):
    for k in range(len(config.get("widths", (16, 16, 32, 64))) - 1):
        block = part / f"blocks.{k}"
        signal = leaky(halve(norm(block / "norm", conv(block / "conv", signal))))
    last = part / "last"
    return leaky(norm(last / "norm", conv(last / "conv", signal)))


def resnet(part, signal, config):
    widths, blocks = config.get("widths", (32, 64, 96)), config.get("blocks", 2)
    signal = relu(norm(part / "stem.1", conv(part / "stem.0", signal, stride=2)))
    for k in range(len(widths) * blocks):
        block, shorter = part / f"stages.{k}", k >= blocks and k % blocks == 0
        inner = conv(block / "first", signal, stride=2 if shorter else 1)
        inner = norm(block / "second_norm",
                     conv(block / "second", relu(norm(block / "first_norm", inner))))  # fmt: skip
        if shorter:  # the mean of pairs; an odd sample at the end stands alone
            even = signal.shape[-1] // 2 * 2
            pairs = signal[..., :even].reshape(*signal.shape[:-1], -1, 2).mean(-1)
            signal = np.concatenate([pairs, signal[..., even:]], axis=-1)
        if block.has("fit"):
            signal = conv(block / "fit", signal)
        signal = relu(inner + signal)
    return signal


def local(part, signal, config):
    """Local and leadwise nets; the weights' shapes tell the groups."""
    default = (1, 2) if part["stem.0.weight"].shape[1] == 1 else (1, 3)
    signal = relu(norm(part / "stem.1", conv(part / "stem.0", signal, stride=2, pad=False)))
    starts = np.cumsum([0, *config.get("blocks", default)])
    branch = config.get("rhythm_stage", 1)
    for k in range(starts[-1]):
        block, shorter = part / f"stages.{k}", k > 0 and k in starts
        inner = conv(block / "first", signal, stride=2 if shorter else 1, pad=False)
        inner = relu(norm(block / "first_norm", inner))
        inner = norm(block / "second_norm", conv(block / "second", inner, pad=False))
        reach = block["first.weight"].shape[-1] // 2
        if shorter:
            signal = signal[..., : signal.shape[-1] // 2 * 2]
            signal = signal.reshape(*signal.shape[:-1], -1, 2).mean(-1)
        start = 3 * reach // 2 if shorter else 2 * reach
        signal = signal[..., start : start + inner.shape[-1]]
        if block.has("fit"):
            signal = conv(block / "fit", signal, pad=False)
        signal = relu(inner + signal)
        if k + 1 == starts[branch]:
            early = signal
    if "rhythm" in config:
        pooled = 2 ** (len(starts) - 1 - branch)
        longer = rhythm(part / "rhythm", early, config["rhythm"]["blocks"])
        used = signal.shape[-1] * pooled
        start = (longer.shape[-1] - used) // 2
        longer = longer[..., start : start + used].reshape(*longer.shape[:2], -1, pooled).mean(-1)
        signal = np.concatenate([signal, longer], axis=1)
    return signal**2 if config.get("square") else signal


def rhythm(part, signal, count):
    signal = conv(part / "fit", signal)
    for k in range(count):
        block, inner = part / f"blocks.{k}", signal
        for layer in ("before", "along"):
            inner = relu(norm(block / f"{layer}_norm", conv(block / layer, inner)))
        signal = relu(signal + norm(block / "after_norm", conv(block / "after", inner)))
    return signal


def inception(part, signal, config):
    count = len(config.get("widths", (8, 8, 10, 12)))
    branches = len(config.get("kernels", (5, 11, 23)))
    signal = relu(norm(part / "stem.1", conv(part / "stem.0", signal, stride=2)))
    for k in range(count):
        block = part / f"blocks.{k}"
        narrow = conv(block / "narrow", signal)
        outputs = [conv(block / f"branches.{j}", narrow) for j in range(branches)]
        padded = np.pad(signal, ((0, 0), (0, 0), (1, 1)), constant_values=-np.inf)
        highest = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=-1).max(-1)
        outputs.append(conv(block / "after_highest", highest))
        signal = relu(norm(block / "norm", np.concatenate(outputs, axis=1)))
        signal = halve(signal) if k < count - 2 else signal
    return signal


def depthwise(part, signal, config):
    count = len(config.get("widths", (24, 24, 32, 32)))
    signal = leaky(norm(part / "stem.1", conv(part / "stem.0", signal, stride=2)))
    for k in range(count):
        block = part / f"blocks.{k}"
        signal = conv(block / "fit", signal) if block.has("fit") else signal
        inner = norm(block / "along_norm", conv(block / "along", signal))
        inner = norm(block / "across_norm", conv(block / "across", inner))
        signal = leaky(signal + inner)
        signal = halve(signal) if k < count - 2 else signal
    return signal


def ensemble(part, signal, config):
    """Members side by side; of the same number of frames."""
    backbones = {"signalcnn": signalcnn, "resnet": resnet, "inception": inception,
                 "depthwise": depthwise, "local": local}  # fmt: skip
    features = [
        backbones[member["name"]](part / f"members.{k}", signal, member["config"])
        for k, member in enumerate(config["members"])
    ]
    return np.concatenate(features, axis=1)
