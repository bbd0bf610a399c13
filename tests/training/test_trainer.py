"""Training: the same seed the same model, broken off or not; the best epoch by an honest score."""

import copy
import json
import math
import os
import random
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, roc_auc_score
from support.tiny import NORMAL, TINY, run_network, tiny_network, tiny_store, write_store
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ecgcam.data.store import open_store
from ecgcam.errors import DatasetError, ModelError
from ecgcam.evaluation.leakage import digest_tables, training_data
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.nn.network import Network
from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.signals.leads import LEADS
from ecgcam.training.augment import Augment
from ecgcam.training.config import TrainConfig
from ecgcam.training.dataloader import BatchOrder
from ecgcam.training.lightning_module import TrainingModule, random_crop, validation_score
from ecgcam.training.run_folder import CONFIG, LAST, METRICS, MODEL
from ecgcam.training.trainer import train


class BrokenOffError(Exception):
    pass


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="module")
def paper_run(store, tmp_path_factory):
    """A run of four epochs by the paper's recipe, the network aside."""
    out = tmp_path_factory.mktemp("run") / "run"
    train(store, out, replace(TINY, epochs=4))
    return out


def rows(out):
    return pd.read_csv(out / METRICS)


def break_off_after(epochs):
    def on_epoch(row):
        if row["epoch"] == epochs:
            raise BrokenOffError

    return on_epoch


def assert_same_run(one, other):
    assert (one / METRICS).read_text() == (other / METRICS).read_text()
    assert (one / MODEL).read_bytes() == (other / MODEL).read_bytes()


def test_the_same_seed_gives_the_same_model_to_the_last_bit(store, tmp_path, paper_run):
    train(store, tmp_path / "again", replace(TINY, epochs=4))
    assert_same_run(tmp_path / "again", paper_run)
    train(store, tmp_path / "other", replace(TINY, epochs=1, seed=1))
    assert rows(tmp_path / "other")["train_loss"][0] != rows(paper_run)["train_loss"][0]


CONSTANT_SCORE = {"learning_rate": 1e-6, "score": "accuracy"}
DROPOUT = {"backbone": "support.backbones:Dropping", "backbone_config": {}}


@pytest.mark.parametrize(
    ("recipe", "after"),
    [
        ({"epochs": 3}, 1),
        ({"epochs": 7, **CONSTANT_SCORE}, 5),  # the plateau's fourth idle epoch is the saved one
        ({"epochs": 7, **CONSTANT_SCORE}, 6),
        ({"epochs": 4, "schedule": "onecycle", "weight_decay": 0.01}, 3),
        ({"epochs": 3, **DROPOUT}, 2),
        ({"epochs": 8, "patience": 3, **CONSTANT_SCORE}, 3),
        ({"epochs": 3, "average": 0.9, "auxiliary": 5}, 2),
    ],
)
def test_a_run_that_was_broken_off_goes_on_to_the_same_result(store, tmp_path, recipe, after):
    recipe = replace(TINY, **recipe)
    train(store, tmp_path / "whole", recipe)
    broken = tmp_path / "broken"
    with pytest.raises(BrokenOffError):
        train(store, broken, recipe, on_epoch=break_off_after(after))
    assert len(rows(broken)) == after
    train(store, broken, resume=True)
    assert_same_run(broken, tmp_path / "whole")


def test_a_run_that_was_killed_goes_on_to_the_same_result(store, tmp_path, paper_run):
    code = """
        import os, signal, sys
        from pathlib import Path
        from dataclasses import replace
        from support.tiny import TINY
        from ecgcam.data.store import open_store
        from ecgcam.training.trainer import train
        kill = lambda row: row["epoch"] == 3 and os.kill(os.getpid(), signal.SIGKILL)
        folder, out = map(Path, sys.argv[1:])
        train(open_store(folder), out, replace(TINY, epochs=4), on_epoch=kill)
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


def test_a_run_that_is_done_stays_as_it_is(store, tmp_path):
    out = tmp_path / "run"
    train(store, out, TINY)
    before = (out / METRICS).read_text(), (out / MODEL).read_bytes()
    train(store, out, resume=True)
    assert ((out / METRICS).read_text(), (out / MODEL).read_bytes()) == before


def test_a_run_that_stopped_early_stays_as_it_is(store, tmp_path):
    out = tmp_path / "run"
    train(store, out, replace(TINY, epochs=9, patience=2, **CONSTANT_SCORE))
    assert len(rows(out)) == 3  # one to set the score, two without a better one
    before = (out / METRICS).read_text(), (out / MODEL).read_bytes()
    train(store, out, resume=True)
    assert ((out / METRICS).read_text(), (out / MODEL).read_bytes()) == before


@pytest.fixture(scope="module")
def bf16_run(store, tmp_path_factory):
    """Products in bf16, which every processor can do, if slowly."""
    out = tmp_path_factory.mktemp("bf16") / "run"
    train(store, out, replace(TINY, precision="bf16"))
    return out


@pytest.mark.parametrize("run", ["paper_run", "bf16_run"])
def test_the_model_is_the_best_epochs_and_its_scores_are_those_of_judging_alone(
    store, run, request
):
    """Scored here in evaluation mode without augmentation, by scikit-learn."""
    out = request.getfixturevalue(run)
    table = rows(out)
    chosen = read_card(out / MODEL)["provenance"]["chosen"]
    assert chosen["epoch"] == table["val_auroc"].idxmax() + 1
    best = table.iloc[chosen["epoch"] - 1]
    assert best["val_auroc"] == chosen["value"] == table["val_auroc"].max()
    labelled = store.labelled(NORMAL, folds=[9])
    network, _ = load_network(out / MODEL)
    logits, _ = run_network(network, store.signals_mv(labelled.indices))
    assert roc_auc_score(labelled.targets, logits) == pytest.approx(best["val_auroc"])
    loss = binary_cross_entropy_with_logits(*map(torch.tensor, (logits, labelled.targets)))
    assert loss.item() == pytest.approx(best["val_loss"], rel=1e-5)


def test_validation_leaves_the_batch_norms_alone(store, paper_run):
    steps = -(-len(store.labelled(NORMAL, folds=range(1, 9)).indices) // TINY.batch)
    epochs = read_card(paper_run / MODEL)["provenance"]["chosen"]["epoch"]
    seen = load_file(paper_run / MODEL)["backbone.last.norm.num_batches_tracked"]
    assert seen.item() == epochs * steps


def test_it_learns(store, tmp_path):
    out = tmp_path / "run"
    recipe = replace(TINY, epochs=8, learning_rate=2e-2, schedule="onecycle")
    train(store, out, recipe)
    assert rows(out)["val_auroc"].max() > 0.9
    assert rows(out)["train_loss"].iloc[-1] < rows(out)["train_loss"].iloc[0]


def plateau_by_hand(scores, rate):
    """Halved after more than three epochs in a row without a score above the best."""
    best, idle = -np.inf, 0
    for score in scores:
        yield rate
        best, idle = (score, 0) if score > best * (1 + 1e-4) else (best, idle + 1)
        if idle > 3:
            rate, idle = rate / 2, 0


@pytest.mark.parametrize("recipe", [{"learning_rate": 5e-3}, CONSTANT_SCORE])
def test_the_learning_rate_falls_only_when_the_score_no_longer_rises(store, tmp_path, recipe):
    out = tmp_path / "run"
    recipe = replace(TINY, **{"score": "auroc", "epochs": 11, **recipe})
    train(store, out, recipe)
    table = rows(out)
    wanted = plateau_by_hand(table[f"val_{recipe.score}"], recipe.learning_rate)
    np.testing.assert_allclose(table["learning_rate"], list(wanted))


def test_a_rising_score_keeps_the_learning_rate(store, monkeypatch, tmp_path):
    scores = iter(np.linspace(0.5, 0.9, 9))
    monkeypatch.setattr(
        "ecgcam.training.lightning_module.validation_score", lambda *_: next(scores)
    )
    train(store, tmp_path / "run", replace(TINY, epochs=8))
    assert set(rows(tmp_path / "run")["learning_rate"]) == {5e-3}
    assert read_card(tmp_path / "run" / MODEL)["provenance"]["chosen"]["epoch"] == 8


def test_one_cycle_rises_and_falls_to_nothing(store, tmp_path):
    """As torch's own schedule of 6 epochs of 3 steps, looked at after each third step."""
    train(store, tmp_path / "run", replace(TINY, epochs=6, schedule="onecycle"))
    optimizer = torch.optim.Adam([torch.zeros(1)], 5e-3)
    cycle, wanted = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, 18), []
    for _ in range(18):
        optimizer.step()
        cycle.step()
        wanted += cycle.get_last_lr()
    np.testing.assert_allclose(rows(tmp_path / "run")["learning_rate"], wanted[2::3])
    assert wanted[-2] < 1e-5 * max(wanted)


def test_a_constant_rate_stays(store, tmp_path):
    train(store, tmp_path / "run", replace(TINY, epochs=7, schedule="constant", **CONSTANT_SCORE))
    assert set(rows(tmp_path / "run")["learning_rate"]) == {1e-6}


@pytest.mark.parametrize(("decay", "kind"), [(0.0, "Adam"), (0.03, "AdamW")])
def test_weights_decay_as_the_recipe_says(decay, kind):
    recipe = replace(TINY, weight_decay=decay, schedule="constant")
    training = TrainingModule(tiny_network(), recipe, exclusive=False)
    optimizer = training.configure_optimizers()
    (group,) = optimizer.param_groups
    assert (type(optimizer).__name__, group["weight_decay"], group["lr"]) == (kind, decay, 5e-3)
    assert len(group["params"]) == len(list(training.network.parameters()))


def test_chance_is_another_in_each_step_of_each_epoch(store, tmp_path, monkeypatch):
    """One for the signals, one for dropout."""
    seeds = []
    chance = TrainingModule._chance

    def look(training, *draw):
        generator = chance(training, *draw)
        seeds.append(generator.initial_seed())
        return generator

    monkeypatch.setattr(TrainingModule, "_chance", look)
    train(store, tmp_path / "run", replace(TINY, epochs=3))
    steps = -(-len(store.labelled(NORMAL, folds=TINY.train_folds).indices) // TINY.batch)
    assert len(set(seeds)) == len(seeds) == 3 * steps * 2


def test_the_average_is_that_of_the_weights_after_each_step(store, tmp_path, monkeypatch):
    """Its first step is taken whole; then the n-th keeps the less of `average` and n / (9 + n).

    So do the norms' means and variances; their counts are the last step's.
    """
    seen = []
    ended = TrainingModule.on_train_batch_end

    def look(training, *rest):
        seen.append(copy.deepcopy(training.network.state_dict()))
        ended(training, *rest)

    monkeypatch.setattr(TrainingModule, "on_train_batch_end", look)
    train(store, tmp_path / "run", replace(TINY, epochs=2, average=0.2, score="accuracy"))
    chosen = read_card(tmp_path / "run" / MODEL)["provenance"]["chosen"]["epoch"]
    wanted, *others = seen[: chosen * len(seen) // 2]
    for step, state in enumerate(others, start=1):
        share = min(0.2, (1 + step) / (10 + step))
        for name, tensor in state.items():
            old = wanted[name] if tensor.is_floating_point() else tensor
            wanted[name] = (share * old + (1 - share) * tensor).to(tensor.dtype)
    torch.testing.assert_close(load_file(tmp_path / "run" / MODEL), dict(wanted))


def test_auxiliary_labels_shape_the_features_and_leave_no_weight(store, tmp_path, paper_run):
    train(store, tmp_path / "run", replace(TINY, epochs=1, auxiliary=5))
    shapes = {name: tensor.shape for name, tensor in load_file(tmp_path / "run" / MODEL).items()}
    assert shapes == {name: tensor.shape for name, tensor in load_file(paper_run / MODEL).items()}
    alone = rows(paper_run)["train_loss"][0]
    assert rows(tmp_path / "run")["train_loss"][0] > alone + 0.3  # another loss of about ln 2


def test_bf16_trains_a_model_of_float32(bf16_run, paper_run):
    weights = load_file(bf16_run / MODEL).values()
    assert {tensor.dtype for tensor in weights} == {torch.float32, torch.int64}
    assert rows(bf16_run)["train_loss"][0] != rows(paper_run)["train_loss"][0]


def test_a_run_on_some_leads_is_that_of_a_store_of_these_leads(store, tmp_path):
    recipe = replace(TINY, epochs=1)
    some = train(store, tmp_path / "some", replace(recipe, leads=("I", "V5")))
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


def test_leads_that_the_store_has_not_are_refused(tmp_path):
    short = tiny_store(tmp_path / "store", leads=("V5", "I"))
    with pytest.raises(DatasetError, match="leads II are missing; found V5, I"):
        train(short, tmp_path / "run", replace(TINY, leads=("I", "II")))


def test_what_was_preprocessed_for_the_training_is_gone_after_it_even_broken_off(store, tmp_path):
    seen = []

    def on_epoch(row):
        seen.extend((tmp_path / "run" / "preprocessed").iterdir())
        raise BrokenOffError

    with pytest.raises(BrokenOffError):
        train(store, tmp_path / "run", TINY, on_epoch=on_epoch)
    assert {path.name for path in seen} == {"train.npy", "validation.npy"}
    assert not (tmp_path / "run" / "preprocessed").exists()


def test_augmentation_changes_what_is_trained_on_and_nothing_else(store, tmp_path, paper_run):
    train(store, tmp_path / "plain", replace(TINY, epochs=1, augmentation="none"))
    assert rows(tmp_path / "plain")["train_loss"][0] != rows(paper_run)["train_loss"][0]


@pytest.mark.parametrize("task", ["superclass", "normal"])
def test_the_card_tells_where_the_model_comes_from(store, tmp_path, task):
    recipe = replace(TINY, epochs=1, task=task, seed=5, train_folds=(1, 2, 3))
    card = read_card(train(store, tmp_path / "run", recipe))
    origin = card["provenance"]
    assert card["task"]["name"] == task
    assert origin["data"] == training_data(store)
    assert card["fold_digests"] == digest_tables(store)
    assert origin["recipe"]["train_folds"] == [1, 2, 3]
    assert origin["recipe"]["validation_folds"] == [9]
    assert origin["recipe"]["seed"] == 5
    assert origin["versions"]["torch"] == torch.__version__
    assert origin["chosen"] == {
        "epoch": 1, "score": "val_auroc", "value": rows(tmp_path / "run")["val_auroc"][0]
    }  # fmt: skip


def test_exclusive_classes_are_trained_together(store, tmp_path):
    (tmp_path / "rhythm.toml").write_text(
        'exclusive = true\n[classes]\nsinus = "rhythm:SR"\nfibrillation = "rhythm:AFIB"\n'
    )
    recipe = replace(TINY, task=str(tmp_path / "rhythm.toml"), score="accuracy")
    path = train(store, tmp_path / "run", recipe)
    network, card = load_network(path)
    assert card["task"]["exclusive"]
    labelled = store.labelled(NORMAL, folds=[9])
    logits = torch.tensor(run_network(network, store.signals_mv(labelled.indices))[0])
    found = logits.softmax(-1)[:, 1] >= 0.5
    best = rows(tmp_path / "run").iloc[card["provenance"]["chosen"]["epoch"] - 1]
    assert accuracy_score(labelled.targets[:, 0], found) == pytest.approx(best["val_accuracy"])
    loss = cross_entropy(logits, torch.tensor(labelled.targets[:, 0]).long())
    assert best["val_loss"] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("exclusive", "wanted"),
    [
        (True, math.log(4)),  # the first class has 1 of 1 + 3
        (False, (math.log(2) + math.log(4)) / 2),  # either by itself: 1 of 2, and not 3 of 4
    ],
)
def test_the_loss_is_the_one_computed_by_hand(exclusive, wanted):
    training = TrainingModule(tiny_network(classes=2), TINY, exclusive=exclusive)
    loss = training.loss(torch.tensor([[0.0, math.log(3)]]), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(wanted)


def test_records_without_a_label_are_what_one_says(store, tmp_path):
    card = read_card(train(store, tmp_path / "run", replace(TINY, epochs=1, unlabelled="drop")))
    assert card["task"]["unlabelled"] == "drop"


def test_the_network_is_made_for_the_stores_leads_rate_and_length(tmp_path):
    short = tiny_store(tmp_path / "store", leads=("V5", "I"), samples=300, rate_hz=50.0)
    recipe = replace(TINY, epochs=1, augmentation="none")  # the paper's hum needs 100 Hz
    card = read_card(train(short, tmp_path / "run", recipe))
    assert (card["leads"], card["rate_hz"], card["duration_s"]) == (["V5", "I"], 50, 6)


def test_the_training_loss_is_the_mean_over_the_records(store, tmp_path):
    """The last batch has three of them; with hardly a rate the network stays as it was drawn."""
    to_train = store.labelled(NORMAL, folds=TINY.train_folds)
    still = replace(
        TINY, epochs=1, augmentation="none", learning_rate=1e-12, batch=len(to_train.indices) - 3
    )
    network, _ = load_network(train(store, tmp_path / "run", still))
    prepared = network.preprocess(torch.from_numpy(store.signals_mv(to_train.indices)))
    total = 0.0
    for places in BatchOrder(len(prepared), batch=still.batch, shuffle_seed=still.seed):
        targets = torch.from_numpy(to_train.targets[places])
        with torch.no_grad():
            logits = network.train().logits(prepared[places])
        total += float(binary_cross_entropy_with_logits(logits, targets, reduction="sum"))
    told = rows(tmp_path / "run")["train_loss"][0]
    assert told == pytest.approx(total / len(prepared), abs=1e-4)


def test_each_epoch_is_told(store, tmp_path):
    told = []
    train(store, tmp_path / "run", TINY, on_epoch=told.append)
    table = rows(tmp_path / "run")
    assert [row["epoch"] for row in told] == table["epoch"].tolist() == [1, 2]
    assert told[-1]["best_epoch"] == table["val_auroc"].idxmax() + 1
    pd.testing.assert_frame_equal(pd.DataFrame(told).drop(columns="best_epoch"), table)


def test_a_run_is_the_folder_that_is_documented(paper_run):
    found = {path.name for path in paper_run.iterdir()}
    known = {"model.safetensors", "metrics.csv", "curve.png", "config.json", "last.ckpt"}
    assert found == known | {"tensorboard"}


def test_the_global_generators_are_left_as_they_were(store, tmp_path):
    before = torch.random.get_rng_state(), random.getstate()
    train(store, tmp_path / "run", replace(TINY, epochs=1))
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert random.getstate() == before[1]


@pytest.mark.parametrize(
    ("wrong", "error", "reason"),
    [
        ({"task": "sleep"}, DatasetError, "there is no task 'sleep'"),
        ({"task": "form"}, DatasetError, "needs labels of the kind 'form'"),
        ({"unlabelled": "perhaps"}, DatasetError, "unlabelled must be one of"),
        ({"task": "superclass", "unlabelled": "positive"}, DatasetError, "only where there is one"),
        ({"backbone": "alexnet"}, ModelError, "there is no backbone 'alexnet'"),
        ({"backbone_config": {"kernel": 4}}, ModelError, "kernel must be odd"),
        ({"augmentation": "wild"}, DatasetError, "there is no augmentation 'wild'"),
        ({"train_folds": (77,)}, DatasetError, "folds 77 hold no record"),
        ({"validation_folds": (77,)}, DatasetError, "folds 77 hold no record"),
        ({"preprocess": PreprocessConfig(detrend_order=500)}, DatasetError, "needs more than 500"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_written(
    store, tmp_path, wrong, error, reason
):
    with pytest.raises(error, match=reason):
        train(store, tmp_path / "run", replace(TINY, **wrong))
    assert not (tmp_path / "run").exists()


def test_validation_folds_of_one_class_cannot_choose_an_epoch(tmp_path):
    labels = [["superclass:NORM" if k < 20 or k % 2 else "superclass:MI"] for k in range(40)]
    signals = np.random.default_rng(0).integers(-500, 500, (40, 12, 500))
    folds = [9] * 20 + [1] * 20
    lame = write_store(tmp_path / "store", signals, labels, folds=folds)
    with pytest.raises(DatasetError, match="'auroc' is not defined on the validation folds 9"):
        train(lame, tmp_path / "run", TINY)
    assert not (tmp_path / "run").exists()


def test_a_training_that_diverges_says_so(store, tmp_path):
    recipe = replace(TINY, learning_rate=1e30, augmentation="none", epochs=3)
    with pytest.raises(ArithmeticError, match="diverged in epoch .* lower learning rate"):
        train(store, tmp_path / "run", recipe)


def test_a_folder_with_something_in_it_is_left_alone(store, tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(DatasetError, match="something already; --resume"):
        train(store, tmp_path, TINY)
    assert os.listdir(tmp_path) == ["diary.txt"]


def test_there_must_be_a_run_to_go_on_with(store, tmp_path):
    with pytest.raises(DatasetError, match="there is no run to go on with"):
        train(store, tmp_path / "none", resume=True)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"config": {}, "data": ""}', "7"])
def test_settings_that_are_none_are_refused(store, tmp_path, text):
    (tmp_path / CONFIG).write_text(text)
    with pytest.raises(DatasetError, match="not the settings of a run"):
        train(store, tmp_path, resume=True)


def test_a_run_does_not_go_on_with_other_data(store, tmp_path):
    recipe = replace(TINY, epochs=1)
    train(store, tmp_path / "run", recipe)
    other = tiny_store(tmp_path / "other", seed=99)
    with pytest.raises(DatasetError, match="started on other data"):
        train(other, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("option", "before", "after"),
    [
        (
            "augmentation",
            '{"steps": [{"one_of": [{"transform": "TimeShift"}]}]}',
            '{"steps": [{"one_of": [{"transform": "TimeWarp"}]}]}',
        ),
        (
            "task",
            '[classes]\nSICK = ["superclass:MI"]',
            '[classes]\nSICK = ["superclass:MI", "superclass:CD"]',
        ),
    ],
)
def test_a_run_does_not_go_on_with_another_task_or_augmentation(
    store, tmp_path, option, before, after
):
    file = tmp_path / ("file.json" if option == "augmentation" else "file.toml")
    file.write_text(before)
    recipe = replace(TINY, epochs=1, score="accuracy", **{option: str(file)})
    train(store, tmp_path / "run", recipe)
    train(store, tmp_path / "run", resume=True)
    file.write_text(after)
    with pytest.raises(DatasetError, match=f"its {option} changed since the run was started"):
        train(store, tmp_path / "run", resume=True)


def test_going_on_elsewhere_is_no_matter(store, tmp_path):
    """The store and the run were moved in the meantime."""
    with pytest.raises(BrokenOffError):
        train(store, tmp_path / "run", TINY, on_epoch=break_off_after(2))
    (tmp_path / "run").rename(tmp_path / "moved")
    train(open_store(store.folder), tmp_path / "moved", resume=True)
    assert len(rows(tmp_path / "moved")) == 2
    assert not (tmp_path / "run").exists()


def test_a_recipe_survives_json():
    recipe = replace(
        TINY, patience=3, preprocess=PreprocessConfig(detrend_order=None, scale="none")
    )
    assert TrainConfig.from_dict(json.loads(json.dumps(asdict(recipe)))) == recipe


def test_a_recipe_from_before_there_was_a_choice_of_precision_is_of_float32():
    saved = asdict(TrainConfig())
    del saved["precision"]
    assert TrainConfig.from_dict(saved) == TrainConfig(precision="float32")


def test_the_recipe_is_the_papers_unless_told_otherwise():
    recipe = TrainConfig()
    assert (recipe.epochs, recipe.batch, recipe.learning_rate) == (25, 128, 5e-4)
    assert recipe.train_folds == tuple(range(1, 9))
    assert recipe.validation_folds == (9,)
    assert recipe.preprocess == PreprocessConfig(detrend_order=10, scale="unit")


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": 0},
        {"learning_rate": 0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"epochs": 2.5},
        {"crop_s": float("inf")},
        {"weight_decay": -1},
        {"weight_decay": float("inf")},
        {"seed": -1},
        {"seed": 0.5},
        {"seed": 2**63},
        {"out_of_fold": True},
        {"patience": 0},
        {"schedule": "cosine"},
        {"score": "loss"},
        {"precision": "int4"},
        {"train_folds": ()},
        {"validation_folds": ()},
    ],
)
def test_a_recipe_that_cannot_be_is_refused_at_birth(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainConfig(**wrong)


def test_no_fold_is_both_trained_on_and_validated_on():
    with pytest.raises(ValueError, match="both trained on and validated on"):
        TrainConfig(train_folds=(7, 8, 9))


def test_the_score_is_the_mean_of_the_classes_where_it_is_defined():
    targets = np.array([[0, 1, 1], [1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32)
    found = np.array([[0.1, 0.5, 0.9], [0.8, 0.5, 0.4], [0.3, 0.9, 0.6], [0.4, 0.2, 0.5]])
    wanted = np.mean([roc_auc_score(targets[:, k], found[:, k]) for k in (0, 2)])
    assert validation_score("auroc", targets, found) == pytest.approx(wanted)
    assert np.isnan(validation_score("auroc", targets[:, 1:2], found[:, 1:2]))


def test_a_crop_is_a_stretch_of_its_record_and_every_place_comes():
    signal = torch.arange(8.0).expand(400, 3, 8) + 100 * torch.arange(400.0)[:, None, None]
    crop = random_crop(signal, samples=5, generator=torch.Generator().manual_seed(1))
    assert crop.shape == (400, 3, 5)
    starts = crop[:, :1, :1] - signal[:, :1, :1]
    assert (crop == signal[..., :5] + starts).all()
    assert set(starts.flatten().tolist()) == {0, 1, 2, 3}
    whole = random_crop(signal, samples=8, generator=torch.Generator())
    assert (whole == signal).all()


def test_a_run_cuts_each_record_anew_in_each_epoch(store, tmp_path, monkeypatch):
    seen = []
    features = Network.mean_features

    def look(network, signal):
        seen.append(signal[:, 0].clone())  # lead I
        return features(network, signal)

    monkeypatch.setattr(Network, "mean_features", look)
    recipe = replace(TINY, epochs=2, crop_s=2.0, augmentation="none", batch=1000)
    network, _ = load_network(train(store, tmp_path / "run", recipe))
    signal_mv = torch.from_numpy(
        store.signals_mv(store.labelled(NORMAL, folds=TINY.train_folds).indices)
    )
    whole = network.preprocess(signal_mv)[:, 0].half().float()  # as kept for the training
    stretches = whole.unfold(1, 200, 1)[:, :, :9]  # (records, starts, 9): enough to know each by
    one, other = (
        {
            record: start
            for cut in crops
            for record, start in (stretches == cut[:9]).all(-1).nonzero().tolist()
        }
        for crops in seen[::2]  # after each the validation
    )
    assert set(one) == set(other) == set(range(len(whole)))
    assert sum(one[record] != other[record] for record in one) > 0.9 * len(whole)
    assert len(set(one.values())) > 0.5 * len(whole)


def test_a_run_learns_from_crops_and_judges_all_of_a_record(store, tmp_path, paper_run):
    path = train(store, tmp_path / "cropped", replace(TINY, epochs=1, crop_s=2.0))
    card = read_card(path)
    assert card["provenance"]["recipe"]["crop_s"] == 2.0
    assert card["duration_s"] == 5.0
    assert rows(path.parent)["train_loss"][0] != rows(paper_run)["train_loss"][0]


def test_a_crop_longer_than_the_records_is_refused(store, tmp_path):
    with pytest.raises(DatasetError, match="crop_s is 6; the records last 5 s"):
        train(store, tmp_path / "run", replace(TINY, crop_s=6.0))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("backbone", ["signalcnn", "resnet", "inception", "depthwise"])
def test_a_crop_too_short_for_the_network_is_refused(store, tmp_path, backbone):
    recipe = replace(TINY, backbone=backbone, backbone_config={}, crop_s=0.01, epochs=1)
    if backbone == "signalcnn":
        with pytest.raises(DatasetError, match=r"crop_s is 0\.01, which is too short"):
            train(store, tmp_path / "run", recipe)
        assert not (tmp_path / "run").exists()
    train(store, tmp_path / "long", replace(recipe, crop_s=0.5))


def test_stopped_by_a_key_press_it_says_so_to_its_caller_who_hears_further_ones(store, tmp_path):
    def press(row):
        signal.raise_signal(signal.SIGINT)

    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(store, tmp_path / "run", TINY, on_epoch=press)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, heard)
    train(store, tmp_path / "run", resume=True)
    assert rows(tmp_path / "run")["epoch"].tolist() == [1, 2]


def test_of_a_crop_that_a_network_does_not_take_its_own_words_are_told(store, tmp_path):
    recipe = replace(TINY, backbone="support.backbones:Whole", backbone_config={}, epochs=1)
    with pytest.raises(DatasetError, match="cannot be multiplied") as refused:
        train(store, tmp_path / "run", replace(recipe, crop_s=2.0))
    assert isinstance(refused.value.__cause__.__cause__, RuntimeError)
    assert not (tmp_path / "run").exists()
    train(store, tmp_path / "whole", recipe)


def test_unvalidated_records_may_be_left_out(tmp_path):
    store = tiny_store(tmp_path / "store")
    validated = np.arange(len(store.records)) % 4 < 2
    store.records["validated"] = validated
    recipe = replace(TINY, epochs=1, unvalidated_share=0.0)
    train(store, tmp_path / "half", recipe)
    steps = torch.load(tmp_path / "half" / LAST, weights_only=True)["global_step"]
    assert steps == -(-int((validated & (store.records["fold"] < 9)).sum()) // 32)


def test_a_run_does_not_go_on_with_others_validated(tmp_path):
    store = tiny_store(tmp_path / "store", validated=True)
    store.records.loc[:9, "validated"] = False
    train(store, tmp_path / "run", replace(TINY, epochs=1, unvalidated_share=0.5))
    train(store, tmp_path / "run", resume=True)
    store.records.loc[:19, "validated"] = False
    with pytest.raises(DatasetError, match="started on other data"):
        train(store, tmp_path / "run", resume=True)
    said = json.loads((tmp_path / "run" / CONFIG).read_text())
    del said["seldom"]  # a run from before this was kept
    (tmp_path / "run" / CONFIG).write_text(json.dumps(said))
    train(store, tmp_path / "run", resume=True)


def test_where_no_record_would_be_left_nothing_is_begun(tmp_path):
    store = tiny_store(tmp_path / "store", validated=False)
    with pytest.raises(DatasetError, match="validated any of the .* records to train on"):
        train(store, tmp_path / "run", replace(TINY, unvalidated_share=0.0))
    assert not (tmp_path / "run").exists()
    train(store, tmp_path / "run", replace(TINY, epochs=1, unvalidated_share=0.5))


def test_a_store_that_does_not_say_which_were_validated_is_refused(store, tmp_path):
    with pytest.raises(DatasetError, match="does not say which records were validated"):
        train(store, tmp_path / "run", replace(TINY, unvalidated_share=0.3))


def test_every_batch_of_every_epoch_has_chance_of_its_own(tmp_path, monkeypatch):

    seeds, apply_ = [], Augment.apply_

    def look(augment, signal, *, generator):
        seeds.append(generator.initial_seed())
        return apply_(augment, signal, generator=generator)

    monkeypatch.setattr(Augment, "apply_", look)
    train(tiny_store(tmp_path / "store"), tmp_path / "run", TINY)
    assert len(set(seeds)) == len(seeds) == 2 * 3  # two epochs of three batches


def test_a_record_of_which_nobody_says_whether_it_was_validated_is_not_left_out(tmp_path):

    store = tiny_store(tmp_path / "store")
    store.records["validated"] = pd.array([None] * len(store.records), "boolean")
    path = train(store, tmp_path / "run", replace(TINY, epochs=1, unvalidated_share=0.0))
    assert torch.load(path.with_name(LAST), weights_only=True)["global_step"] == 3
