"""Training runs: reproducible, resumable, and the best epoch is chosen by a correct score."""

import copy
import math
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, roc_auc_score
from support.tiny import NORMAL, TINY, changed, run_network, tiny_network, tiny_store, write_store
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ecgcam.data.store import open_store
from ecgcam.errors import DatasetError, ModelError
from ecgcam.evaluation.leakage import digest_tables, training_data
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.nn.network import Network
from ecgcam.signals.leads import LEADS
from ecgcam.training.augment import Augment
from ecgcam.training.config import AdditivitySettings
from ecgcam.training.dataloader import BatchOrder
from ecgcam.training.lightning_module import TrainingModule, random_crop
from ecgcam.training.run_folder import CONFIG, INPUTS, LAST, METRICS, MODEL, read_config
from ecgcam.training.trainer import train
from ecgcam.training.validation import TrainingFailedError


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="module")
def paper_run(store, tmp_path_factory):
    """A run of four epochs by the paper's recipe with a small network."""
    out = tmp_path_factory.mktemp("run") / "run"
    train(store, out, changed(epochs=4))
    return out


def metrics(out):
    return pd.read_csv(out / METRICS)


def interrupt_after(epochs):
    def on_epoch(row):
        if row["epoch"] == epochs:
            raise Interrupted

    return on_epoch


def assert_same_run(one, other):
    assert (one / METRICS).read_text() == (other / METRICS).read_text()
    assert (one / MODEL).read_bytes() == (other / MODEL).read_bytes()


def test_the_same_seed_gives_the_same_model_to_the_last_bit(store, tmp_path, paper_run):
    train(store, tmp_path / "again", changed(epochs=4))
    assert_same_run(tmp_path / "again", paper_run)
    train(store, tmp_path / "other", changed(epochs=1, seed=1))
    assert metrics(tmp_path / "other")["train_loss"][0] != metrics(paper_run)["train_loss"][0]


CONSTANT_SCORE = {"learning_rate": 1e-6, "score": "accuracy"}
DROPOUT = {"backbone": "support.backbones:Dropping", "arguments": {}}


@pytest.mark.parametrize(
    ("settings", "after"),
    [
        ({"epochs": 3}, 1),
        ({"epochs": 7, **CONSTANT_SCORE}, 5),  # the fourth epoch without a rise is the saved one
        ({"epochs": 7, **CONSTANT_SCORE}, 6),
        ({"epochs": 4, "schedule": "onecycle", "weight_decay": 0.01}, 3),
        ({"epochs": 3, **DROPOUT}, 2),
        ({"epochs": 3, "dropout": 0.5}, 2),
        ({"epochs": 8, "patience": 3, **CONSTANT_SCORE}, 3),
        ({"epochs": 3, "average": 0.9, "min_records": 5}, 2),
    ],
)
def test_a_resumed_run_ends_with_the_same_result(store, tmp_path, settings, after):
    recipe = changed(**settings)
    train(store, tmp_path / "whole", recipe)
    interrupted = tmp_path / "interrupted"
    with pytest.raises(Interrupted):
        train(store, interrupted, recipe, on_epoch=interrupt_after(after))
    assert len(metrics(interrupted)) == after
    train(store, interrupted, resume=True)
    assert_same_run(interrupted, tmp_path / "whole")


def test_a_killed_run_is_resumed_to_the_same_result(store, tmp_path, paper_run):
    code = """
        import os, signal, sys
        from pathlib import Path
        from support.tiny import changed
        from ecgcam.data.store import open_store
        from ecgcam.training.trainer import train
        kill = lambda row: row["epoch"] == 3 and os.kill(os.getpid(), signal.SIGKILL)
        folder, out = map(Path, sys.argv[1:])
        train(open_store(folder), out, changed(epochs=4), on_epoch=kill)
    """
    command = [sys.executable, "-c", "\n".join(map(str.strip, code.splitlines()))]
    paths = os.pathsep.join(sys.path)
    out = tmp_path / "killed"
    done = subprocess.run(
        [*command, str(store.folder), str(out)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    train(store, out, resume=True)
    assert_same_run(out, paper_run)


def test_resuming_a_complete_run_changes_nothing(store, tmp_path):
    out = tmp_path / "run"
    train(store, out, TINY)
    before = (out / METRICS).read_text(), (out / MODEL).read_bytes()
    train(store, out, resume=True)
    assert ((out / METRICS).read_text(), (out / MODEL).read_bytes()) == before


def test_resuming_a_run_that_stopped_early_changes_nothing(store, tmp_path):
    out = tmp_path / "run"
    train(store, out, changed(epochs=9, patience=2, **CONSTANT_SCORE))
    assert len(metrics(out)) == 3  # one sets the score, two do not improve it
    before = (out / METRICS).read_text(), (out / MODEL).read_bytes()
    train(store, out, resume=True)
    assert ((out / METRICS).read_text(), (out / MODEL).read_bytes()) == before


@pytest.fixture(scope="module")
def bf16_run(store, tmp_path_factory):
    """A run in bf16, which every CPU can do, if slowly."""
    out = tmp_path_factory.mktemp("bf16") / "run"
    train(store, out, changed(precision="bf16"))
    return out


@pytest.mark.parametrize("run", ["paper_run", "bf16_run"])
def test_the_model_is_of_the_best_epoch_and_its_scores_are_those_of_inference(store, run, request):
    """Reference: evaluation mode without augmentation, scored by scikit-learn."""
    out = request.getfixturevalue(run)
    table = metrics(out)
    chosen = read_card(out / MODEL)["provenance"]["chosen"]
    assert chosen["epoch"] == table["val_auroc"].idxmax() + 1
    best = table.iloc[chosen["epoch"] - 1]
    assert best["val_auroc"] == chosen["value"] == table["val_auroc"].max()
    labelled = store.labelled(NORMAL, folds=[9])
    network, _ = load_network(out / MODEL)
    logits, *_ = run_network(network, store.signals_mv(labelled.indices))
    assert roc_auc_score(labelled.targets, logits) == pytest.approx(best["val_auroc"])
    loss = binary_cross_entropy_with_logits(*map(torch.tensor, (logits, labelled.targets)))
    assert loss.item() == pytest.approx(best["val_loss"], rel=1e-5)


def test_validation_does_not_update_batch_norms(store, paper_run):
    steps = -(-len(store.labelled(NORMAL, folds=range(1, 9)).indices) // TINY.optimizer.batch)
    epochs = read_card(paper_run / MODEL)["provenance"]["chosen"]["epoch"]
    updates = load_file(paper_run / MODEL)["backbone.last.norm.num_batches_tracked"]
    assert updates.item() == epochs * steps


def test_training_learns_the_task(store, tmp_path):
    out = tmp_path / "run"
    recipe = changed(epochs=8, learning_rate=2e-2, schedule="onecycle")
    train(store, out, recipe)
    assert metrics(out)["val_auroc"].max() > 0.9
    assert metrics(out)["train_loss"].iloc[-1] < metrics(out)["train_loss"].iloc[0]


def plateau_by_hand(scores, rate):
    """Halve the rate after more than three epochs in a row without a better score."""
    best, idle = -np.inf, 0
    for score in scores:
        yield rate
        best, idle = (score, 0) if score > best * (1 + 1e-4) else (best, idle + 1)
        if idle > 3:
            rate, idle = rate / 2, 0


@pytest.mark.parametrize("settings", [{"learning_rate": 5e-3}, CONSTANT_SCORE])
def test_the_learning_rate_falls_only_when_the_score_no_longer_rises(store, tmp_path, settings):
    out = tmp_path / "run"
    recipe = changed(**{"score": "auroc", "epochs": 11, **settings})
    train(store, out, recipe)
    table = metrics(out)
    expected = plateau_by_hand(table[f"val_{recipe.score}"], recipe.optimizer.learning_rate)
    np.testing.assert_allclose(table["learning_rate"], list(expected))


def test_a_rising_score_keeps_the_learning_rate(store, monkeypatch, tmp_path):
    scores = iter(np.linspace(0.5, 0.9, 9))
    monkeypatch.setattr(
        "ecgcam.training.lightning_module.validation_score", lambda *_: next(scores)
    )
    train(store, tmp_path / "run", changed(epochs=8))
    assert set(metrics(tmp_path / "run")["learning_rate"]) == {5e-3}
    assert read_card(tmp_path / "run" / MODEL)["provenance"]["chosen"]["epoch"] == 8


def test_one_cycle_rises_and_falls_to_zero(store, tmp_path):
    """Reference: torch's schedule of 6 epochs of 3 steps, read after every third step."""
    train(store, tmp_path / "run", changed(epochs=6, schedule="onecycle"))
    optimizer = torch.optim.Adam([torch.zeros(1)], 5e-3)
    cycle, wanted = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, 18), []
    for _ in range(18):
        optimizer.step()
        cycle.step()
        wanted += cycle.get_last_lr()
    np.testing.assert_allclose(metrics(tmp_path / "run")["learning_rate"], wanted[2::3])
    assert wanted[-2] < 1e-5 * max(wanted)


def test_a_constant_learning_rate_stays(store, tmp_path):
    train(store, tmp_path / "run", changed(epochs=7, schedule="constant", **CONSTANT_SCORE))
    assert set(metrics(tmp_path / "run")["learning_rate"]) == {1e-6}


@pytest.mark.parametrize(("decay", "kind"), [(0.0, "Adam"), (0.03, "AdamW")])
def test_weight_decay_selects_adamw(decay, kind):
    recipe = changed(weight_decay=decay, schedule="constant")
    training = TrainingModule(tiny_network(), recipe, exclusive=False)
    optimizer = training.configure_optimizers()
    (group,) = optimizer.param_groups
    assert (type(optimizer).__name__, group["weight_decay"], group["lr"]) == (kind, decay, 5e-3)
    assert len(group["params"]) == len(list(training.network.parameters()))


def test_each_step_of_each_epoch_has_its_own_seeds(store, tmp_path, monkeypatch):
    """One for the signals, one for dropout."""
    seeds = []
    make_generator = TrainingModule._generator

    def record(training, *draw):
        generator = make_generator(training, *draw)
        seeds.append(generator.initial_seed())
        return generator

    monkeypatch.setattr(TrainingModule, "_generator", record)
    train(store, tmp_path / "run", changed(epochs=3))
    steps = -(
        -len(store.labelled(NORMAL, folds=TINY.data.train_folds).indices) // TINY.optimizer.batch
    )
    assert len(set(seeds)) == len(seeds) == 3 * steps * 2


def test_the_running_average_is_that_of_the_weights_after_each_step(store, tmp_path, monkeypatch):
    """The first step is taken whole; the n-th keeps the smaller of `average` and n / (9 + n).

    The norms' means and variances are averaged alike; their counts are those of the last step.
    """
    states = []
    ended = TrainingModule.on_train_batch_end

    def record(training, *rest):
        states.append(copy.deepcopy(training.network.state_dict()))
        ended(training, *rest)

    monkeypatch.setattr(TrainingModule, "on_train_batch_end", record)
    train(store, tmp_path / "run", changed(epochs=2, average=0.2, score="accuracy"))
    chosen = read_card(tmp_path / "run" / MODEL)["provenance"]["chosen"]["epoch"]
    average, *others = states[: chosen * len(states) // 2]
    for step, state in enumerate(others, start=1):
        decay = min(0.2, (1 + step) / (10 + step))
        for name, tensor in state.items():
            old = average[name] if tensor.is_floating_point() else tensor
            average[name] = (decay * old + (1 - decay) * tensor).to(tensor.dtype)
    torch.testing.assert_close(load_file(tmp_path / "run" / MODEL), dict(average))


def test_auxiliary_labels_add_a_loss_but_no_weights_to_the_model(store, tmp_path, paper_run):
    train(store, tmp_path / "run", changed(epochs=1, min_records=5))
    shapes = {name: tensor.shape for name, tensor in load_file(tmp_path / "run" / MODEL).items()}
    assert shapes == {name: tensor.shape for name, tensor in load_file(paper_run / MODEL).items()}
    alone = metrics(paper_run)["train_loss"][0]
    assert (
        metrics(tmp_path / "run")["train_loss"][0] > alone + 0.3
    )  # each auxiliary loss begins near ln 2


def test_bf16_training_saves_a_float32_model(bf16_run, paper_run):
    weights = load_file(bf16_run / MODEL).values()
    assert {tensor.dtype for tensor in weights} == {torch.float32, torch.int64}
    assert metrics(bf16_run)["train_loss"][0] != metrics(paper_run)["train_loss"][0]


def test_training_on_some_leads_equals_training_on_a_store_of_these_leads(store, tmp_path):
    recipe = changed(epochs=1)
    some = train(store, tmp_path / "some", changed(recipe, leads=("I", "V5")))
    places = [LEADS.index(lead) for lead in ("I", "V5")]
    signals_uv = store.signals_uv(store.indices())[:, places]
    narrow = write_store(
        tmp_path / "narrow",
        signals_uv,
        store.records["labels"].tolist(),
        folds=store.records["fold"].to_numpy(),
        leads=("I", "V5"),
    )
    train(narrow, tmp_path / "all", recipe)
    assert read_card(some)["leads"] == ["I", "V5"]
    assert load_file(some).keys() == load_file(tmp_path / "all" / MODEL).keys()
    for name, tensor in load_file(some).items():
        assert torch.equal(tensor, load_file(tmp_path / "all" / MODEL)[name])


def test_leads_missing_in_the_store_are_refused(tmp_path):
    short = tiny_store(tmp_path / "store", leads=("V5", "I"))
    with pytest.raises(DatasetError, match="leads II are missing; found V5, I"):
        train(short, tmp_path / "run", changed(leads=("I", "II")))


def test_preprocessed_files_are_removed_even_after_an_interruption(store, tmp_path):
    files = []

    def on_epoch(row):
        files.extend((tmp_path / "run" / "preprocessed").iterdir())
        raise Interrupted

    with pytest.raises(Interrupted):
        train(store, tmp_path / "run", TINY, on_epoch=on_epoch)
    assert {path.name for path in files} == {"train.npy", "validation.npy"}
    assert not (tmp_path / "run" / "preprocessed").exists()


def test_augmentation_changes_the_training_loss(store, tmp_path, paper_run):
    train(store, tmp_path / "plain", changed(epochs=1, augmentation="none"))
    assert metrics(tmp_path / "plain")["train_loss"][0] != metrics(paper_run)["train_loss"][0]


@pytest.mark.parametrize("task", ["superclass", "normal"])
def test_the_card_records_data_recipe_versions_and_chosen_epoch(store, tmp_path, task):
    recipe = changed(epochs=1, task=task, seed=5, train_folds=(1, 2, 3))
    card = read_card(train(store, tmp_path / "run", recipe))
    provenance = card["provenance"]
    assert card["task"]["name"] == task
    assert provenance["data"] == training_data(store)
    assert card["fold_digests"] == digest_tables(store)
    assert provenance["recipe"]["data"]["train_folds"] == [1, 2, 3]
    assert provenance["recipe"]["data"]["validation_folds"] == [9]
    assert provenance["recipe"]["seed"] == 5
    assert provenance["versions"]["torch"] == torch.__version__
    assert provenance["chosen"] == {
        "epoch": 1, "score": "val_auroc", "value": metrics(tmp_path / "run")["val_auroc"][0]
    }  # fmt: skip


def test_the_card_has_the_titles_of_the_classes(tmp_path):
    store = tiny_store(tmp_path / "store")
    store.about["titles"] = {"rhythm:SR": "Sinus rhythm", "rhythm:AFIB": "Atrial fibrillation"}
    card = read_card(train(store, tmp_path / "run", changed(epochs=1, task="rhythm")))
    assert card["class_titles"] == {"SR": "Sinus rhythm", "AFIB": "Atrial fibrillation"}


def test_exclusive_classes_are_trained_with_softmax(store, tmp_path):
    (tmp_path / "rhythm.toml").write_text(
        'exclusive = true\n[classes]\nsinus = "rhythm:SR"\nfibrillation = "rhythm:AFIB"\n'
    )
    recipe = changed(task=str(tmp_path / "rhythm.toml"), score="accuracy")
    path = train(store, tmp_path / "run", recipe)
    network, card = load_network(path)
    assert card["task"]["exclusive"]
    labelled = store.labelled(NORMAL, folds=[9])
    logits = torch.tensor(run_network(network, store.signals_mv(labelled.indices))[0])
    predicted = logits.softmax(-1)[:, 1] >= 0.5
    best = metrics(tmp_path / "run").iloc[card["provenance"]["chosen"]["epoch"] - 1]
    assert accuracy_score(labelled.targets[:, 0], predicted) == pytest.approx(best["val_accuracy"])
    loss = cross_entropy(logits, torch.tensor(labelled.targets[:, 0]).long())
    assert best["val_loss"] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("exclusive", "expected"),
    [
        (True, math.log(4)),  # softmax of the first class: 1 / (1 + 3)
        (False, (math.log(2) + math.log(4)) / 2),  # sigmoids: 1/2, and 1 - 3/4
    ],
)
def test_the_loss_by_hand(exclusive, expected):
    training = TrainingModule(tiny_network(classes=2), TINY, exclusive=exclusive)
    loss = training.loss(torch.tensor([[0.0, math.log(3)]]), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(expected)


def test_unlabelled_records_are_treated_as_configured(store, tmp_path):
    card = read_card(train(store, tmp_path / "run", changed(epochs=1, unlabelled="drop")))
    assert card["task"]["unlabelled"] == "drop"


def test_the_network_has_the_leads_rate_and_length_of_the_store(tmp_path):
    short = tiny_store(tmp_path / "store", leads=("V5", "I"), samples=300, rate_hz=50.0)
    recipe = changed(epochs=1, augmentation="none")  # the paper's mains hum needs 100 Hz
    card = read_card(train(short, tmp_path / "run", recipe))
    assert (card["leads"], card["rate_hz"], card["duration_s"]) == (["V5", "I"], 50, 6)


def test_the_training_loss_is_the_mean_over_the_records(store, tmp_path):
    """The last batch has three records; at a tiny learning rate the weights do not change."""
    to_train = store.labelled(NORMAL, folds=TINY.data.train_folds)
    still = changed(
        TINY, epochs=1, augmentation="none", learning_rate=1e-12, batch=len(to_train.indices) - 3
    )
    network, _ = load_network(train(store, tmp_path / "run", still))
    prepared = network.preprocess(torch.from_numpy(store.signals_mv(to_train.indices)))
    total = 0.0
    for indices in BatchOrder(len(prepared), batch=still.optimizer.batch, shuffle_seed=still.seed):
        targets = torch.from_numpy(to_train.targets[indices])
        with torch.no_grad():
            logits = network.train().logits(prepared[indices])
        total += float(binary_cross_entropy_with_logits(logits, targets, reduction="sum"))
    loss = metrics(tmp_path / "run")["train_loss"][0]
    assert loss == pytest.approx(total / len(prepared), abs=1e-4)


def test_on_epoch_gets_each_row_of_the_metrics(store, tmp_path):
    rows = []
    train(store, tmp_path / "run", TINY, on_epoch=rows.append)
    table = metrics(tmp_path / "run")
    assert [row["epoch"] for row in rows] == table["epoch"].tolist() == [1, 2]
    assert rows[-1]["best_epoch"] == table["val_auroc"].idxmax() + 1
    pd.testing.assert_frame_equal(pd.DataFrame(rows).drop(columns="best_epoch"), table)


def test_a_run_folder_holds_the_documented_files(paper_run):
    documented = {
        "model.safetensors", "metrics.csv", "curve.png", "config.toml", "inputs.json", "last.ckpt",
        "tensorboard",
    }  # fmt: skip
    assert {path.name for path in paper_run.iterdir()} == documented


def test_the_global_generators_are_restored(store, tmp_path):
    before = torch.random.get_rng_state(), random.getstate()
    train(store, tmp_path / "run", changed(epochs=1))
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert random.getstate() == before[1]


@pytest.mark.parametrize(
    ("wrong", "error", "reason"),
    [
        ({"task": "sleep"}, DatasetError, "there is no task 'sleep'"),
        ({"task": "form"}, DatasetError, "needs labels of the kind 'form'"),
        (
            {"task": "superclass", "unlabelled": "positive"},
            DatasetError,
            "only for a task of one class",
        ),
        ({"backbone": "alexnet"}, ModelError, "there is no backbone 'alexnet'"),
        ({"arguments": {"kernel": 4}}, ModelError, "kernel must be odd"),
        ({"augmentation": [{"one_of": [{"transform": "X"}]}]}, DatasetError, "no transform 'X'"),
        ({"augmentation": [{"odds": 1}]}, DatasetError, "unknown key odds in an augmentation step"),
        ({"train_folds": (77,)}, DatasetError, "folds 77 hold no record"),
        ({"validation_folds": (77,)}, DatasetError, "folds 77 hold no record"),
        ({"detrend_order": 500}, DatasetError, "needs more than 500"),
    ],
)
def test_an_unusable_setting_is_refused_before_anything_is_written(
    store, tmp_path, wrong, error, reason
):
    with pytest.raises(error, match=reason):
        train(store, tmp_path / "run", changed(**wrong))
    assert not (tmp_path / "run").exists()


def test_validation_folds_of_one_class_cannot_choose_an_epoch(tmp_path):
    labels = [["superclass:NORM" if k < 20 or k % 2 else "superclass:MI"] for k in range(40)]
    signals = np.random.default_rng(0).integers(-500, 500, (40, 12, 500))
    folds = [9] * 20 + [1] * 20
    store = write_store(tmp_path / "store", signals, labels, folds=folds)
    with pytest.raises(DatasetError, match="'auroc' is not defined on the validation folds 9"):
        train(store, tmp_path / "run", TINY)
    assert not (tmp_path / "run").exists()


def test_diverging_training_is_reported(store, tmp_path):
    recipe = changed(learning_rate=1e30, augmentation="none", epochs=3)
    with pytest.raises(TrainingFailedError, match="diverged in epoch .* lower learning rate"):
        train(store, tmp_path / "run", recipe)


@pytest.fixture(scope="module")
def unlearnable(tmp_path_factory):
    """Noise with random labels: 200 records in each of two folds."""
    rng = np.random.default_rng(5)
    labels = [[f"superclass:{name}"] for name in rng.choice(["NORM", "MI"], 400)]
    signals = rng.integers(-500, 500, (400, 12, 500))
    folder = tmp_path_factory.mktemp("noise") / "store"
    return write_store(folder, signals, labels, folds=[1, 9] * 200)


@pytest.mark.parametrize(("epochs", "expected"), [(5, 3), (2, 2)])
def test_a_run_no_better_than_chance_fails_without_a_model(unlearnable, tmp_path, epochs, expected):
    rows = []
    recipe = changed(epochs=epochs, train_folds=(1,))
    with pytest.raises(TrainingFailedError, match=f"by epoch {expected} no class is predicted"):
        train(unlearnable, tmp_path / "run", recipe, on_epoch=rows.append)
    assert [row["best_epoch"] for row in rows] == [0] * expected
    assert not (tmp_path / "run" / MODEL).exists()
    with pytest.raises(TrainingFailedError, match=f"by epoch {expected} no class"):
        train(unlearnable, tmp_path / "run", resume=True)


def test_an_epoch_no_better_than_chance_is_not_the_best(unlearnable, tmp_path, monkeypatch):
    """Even if its score is the highest, as accuracy can be."""
    scores, chance = iter([0.9, 0.8, 0.6, 0.7]), iter([True, True, False])
    module = "ecgcam.training.lightning_module"
    monkeypatch.setattr(f"{module}.validation_score", lambda *_: next(scores))
    monkeypatch.setattr(f"{module}.is_chance", lambda *_: next(chance))
    rows = []
    recipe = changed(epochs=4, train_folds=(1,), score="accuracy")
    model = train(unlearnable, tmp_path / "run", recipe, on_epoch=rows.append)
    assert [row["best_epoch"] for row in rows] == [0, 0, 3, 4]
    assert read_card(model)["provenance"]["chosen"]["epoch"] == 4


@pytest.mark.parametrize(("weight", "expected"), [(0.3, [1, 2, 3, 4]), (0.0, [1, 1, 1, 1])])
def test_where_additivity_starts_late_the_last_epoch_is_kept(
    unlearnable, tmp_path, monkeypatch, weight, expected
):
    scores = iter([0.9, 0.8, 0.6, 0.7])
    module = "ecgcam.training.lightning_module"
    monkeypatch.setattr(f"{module}.validation_score", lambda *_: next(scores))
    monkeypatch.setattr(f"{module}.is_chance", lambda *_: False)
    rows = []
    late = AdditivitySettings(weight=weight, first_epoch=3)
    recipe = replace(changed(epochs=4, train_folds=(1,)), additivity=late)
    model = train(unlearnable, tmp_path / "run", recipe, on_epoch=rows.append)
    assert [row["best_epoch"] for row in rows] == expected
    assert read_card(model)["provenance"]["chosen"]["epoch"] == expected[-1]


def test_a_folder_that_is_not_empty_is_not_touched(store, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="the folder is not empty; --resume"):
        train(store, tmp_path, TINY)
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_resuming_needs_a_run(store, tmp_path):
    with pytest.raises(DatasetError, match="there is no run to resume; config.toml is missing"):
        train(store, tmp_path / "none", resume=True)


@pytest.mark.parametrize("text", ["{", "x = 3", "[optimizer]\nepochs = 0"])
def test_resuming_needs_valid_settings(store, tmp_path, text):
    (tmp_path / CONFIG).write_text(text)
    with pytest.raises(DatasetError, match=r"config\.toml"):
        train(store, tmp_path, resume=True)


@pytest.mark.parametrize("text", [None, "", "{", "7"])
def test_resuming_needs_valid_inputs(store, tmp_path, text):
    train(store, tmp_path / "run", changed(epochs=1))
    (tmp_path / "run" / INPUTS).unlink()
    if text is not None:
        (tmp_path / "run" / INPUTS).write_text(text)
    with pytest.raises(DatasetError, match=r"inputs\.json: cannot be read"):
        train(store, tmp_path / "run", resume=True)


def test_a_run_is_not_resumed_on_other_data(store, tmp_path):
    recipe = changed(epochs=1)
    train(store, tmp_path / "run", recipe)
    other = tiny_store(tmp_path / "other", seed=99)
    with pytest.raises(DatasetError, match="started on other data"):
        train(other, tmp_path / "run", resume=True)


def test_a_run_is_not_resumed_with_a_changed_task_file(store, tmp_path):
    file = tmp_path / "task.toml"
    file.write_text('[classes]\nSICK = ["superclass:MI"]')
    train(store, tmp_path / "run", changed(epochs=1, score="accuracy", task=str(file)))
    train(store, tmp_path / "run", resume=True)
    file.write_text('[classes]\nSICK = ["superclass:MI", "superclass:CD"]')
    with pytest.raises(DatasetError, match="the task changed since the run was started"):
        train(store, tmp_path / "run", resume=True)


def test_the_run_keeps_its_resolved_settings(store, tmp_path):
    steps = [{"probability": 0.5, "one_of": [{"transform": "TimeShift", "up_to": 0.1}]}]
    recipe = changed(epochs=1, augmentation=steps, precision="auto", crop_s=2.0)
    path = train(store, tmp_path / "run", recipe)
    kept = read_config(tmp_path / "run")
    assert kept == changed(recipe, precision=kept.optimizer.precision)
    assert kept.optimizer.precision in ("float32", "bf16")
    card_recipe = read_card(path)["provenance"]["recipe"]
    assert card_recipe["augmentation"] == steps
    assert card_recipe["data"]["crop_s"] == 2.0


def test_a_moved_run_is_resumed(store, tmp_path):
    with pytest.raises(Interrupted):
        train(store, tmp_path / "run", TINY, on_epoch=interrupt_after(2))
    (tmp_path / "run").rename(tmp_path / "moved")
    train(open_store(store.folder), tmp_path / "moved", resume=True)
    assert len(metrics(tmp_path / "moved")) == 2
    assert not (tmp_path / "run").exists()


def test_a_crop_is_a_part_of_its_record_with_every_start_drawn():
    signal = torch.arange(8.0).expand(400, 3, 8) + 100 * torch.arange(400.0)[:, None, None]
    crop = random_crop(signal, samples=5, generator=torch.Generator().manual_seed(1))
    assert crop.shape == (400, 3, 5)
    starts = crop[:, :1, :1] - signal[:, :1, :1]
    assert (crop == signal[..., :5] + starts).all()
    assert set(starts.flatten().tolist()) == {0, 1, 2, 3}
    whole = random_crop(signal, samples=8, generator=torch.Generator())
    assert (whole == signal).all()


def test_each_record_is_cropped_anew_in_each_epoch(store, tmp_path, monkeypatch):
    inputs = []
    features = Network.mean_features

    def record(network, signal):
        inputs.append(signal[:, 0].clone())  # lead I
        return features(network, signal)

    monkeypatch.setattr(Network, "mean_features", record)
    recipe = changed(epochs=2, crop_s=2.0, augmentation="none", batch=1000)
    network, _ = load_network(train(store, tmp_path / "run", recipe))
    signal_mv = torch.from_numpy(
        store.signals_mv(store.labelled(NORMAL, folds=TINY.data.train_folds).indices)
    )
    whole = network.preprocess(signal_mv)[:, 0].half().float()  # as stored for training
    windows = whole.unfold(1, 200, 1)[:, :, :9]  # (records, starts, 9): 9 samples identify each
    first, second = (
        {
            record: start
            for crop in crops
            for record, start in (windows == crop[:9]).all(-1).nonzero().tolist()
        }
        for crops in inputs[::2]  # every other one is of the validation
    )
    assert set(first) == set(second) == set(range(len(whole)))
    assert sum(first[record] != second[record] for record in first) > 0.9 * len(whole)
    assert len(set(first.values())) > 0.5 * len(whole)


def test_a_run_trains_on_crops_and_validates_whole_records(store, tmp_path, paper_run):
    path = train(store, tmp_path / "cropped", changed(epochs=1, crop_s=2.0))
    card = read_card(path)
    assert card["provenance"]["recipe"]["data"]["crop_s"] == 2.0
    assert card["duration_s"] == 5.0
    assert metrics(path.parent)["train_loss"][0] != metrics(paper_run)["train_loss"][0]


def test_a_crop_longer_than_the_records_is_refused(store, tmp_path):
    with pytest.raises(DatasetError, match="crop_s is 6; expected at most 5"):
        train(store, tmp_path / "run", changed(crop_s=6.0))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("backbone", ["signalcnn", "resnet", "inception", "depthwise"])
def test_a_crop_too_short_for_the_network_is_refused(store, tmp_path, backbone):
    recipe = changed(backbone=backbone, arguments={}, crop_s=0.01, epochs=1)
    if backbone == "signalcnn":
        with pytest.raises(DatasetError, match=r"crop_s is 0\.01, which the network"):
            train(store, tmp_path / "run", recipe)
        assert not (tmp_path / "run").exists()
    train(store, tmp_path / "long", changed(recipe, crop_s=0.5))


def test_ctrl_c_raises_keyboard_interrupt_and_keeps_its_handler(store, tmp_path):
    def press(row):
        signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(store, tmp_path / "run", TINY, on_epoch=press)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    train(store, tmp_path / "run", resume=True)
    assert metrics(tmp_path / "run")["epoch"].tolist() == [1, 2]


def test_the_networks_own_error_about_a_crop_is_shown(store, tmp_path):
    recipe = changed(backbone="support.backbones:Whole", arguments={}, epochs=1)
    with pytest.raises(DatasetError, match="cannot be multiplied") as refused:
        train(store, tmp_path / "run", changed(recipe, crop_s=2.0))
    assert isinstance(refused.value.__cause__.__cause__, RuntimeError)
    assert not (tmp_path / "run").exists()
    train(store, tmp_path / "whole", recipe)


def test_unvalidated_records_may_be_left_out(tmp_path):
    store = tiny_store(tmp_path / "store")
    validated = np.arange(len(store.records)) % 4 < 2
    store.records["validated"] = validated
    recipe = changed(epochs=1, unvalidated_fraction=0.0)
    train(store, tmp_path / "half", recipe)
    steps = torch.load(tmp_path / "half" / LAST, weights_only=True)["global_step"]
    assert steps == -(-int((validated & (store.records["fold"] < 9)).sum()) // 32)


def test_a_run_is_not_resumed_with_other_validated_records(tmp_path):
    store = tiny_store(tmp_path / "store", validated=True)
    store.records.loc[:9, "validated"] = False
    train(store, tmp_path / "run", changed(epochs=1, unvalidated_fraction=0.5))
    train(store, tmp_path / "run", resume=True)
    store.records.loc[:19, "validated"] = False
    with pytest.raises(DatasetError, match="started on other data"):
        train(store, tmp_path / "run", resume=True)


def test_leaving_out_every_record_is_refused(tmp_path):
    store = tiny_store(tmp_path / "store", validated=False)
    with pytest.raises(DatasetError, match="validated any of the .* training records"):
        train(store, tmp_path / "run", changed(unvalidated_fraction=0.0))
    assert not (tmp_path / "run").exists()
    train(store, tmp_path / "run", changed(epochs=1, unvalidated_fraction=0.5))


def test_leaving_out_unvalidated_records_needs_a_store_that_names_them(store, tmp_path):
    with pytest.raises(DatasetError, match="does not say which records were validated"):
        train(store, tmp_path / "run", changed(unvalidated_fraction=0.3))


def test_each_batch_of_each_epoch_is_augmented_with_its_own_seed(tmp_path, monkeypatch):
    seeds, apply_ = [], Augment.apply_

    def record(augment, signal, *, generator):
        if augment.steps:  # TINY has no disturbances
            seeds.append(generator.initial_seed())
        return apply_(augment, signal, generator=generator)

    monkeypatch.setattr(Augment, "apply_", record)
    train(tiny_store(tmp_path / "store"), tmp_path / "run", TINY)
    assert len(set(seeds)) == len(seeds) == 2 * 3  # two epochs of three batches


def test_records_of_unknown_validation_are_used(tmp_path):
    store = tiny_store(tmp_path / "store")
    store.records["validated"] = pd.array([None] * len(store.records), "boolean")
    path = train(store, tmp_path / "run", changed(epochs=1, unvalidated_fraction=0.0))
    assert torch.load(path.with_name(LAST), weights_only=True)["global_step"] == 3
