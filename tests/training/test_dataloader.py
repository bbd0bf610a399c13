"""Batches: preprocessed records in an order that depends only on the seed and the epoch."""

import numpy as np
import pytest
import torch
from support.tiny import tiny_network, write_store

from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.tasks import find_task
from ecgcam.training.dataloader import BatchOrder, PreprocessedRecords, make_loader, preprocess_once


@pytest.fixture(scope="module")
def labelled(synthetic_store):
    task = find_task("superclass", synthetic_store.vocabulary)
    return synthetic_store.labelled(task, folds=range(1, 9))


@pytest.fixture(scope="module")
def preprocessed(synthetic_store, labelled, tmp_path_factory):
    path = tmp_path_factory.mktemp("preprocessed") / "signals.npy"
    return preprocess_once(tiny_network(duration_s=10), synthetic_store, labelled.indices, path)


def loader_of(preprocessed, labelled, **options):
    order = BatchOrder(len(preprocessed), batch=16, **options)
    return make_loader(preprocessed, labelled.targets, order)


def test_batches_are_the_preprocessed_records_with_their_targets(
    synthetic_store, labelled, preprocessed
):
    signals, targets, indices = zip(*loader_of(preprocessed, labelled), strict=True)
    n = len(labelled.indices)
    assert [len(part) for part in signals] == [16] * (n // 16) + [n % 16]
    assert signals[0].shape == (16, 12, 1000)
    signal_mv = torch.from_numpy(synthetic_store.signals_mv(labelled.indices))
    expected = tiny_network(duration_s=10).preprocess(signal_mv)
    torch.testing.assert_close(torch.cat(signals), expected)
    np.testing.assert_array_equal(torch.cat(targets).numpy(), labelled.targets)
    assert torch.cat(indices).tolist() == list(range(n))


def test_float16_rounds_a_signal_by_less_than_the_recording_did(
    synthetic_store, labelled, preprocessed, tmp_path
):
    network = tiny_network(duration_s=10)
    path = tmp_path / "half.npy"
    half = preprocess_once(network, synthetic_store, labelled.indices, path, dtype=np.float16)
    difference = np.abs(half - preprocessed).max()
    assert 0 < difference < 0.0005


def test_values_beyond_float16_become_its_largest(tmp_path):
    signal_uv = np.full((1, 12, 500), 30000, np.int16)
    store = write_store(tmp_path / "store", signal_uv, [["superclass:NORM"]], folds=[1])
    network = tiny_network(preprocess=PreprocessConfig(detrend_order=None, scale="none"))
    network.preprocess.scale = lambda signal_mv: signal_mv * 1e5
    half = preprocess_once(network, store, np.arange(1), tmp_path / "half.npy", dtype=np.float16)
    assert set(half[0].flatten()) == {65504}


def test_leads_are_selected_by_name(synthetic_store, labelled, tmp_path):
    network = tiny_network(duration_s=10, leads=("V5", "I"))
    some = preprocess_once(network, synthetic_store, labelled.indices[:9], tmp_path / "some.npy")
    signal_mv = synthetic_store.signals_mv(labelled.indices[:9])[:, [10, 0]]
    torch.testing.assert_close(
        torch.from_numpy(np.array(some)), network.preprocess(torch.from_numpy(signal_mv))
    )


def test_shuffled_each_signal_keeps_its_target(labelled, preprocessed):
    loader = loader_of(preprocessed, labelled, shuffle_seed=3)
    order = [k for batch in BatchOrder(len(preprocessed), batch=16, shuffle_seed=3) for k in batch]
    signals, targets, indices = (torch.cat(parts).numpy() for parts in zip(*loader, strict=True))
    assert order != sorted(order)
    np.testing.assert_array_equal(signals, preprocessed[order])
    np.testing.assert_array_equal(targets, labelled.targets[order])
    assert indices.tolist() == order


@pytest.mark.parametrize(("records", "batch"), [(100, 16), (96, 16), (5, 16), (16, 16), (7, 1)])
@pytest.mark.parametrize("shuffle_seed", [None, 0, 9])
def test_each_epoch_has_every_record_once(records, batch, shuffle_seed):
    order = BatchOrder(records, batch=batch, shuffle_seed=shuffle_seed)
    for epoch in range(3):
        order.set_epoch(epoch)
        parts = list(order)
        assert len(parts) == len(order) == -(-records // batch)
        assert all(len(part) == batch for part in parts[:-1])
        assert sorted(k for part in parts for k in part) == list(range(records))


def test_each_epoch_has_another_random_fraction_of_the_subsampled_records():
    subsampled = np.arange(100) % 4 == 0  # 25 of 100
    order = BatchOrder(100, batch=16, shuffle_seed=1, subsampled=subsampled, fraction=0.4)
    drawn = []
    for epoch in range(30):
        order.set_epoch(epoch)
        indices = [k for batch in order for k in batch]
        assert len(order) == len(list(order)) == -(-85 // 16)
        assert len(indices) == len(set(indices)) == 85
        assert set(np.flatnonzero(~subsampled)) <= set(indices)
        drawn.append({k for k in indices if subsampled[k]})
    assert set.union(*drawn) == set(np.flatnonzero(subsampled))
    assert len({frozenset(some) for some in drawn}) == 30


def test_a_fraction_of_0_leaves_them_out_and_of_1_changes_nothing():
    subsampled = np.arange(10) < 4
    order = BatchOrder(10, batch=4, shuffle_seed=1, subsampled=subsampled, fraction=0.0)
    assert sorted(k for batch in order for k in batch) == [4, 5, 6, 7, 8, 9]
    everything = BatchOrder(10, batch=4, shuffle_seed=1, subsampled=subsampled, fraction=1.0)
    assert list(everything) == list(BatchOrder(10, batch=4, shuffle_seed=1))


def test_subsampling_needs_a_seed():
    with pytest.raises(ValueError, match="expected a shuffle_seed"):
        BatchOrder(10, batch=4, subsampled=np.arange(10) < 4, fraction=0.5)
    assert len(BatchOrder(10, batch=4, subsampled=np.arange(10) < 4)) == 3  # a fraction of 1


def epochs(seed, numbers):
    order = BatchOrder(200, batch=32, shuffle_seed=seed)
    orders = []
    for epoch in numbers:
        order.set_epoch(epoch)
        orders.append(list(order))
    return orders


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    uninterrupted = epochs(4, range(5))
    torch.manual_seed(77)
    np.random.default_rng(77)
    assert epochs(4, [3, 4]) == uninterrupted[3:]
    assert epochs(4, [0, 0]) == [uninterrupted[0], uninterrupted[0]]
    others = [*uninterrupted, *epochs(5, range(5))]
    assert all(first != other for k, first in enumerate(others) for other in others[:k])


def test_without_a_seed_the_order_is_that_of_the_store():
    assert list(BatchOrder(5, batch=2)) == [[0, 1], [2, 3], [4]]


def test_the_order_follows_the_epoch(labelled, preprocessed):
    loader = loader_of(preprocessed, labelled, shuffle_seed=1)
    first = torch.cat([batch.targets for batch in loader])
    loader.sampler.set_epoch(1)
    second = torch.cat([batch.targets for batch in loader])
    assert not torch.equal(first, second)
    assert torch.equal(first.sum(0), second.sum(0))


@pytest.mark.filterwarnings("ignore")
def test_lightning_sets_the_epoch_of_the_order(labelled, preprocessed):
    from lightning.pytorch import LightningModule, Trainer

    class Recorder(LightningModule):
        targets = []

        def training_step(self, batch):
            self.targets.append(batch.targets.sum(0).tolist())

        def configure_optimizers(self):
            return None

    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
    loader = loader_of(preprocessed, labelled, shuffle_seed=1)
    module = Recorder()
    Trainer(max_epochs=3, accelerator="cpu", **quiet, enable_model_summary=False).fit(
        module, loader
    )
    expected = []
    for epoch in range(3):
        loader.sampler.set_epoch(epoch)
        expected += [batch.targets.sum(0).tolist() for batch in loader]
    assert module.targets == expected


def test_as_many_targets_as_records_are_expected(labelled, preprocessed):
    with pytest.raises(ValueError, match="records, but 3 targets"):
        PreprocessedRecords(preprocessed, labelled.targets[:3])


def test_the_fraction_is_rounded_to_records():
    order = BatchOrder(6, batch=1, shuffle_seed=0, subsampled=np.arange(6) < 3, fraction=0.5)
    assert len(order) == len(list(order)) == 3 + 2
