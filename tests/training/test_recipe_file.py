"""Recipe files: every setting with a comment, read back exactly, and errors that name the key."""

import tomllib
from dataclasses import fields

import pytest
from support.tiny import changed

from ecgcam.errors import DatasetError
from ecgcam.training import TrainConfig
from ecgcam.training.recipe_file import make_config, read_recipe, recipe_text
from ecgcam.training.settings import Settings

STEPS = [
    {"probability": 0.3, "one_of": [{"transform": "MainsHum", "mains_hz": 60}]},
    {"one_of": [{"transform": "TimeShift", "up_to": 0.1}, {"transform": "LeadDropout"}]},
]


def read_back(config):
    return make_config(tomllib.loads(recipe_text(config)), source="a test")


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        changed(
            task='folder/my "task".toml', detrend_order=None, scale="none", average=0.999,
            leads=("I", "V5"), augmentation=STEPS, seed=2**63 - 1, learning_rate=1e-12,
            teachers=("superclass", "C:\\runs\\Ä-0\\model.safetensors"), online=True,
            arguments={"widths": [4, 6], "odd key": {"nested": [1.5, True, "x"]}},
        ),
    ],
)  # fmt: skip
def test_a_recipe_is_read_back_exactly(config):
    assert read_back(config) == config


def test_the_default_recipe_has_every_setting_with_a_comment():
    lines = recipe_text(TrainConfig()).splitlines()
    keys = [name.rpartition(".")[2] for name in TrainConfig().by_name()]
    for key in set(keys):
        places = [k for k, line in enumerate(lines) if line.startswith(f"{key} = ")]
        assert len(places) == keys.count(key)
        assert all(lines[place - 1].startswith("# ") for place in places)


def test_every_setting_has_a_comment_and_every_table_a_docstring():
    tables = [TrainConfig(), *(x for x in vars(TrainConfig()).values() if isinstance(x, Settings))]
    for table in tables:
        assert type(table).__doc__.splitlines()[0].endswith(".")
        for field in fields(table):
            if not isinstance(getattr(table, field.name), Settings):
                assert field.metadata["comment"].endswith(".")


def test_what_a_file_leaves_out_has_its_default():
    config = make_config({"optimizer": {"epochs": 3}}, source="a test")
    assert config == make_config({}, {"optimizer.epochs": 3}, source="the command line")
    assert make_config({}, source="a test") == TrainConfig()


def test_augmentation_steps_are_written_inline():
    text = """
        seed = 1
        [[augmentation]]
        probability = 0.3
        one_of = [{transform = "MainsHum", mains_hz = 60}]
        [[augmentation]]
        one_of = [{transform = "TimeShift", up_to = 0.1}, {transform = "LeadDropout"}]
    """
    assert make_config(tomllib.loads(text), source="a test").augmentation == tuple(STEPS)


def test_changes_replace_the_settings_of_the_file():
    changes = {"optimizer.epochs": 3, "seed": 1, "distillation.teachers": ["superclass"]}
    recipe = {"seed": 5, "optimizer": {"batch": 8}, "distillation": {"online": True}}
    config = make_config(recipe, changes, source="a test")
    assert (config.seed, config.optimizer.epochs, config.optimizer.batch) == (1, 3, 8)
    assert config.distillation.online
    assert recipe["seed"] == 5  # the caller's stays


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (
            {"optimizer": {"learning_rat": 1}},
            r"unknown key `optimizer\.learning_rat` in F\.toml; did you mean `learning_rate`\?",
        ),
        ({"epochs": 1}, r"unknown key `epochs` in F\.toml; did you mean `optimizer\.epochs`\?"),
        ({"optimiser": {}}, r"unknown key `optimiser` in F\.toml; did you mean `optimizer`\?"),
        ({"qqq": 1}, r"unknown key `qqq` in F\.toml; expected one of task, unlabelled, score,"),
        ({"optimizer": 3}, r"F\.toml: optimizer is 3; expected a table \[optimizer\]"),
        ({"optimizer": {"epochs": "x"}}, r"F\.toml: optimizer\.epochs is 'x'; expected a whole"),
        ({"optimizer": {"epochs": "none"}}, r"optimizer\.epochs is 'none'; expected a whole"),
        ({"data": {"train_folds": "1-8"}}, r"data\.train_folds is '1-8'; expected a list"),
        ({"data": {"validation_folds": [8]}}, r"data\.train_folds and validation_folds share 8"),
        ({"distillation": {"online": True}}, "online is true, but there are no teachers"),
    ],
)
def test_an_error_names_the_file_the_key_and_what_was_expected(recipe, message):
    with pytest.raises(DatasetError, match=message):
        make_config(recipe, source="F.toml")


def test_a_file_that_is_missing_or_not_toml_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"none\.toml: no such recipe file"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[optimizer")
    with pytest.raises(DatasetError, match=r"bad\.toml: not a TOML file"):
        read_recipe(tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match=r"binary\.toml: not a TOML file"):
        read_recipe(tmp_path / "binary.toml")
