"""Source: a table of ECGs to be made into a store, whatever dataset they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from ..errors import DatasetError

FOLDS = 10
COLUMNS = ("id", "path", "patient", "fold", "labels", "problem")


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """ECGs, where they lie, and what is known of them.

    records:    one row an ECG: id, path (of its file, absolute), patient, fold, labels (a list
                of `kind:name`), problem ("" or why the row cannot be used), and whatever else
                the dataset knows (age_years, sex, device, site …), which the store keeps.
    vocabulary: the names of each kind of label.
    remarks:    what became of the dataset's tables that whoever wrote them may not expect.

    Raises DatasetError if an id is there twice, or a patient is in two folds: a model would be
    tested on the hearts it was trained on.
    """

    name: str
    records: pd.DataFrame
    vocabulary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        missing = [column for column in COLUMNS if column not in self.records]
        if missing:
            raise ValueError(f"a source needs the columns {', '.join(missing)}")
        twice = self.records["id"][self.records["id"].duplicated()]
        if len(twice):
            raise DatasetError(f"{self.name}: the id {twice.iloc[0]} is there more than once.")
        check_folds(self.records, name=self.name)


def check_folds(records: pd.DataFrame, *, name: str) -> None:
    """DatasetError if a patient is in two folds."""
    folds = records.groupby("patient")["fold"].nunique()
    torn = folds[folds > 1].index
    if len(torn):
        of_one = records[(records["patient"] == torn[0]) & records["fold"].notna()]
        raise DatasetError(  # by the id of an ECG: who knows what `patient` holds
            f"{name}: {len(torn)} patients are in more than one fold (that of ECG "
            f"{of_one['id'].iloc[0]} is in {sorted(of_one['fold'].unique().tolist())}). Each "
            "patient's ECGs must all be in one fold."
        )


def split(records: pd.DataFrame, *, seed: int, folds: int = FOLDS) -> pd.Series:
    """A fold from 1 to `folds` for each record, all of a patient's in one.

    The folds are about as large and as mixed in labels as each other.
    Raises DatasetError if there are fewer patients than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if records["patient"].nunique() < folds:
        raise DatasetError(
            f"{records['patient'].nunique()} patients cannot be split into {folds} folds; "
            "needed: more patients, or a column 'fold'."
        )
    mixture = records["labels"].str.join(" ")
    common = mixture.map(mixture.value_counts()) >= folds
    strata = mixture.where(common, "rare")
    fold = pd.Series(0, index=records.index)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    if strata.value_counts().min() < folds:  # too few rare ones to spread them
        strata = strata.where(strata != "rare", strata.mode()[0])
    for k, (_, held) in enumerate(splitter.split(strata, strata, records["patient"])):
        fold.iloc[held] = k + 1
    return fold
