"""Plan: each stage, the implementations that it is compared with, and the goals."""

from dataclasses import dataclass

from .workers import Side


@dataclass(frozen=True, kw_only=True)
class Run:
    """One implementation of a stage: a job of a worker, and its name in the table.

    goal: how many times as fast as this one we want to be.
    said: the key of its seconds in the answer of our own job, if that measures both in turn; no
          worker is started for it then.
    """

    name: str
    side: Side
    job: str
    goal: float | None = None
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage: our job and the others that run in turn with it.

    rounds:  number of runs of each, after one warm-up.
    threads: of each worker; None: one per core.
    bf16:    whether it needs a processor that multiplies bf16.
    same:    largest allowed difference between our result and the first rival's, over the range
             of theirs; None: there is nothing to compare.
    """

    key: str
    title: str
    ours: str
    rivals: tuple[Run, ...]
    rounds: int
    threads: int | None = None
    bf16: bool = False
    same: float | None = None

    @property
    def runs(self) -> tuple[Run, ...]:
        """All implementations, ours first."""
        return (Run(name=OURS, side="ours", job=self.ours), *self.rivals)


OURS = "ours"
BARE = "forward, backward and optimizer alone"
PAPER = "the paper's way"
RDSAMP = "wfdb.rdsamp in a loop"
POLYFIT = "polyfit and loops"
ONE_BY_ONE = "one record at a time, preprocessed before"

MEMORY_GOAL_BYTES = 1.5e9  # while training, with the whole store open
WAY_GOAL = 4.0  # times as fast as the paper's, folder to evaluated model

STAGES = (
    Stage(
        key="store",
        title="folder to store",
        ours="store",
        rivals=(Run(name=RDSAMP, side="rivals", job="read", goal=20),),
        rounds=3,
        same=0,
    ),
    Stage(
        key="preprocess",
        title="preprocessing in batches",
        ours="preprocess",
        rivals=(
            Run(name=POLYFIT, side="rivals", job="preprocess", goal=20),
            Run(name="torch_ecg", side="rivals", job="torch_ecg"),
        ),
        rounds=7,
        same=1e-4,
    ),
    Stage(
        key="augment",
        title="augmentation",
        ours="augment",
        rivals=(Run(name="ecgmentations", side="rivals", job="augment", goal=5),),
        rounds=15,
    ),
    Stage(
        key="step",
        title="one training step",
        ours="step",
        rivals=(Run(name="Conv1d, float32", side="rivals", job="step", goal=1.8),),
        rounds=15,
        same=1e-4,
    ),
    Stage(
        key="step_bf16",
        title="one training step in bf16",
        ours="step_bf16",
        rivals=(Run(name="Conv1d, float32", side="rivals", job="step", goal=2.3),),
        rounds=15,
        bf16=True,
    ),
    Stage(
        key="epoch",
        title="a whole epoch, from the store",
        ours="epoch",
        rivals=(
            Run(name=BARE, side="ours", job="bare_epoch", goal=1 / 1.25),
            Run(name=PAPER, side="rivals", job="epoch", goal=3),
        ),
        rounds=3,
    ),
    Stage(
        key="epoch_bf16",
        title="a whole epoch in bf16, from the store",
        ours="epoch_bf16",
        rivals=(Run(name=PAPER, side="rivals", job="epoch", goal=3),),
        rounds=3,
        bf16=True,
    ),
    Stage(
        key="evaluate",
        title="evaluation of fold 9",
        ours="evaluate",
        rivals=(Run(name=ONE_BY_ONE, side="rivals", job="evaluate"),),
        rounds=3,
        same=1e-4,
    ),
    Stage(
        key="one",
        title="one ECG to probability and map, one thread",
        ours="one",
        rivals=(Run(name=PAPER, side="rivals", job="one", goal=6),),
        rounds=60,
        threads=1,
    ),
    Stage(
        key="map",
        title="probability and map, in batches",
        ours="probability_and_map",
        rivals=(
            Run(
                name="the same by captum's LayerGradCam",
                side="rivals",
                job="layer_grad_cam",
                goal=3,
            ),
            Run(name="LayerGradCam of our network", side="ours", job="layer_grad_cam"),
            Run(
                name="the probability alone",
                side="ours",
                job="probability_and_map",
                said="alone_s",
                goal=1 / 1.03,
            ),
        ),
        rounds=40,
        same=1e-4,
    ),
)
