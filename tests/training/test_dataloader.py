"""Batches: each record preprocessed, in an order that the seed and the epoch alone determine."""

import numpy as np
import pytest
import torch
from support.tiny import tiny_network, write_store

from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.tasks import find_task
from ecgcam.training.dataloader import BatchOrder, PreprocessedBatches, batches, preprocess_once


@pytest.fixture(scope="module")
def labelled(synthetic_store):
    task = find_task("superclass", synthetic_store.vocabulary)
    return synthetic_store.labelled(task, folds=range(1, 9))


@pytest.fixture(scope="module")
def preprocessed(synthetic_store, labelled, tmp_path_factory):
    path = tmp_path_factory.mktemp("preprocessed") / "signals.npy"
    return preprocess_once(tiny_network(duration_s=10), synthetic_store, labelled.indices, path)


def loader_of(preprocessed, labelled, **options):
    return batches(preprocessed, labelled.targets, batch=16, **options)


def test_batches_are_the_preprocessed_records_with_their_targets(
    synthetic_store, labelled, preprocessed
):
    signals, targets, places = zip(*loader_of(preprocessed, labelled), strict=True)
    n = len(labelled.indices)
    assert [len(part) for part in signals] == [16] * (n // 16) + [n % 16]
    assert signals[0].shape == (16, 12, 1000)
    signal_mv = torch.from_numpy(synthetic_store.signals_mv(labelled.indices))
    wanted = tiny_network(duration_s=10).preprocess(signal_mv)
    torch.testing.assert_close(torch.cat(signals), wanted)
    np.testing.assert_array_equal(torch.cat(targets).numpy(), labelled.targets)
    assert torch.cat(places).tolist() == list(range(n))


def test_in_half_precision_a_signal_within_1_is_rounded_by_less_than_it_was_recorded_to(
    synthetic_store, labelled, preprocessed, tmp_path
):
    network = tiny_network(duration_s=10)
    path = tmp_path / "half.npy"
    half = preprocess_once(network, synthetic_store, labelled.indices, path, dtype=np.float16)
    everything = range(len(half))
    difference = np.abs(half[everything] - preprocessed[everything]).max()
    assert 0 < difference < 0.0005


def test_what_half_precision_cannot_hold_becomes_its_largest(tmp_path):
    signal_uv = np.full((1, 12, 500), 30000, np.int16)
    store = write_store(tmp_path / "store", signal_uv, [["superclass:NORM"]], folds=[1])
    network = tiny_network(preprocess=PreprocessConfig(detrend_order=None, scale="none"))
    network.preprocess.scale = lambda signal_mv: signal_mv * 1e5
    half = preprocess_once(network, store, np.arange(1), tmp_path / "half.npy", dtype=np.float16)
    assert set(half[[0]].flatten()) == {65504}


def test_the_networks_leads_are_taken_by_name(synthetic_store, labelled, tmp_path):
    network = tiny_network(duration_s=10, leads=("V5", "I"))
    some = preprocess_once(network, synthetic_store, labelled.indices[:9], tmp_path / "some.npy")
    signal_mv = synthetic_store.signals_mv(labelled.indices[:9])[:, [10, 0]]
    torch.testing.assert_close(
        torch.from_numpy(some[range(9)]), network.preprocess(torch.from_numpy(signal_mv))
    )


def test_shuffled_each_signal_keeps_its_target(labelled, preprocessed):
    loader = loader_of(preprocessed, labelled, shuffle_seed=3)
    order = [
        place
        for batch in BatchOrder(len(labelled.indices), batch=16, shuffle_seed=3)
        for place in batch
    ]
    signals, targets, places = (torch.cat(parts).numpy() for parts in zip(*loader, strict=True))
    assert order != sorted(order)
    np.testing.assert_array_equal(signals, preprocessed[order])
    np.testing.assert_array_equal(targets, labelled.targets[order])
    assert places.tolist() == order


@pytest.mark.parametrize(("records", "batch"), [(100, 16), (96, 16), (5, 16), (16, 16), (7, 1)])
@pytest.mark.parametrize("shuffle_seed", [None, 0, 9])
def test_every_record_comes_once_an_epoch(records, batch, shuffle_seed):
    order = BatchOrder(records, batch=batch, shuffle_seed=shuffle_seed)
    for epoch in range(3):
        order.set_epoch(epoch)
        parts = list(order)
        assert len(parts) == len(order) == -(-records // batch)
        assert all(len(part) == batch for part in parts[:-1])
        assert sorted(place for part in parts for place in part) == list(range(records))


def test_of_those_that_come_seldom_a_share_comes_and_other_ones_each_time():
    seldom = np.arange(100) % 4 == 0  # 25 of 100
    order = BatchOrder(100, batch=16, shuffle_seed=1, seldom=seldom, share=0.4)
    seen = []
    for epoch in range(30):
        order.set_epoch(epoch)
        places = [place for batch in order for place in batch]
        assert len(order) == len(list(order)) == -(-85 // 16)
        assert len(places) == len(set(places)) == 85
        assert set(np.flatnonzero(~seldom)) <= set(places)
        seen.append({place for place in places if seldom[place]})
    assert set.union(*seen) == set(np.flatnonzero(seldom))
    assert len({frozenset(some) for some in seen}) == 30


def test_a_share_of_none_leaves_them_out_and_one_of_all_changes_nothing():
    seldom = np.arange(10) < 4
    order = BatchOrder(10, batch=4, shuffle_seed=1, seldom=seldom, share=0.0)
    assert sorted(place for batch in order for place in batch) == [4, 5, 6, 7, 8, 9]
    everything = BatchOrder(10, batch=4, shuffle_seed=1, seldom=seldom, share=1.0)
    assert list(everything) == list(BatchOrder(10, batch=4, shuffle_seed=1))


def test_what_comes_seldom_needs_a_seed():
    with pytest.raises(ValueError, match="needed: a shuffle_seed"):
        BatchOrder(10, batch=4, seldom=np.arange(10) < 4, share=0.5)
    assert len(BatchOrder(10, batch=4, seldom=np.arange(10) < 4)) == 3  # a share of 1


def epochs(seed, wanted):
    order = BatchOrder(200, batch=32, shuffle_seed=seed)
    found = []
    for epoch in wanted:
        order.set_epoch(epoch)
        found.append(list(order))
    return found


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    unbroken = epochs(4, range(5))
    torch.manual_seed(77)
    np.random.default_rng(77)
    assert epochs(4, [3, 4]) == unbroken[3:]
    assert epochs(4, [0, 0]) == [unbroken[0], unbroken[0]]
    others = [*unbroken, *epochs(5, range(5))]
    assert all(one != two for k, one in enumerate(others) for two in others[:k])


def test_without_a_seed_the_order_is_that_of_the_store():
    assert list(BatchOrder(5, batch=2)) == [[0, 1], [2, 3], [4]]


def test_the_loader_takes_the_epoch(labelled, preprocessed):
    loader = loader_of(preprocessed, labelled, shuffle_seed=1)
    first = torch.cat([batch.targets for batch in loader])
    loader.sampler.set_epoch(1)
    second = torch.cat([batch.targets for batch in loader])
    assert not torch.equal(first, second)
    assert torch.equal(first.sum(0), second.sum(0))


@pytest.mark.filterwarnings("ignore")
def test_lightning_tells_the_order_its_epoch(labelled, preprocessed):
    from lightning.pytorch import LightningModule, Trainer

    class Looks(LightningModule):
        seen = []

        def training_step(self, batch):
            self.seen.append(batch.targets.sum(0).tolist())

        def configure_optimizers(self):
            return None

    silent = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
    loader = loader_of(preprocessed, labelled, shuffle_seed=1)
    module = Looks()
    Trainer(max_epochs=3, accelerator="cpu", **silent, enable_model_summary=False).fit(
        module, loader
    )
    expected = []
    for epoch in range(3):
        loader.sampler.set_epoch(epoch)
        expected += [batch.targets.sum(0).tolist() for batch in loader]
    assert module.seen == expected


def test_records_and_targets_that_differ_in_number_are_the_callers_fault(labelled, preprocessed):
    with pytest.raises(ValueError, match="records, but 3 targets"):
        PreprocessedBatches(preprocessed, labelled.targets[:3])


def test_a_share_of_the_seldom_is_rounded_to_records():
    order = BatchOrder(6, batch=1, shuffle_seed=0, seldom=np.arange(6) < 3, share=0.5)
    assert len(order) == len(list(order)) == 3 + 2
