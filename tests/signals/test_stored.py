"""Long recordings stay in their file, and give the same answers as when they are in memory."""

from dataclasses import replace

import numpy as np
import pytest
from support.binary_ecgs import edf, ishne
from support.disturbed import made_up
from support.ecg_files import write_wfdb

import ecgcam
from ecgcam.readers import edf as edf_reader
from ecgcam.readers import ishne as ishne_reader
from ecgcam.readers import wfdb_samples
from ecgcam.signals import stored
from ecgcam.signals.beats import heart_rate_bpm
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record
from ecgcam.signals.stored import (
    StoredChannel,
    StoredSamples,
    StoredSignal,
    append_sums,
    as_signal,
    extremes,
    join_channels,
    turn_over,
)

SAMPLES = np.random.default_rng(0).integers(-3000, 3000, (500, 4)).astype("<i2")


@pytest.fixture
def signal(tmp_path):
    """Return three of four channels of a file, in another order, and the same as an array."""
    path = tmp_path / "a.dat"
    path.write_bytes(b"12345" + SAMPLES.tobytes())
    source = StoredSamples(path=path, dtype="<i2", channels=4, time=500, offset=5)
    channels = [
        StoredChannel(source=source, channel=k, scale=0.001 * (k + 1), offset=0.5)
        for k in (2, 0, 3)
    ]
    array = SAMPLES.T[[2, 0, 3]] * np.array([[0.003], [0.001], [0.004]]) + 0.5
    return join_channels(channels), array.astype(np.float32)


def test_a_stored_signal_reads_as_an_array(signal):
    lazy, array = signal
    np.testing.assert_allclose(np.asarray(lazy), array, rtol=1e-6)
    assert (lazy.shape, lazy.size, len(lazy), lazy.ndim) == ((3, 500), 1500, 3, 2)
    assert np.asarray(lazy).dtype == np.float32
    assert np.asarray(lazy, np.float64).dtype == np.float64


@pytest.mark.parametrize("key", [np.s_[:, 40:90], np.s_[[2, 0]], np.s_[1:, :7], np.s_[:, -5:]])
def test_parts_of_it_are_those_of_the_array(signal, key):
    lazy, array = signal
    part = lazy[key]
    assert isinstance(part, StoredSignal)
    np.testing.assert_allclose(np.asarray(part), array[key], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(part[:, 2:4]), array[key][:, 2:4], rtol=1e-6)


def test_it_is_not_read_with_a_step(signal):
    with pytest.raises(IndexError, match="step of 2"):
        signal[0][:, ::2]


def test_blocks_do_not_change_what_is_read(signal, monkeypatch):
    monkeypatch.setattr(stored, "BLOCK", 7)
    lazy, array = signal
    np.testing.assert_allclose(np.asarray(lazy[:, 3:]), array[:, 3:], rtol=1e-6)
    limits = extremes(as_signal(lazy))
    np.testing.assert_allclose(limits, [[r.min(), r.max()] for r in array], rtol=1e-6)
    assert (lazy.min(), lazy.max()) == pytest.approx((array.min(), array.max()))
    np.testing.assert_allclose(extremes(array), limits, rtol=1e-6)


def test_sums_and_signs_are_those_of_the_array(signal):
    lazy, array = signal
    weights = np.array([[1, -0.5], [0.25, 2]])
    for change in (lambda x: append_sums(x, weights, [2, 0]), lambda x: turn_over(x, 1)):
        np.testing.assert_allclose(
            np.asarray(change(as_signal(lazy))), change(array), rtol=1e-5, atol=1e-5
        )


def test_a_channel_is_an_array_over_time(signal, tmp_path):
    lazy, array = signal
    source = lazy.source
    channel = StoredChannel(source=source, channel=1, scale=2.0, offset=1.0) * 0.001
    np.testing.assert_allclose(np.asarray(channel), (2 * SAMPLES[:, 1] + 1) / 1000, rtol=1e-5)
    assert len(channel) == channel.size == 500


def test_a_short_stored_signal_is_read_by_the_record(signal):
    lazy, array = signal
    record = Record(signal_mv=lazy, rate_hz=100, leads=("I", "II", "V1"))
    np.testing.assert_allclose(record.signal_mv, array, rtol=1e-6)
    assert isinstance(record.signal_mv, np.ndarray)


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """Return the record of a file of 95 s that counts as long, and the same record in memory."""
    record = made_up(duration_s=95.0, rate_hz=250)
    samples = np.round(1000 * record.signal_mv).astype("<i2").T
    header = write_wfdb(tmp_path / "long", samples, rate="250")
    in_memory = ecgcam.read(header)
    monkeypatch.setattr(wfdb_samples, "LONG", 100_000)
    monkeypatch.setattr(stored, "LONG", 100_000)
    monkeypatch.setattr(wfdb_samples, "BLOCK", 999)
    return ecgcam.read(header), in_memory


def test_a_long_recording_is_predicted_like_one_in_memory(recording):
    lazy, in_memory = recording
    assert isinstance(lazy.signal_mv, StoredSignal)
    model = ecgcam.load("superclass")
    found, expected = model.explain(lazy), model.explain(in_memory)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-5)
    np.testing.assert_allclose(found.heatmap, expected.heatmap, atol=1e-4)
    assert (found.warnings, found.windows) == (expected.warnings, 10)
    assert heart_rate_bpm(lazy) == heart_rate_bpm(in_memory)


def test_leads_are_derived_renamed_and_turned_over_in_a_long_recording(recording):
    lazy, in_memory = recording
    eight = ("I", "II", *LEADS[6:])
    few = lazy.with_leads(eight)
    assert isinstance(few.signal_mv, StoredSignal)
    whole = few.with_leads(LEADS)
    np.testing.assert_allclose(np.asarray(whole.signal_mv), in_memory.signal_mv, atol=0.0021)
    assert "III, aVR, aVL, aVF computed from I and II" in whole.warnings
    numbered = replace(lazy, leads=tuple(f"ch{k}" for k in range(1, 13)))
    assert numbered.leads == LEADS
    over = replace(lazy, leads=("I", "II", "III", "-aVR", *LEADS[4:]))
    np.testing.assert_allclose(np.asarray(over.signal_mv)[3], -in_memory.signal_mv[3], atol=1e-5)


def test_a_stretch_of_a_long_recording_is_in_memory(recording):
    lazy, in_memory = recording
    part = lazy.stretch(40, 20)
    assert isinstance(part.signal_mv, np.ndarray)
    np.testing.assert_allclose(part.signal_mv, in_memory.stretch(40, 20).signal_mv, atol=1e-6)


def test_a_damaged_long_recording_is_refused_or_read_whole(recording, tmp_path):
    path = tmp_path / "long.dat"
    samples = np.fromfile(path, "<i2")
    samples[500] += 1
    samples.tofile(path)
    with pytest.raises(ecgcam.RecordError, match="fails its checksum"):
        ecgcam.read(tmp_path / "long.hea")
    samples[500] -= 1
    samples[12 * 5000] = -32768  # an invalid sample
    header = (tmp_path / "long.hea").read_text().splitlines()
    fields = header[1].split()
    fields[6] = str(int(samples.reshape(-1, 12)[:, 0].sum(dtype=np.int64)) % 65536)
    header[1] = " ".join(fields)
    (tmp_path / "long.hea").write_text("\n".join(header))
    samples.tofile(path)
    record = ecgcam.read(tmp_path / "long.hea")
    assert isinstance(record.signal_mv, np.ndarray)
    assert record.warnings == ("1 missing sample of I filled by a straight line",)


ROWS = np.random.default_rng(1).integers(-900, 900, (12, 4000))


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (ishne_reader, ishne(ROWS, LEADS)),
        (edf_reader, edf(ROWS, LEADS)),
        (edf_reader, edf(ROWS, LEADS, annotations=False)),
    ],
)
def test_long_files_of_other_formats_stay_in_their_file(tmp_path, monkeypatch, reader, data):
    path = tmp_path / "long"
    path.write_bytes(data)
    in_memory = ecgcam.read(path)
    for module in (reader, stored):
        monkeypatch.setattr(module, "LONG", 10_000)
    monkeypatch.setattr(stored, "BLOCK", 333)
    lazy = ecgcam.read(path)
    assert isinstance(lazy.signal_mv, StoredSignal)
    assert isinstance(in_memory.signal_mv, np.ndarray)
    np.testing.assert_allclose(np.asarray(lazy.signal_mv), in_memory.signal_mv, atol=1e-5)
    part = np.asarray(lazy.signal_mv[:, 777:1001])
    np.testing.assert_allclose(part, in_memory.signal_mv[:, 777:1001], atol=1e-5)
    assert (lazy.leads, lazy.rate_hz, lazy.filters) == (
        in_memory.leads,
        in_memory.rate_hz,
        in_memory.filters,
    )


def test_a_long_ishne_file_with_missing_samples_is_read_whole(tmp_path, monkeypatch):
    rows = ROWS.copy()
    rows[3, 2000] = -32768
    path = tmp_path / "long"
    path.write_bytes(ishne(rows, LEADS))
    for module in (ishne_reader, stored):
        monkeypatch.setattr(module, "LONG", 10_000)
    record = ecgcam.read(path)
    assert any("missing sample" in warning for warning in record.warnings)
