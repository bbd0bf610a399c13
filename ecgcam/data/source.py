"""Source: the table of a dataset's ECGs, from which a store is made; and the split into folds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from ..errors import DatasetError

FOLDS = 10
COLUMNS = ("id", "path", "patient", "fold", "labels", "problem")


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A dataset's ECGs: their files and everything known about them.

    records:    one row per ECG: id, path (absolute), patient, fold, labels (a list of
                `kind:name`), problem ("" or why the row cannot be used), and any further columns
                (age_years, sex, device, site …), which the store keeps.
    vocabulary: the label names of each kind.
    titles:     descriptions of labels, such as {"statement:IMI": "Inferior myocardial …"}.
    remarks:    what the author of the dataset's tables may not expect, a sentence each.

    Raises DatasetError if an id occurs twice, or if a patient is in two folds, because a model
    would then be tested on patients it was trained on.
    """

    name: str
    records: pd.DataFrame
    vocabulary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        missing = [column for column in COLUMNS if column not in self.records]
        if missing:
            raise ValueError(f"a source needs the columns {', '.join(missing)}")
        repeated = self.records["id"][self.records["id"].duplicated()]
        if len(repeated):
            raise DatasetError(f"{self.name}: the id {repeated.iloc[0]} occurs more than once.")
        check_folds(self.records, name=self.name)


def check_folds(records: pd.DataFrame, *, name: str) -> None:
    """Raise DatasetError if a patient is in two folds."""
    folds = records.groupby("patient")["fold"].nunique()
    crossing = folds[folds > 1].index
    if len(crossing):
        own = records[(records["patient"] == crossing[0]) & records["fold"].notna()]
        raise DatasetError(  # names an ECG's id: `patient` may hold a person's name
            f"{name}: {len(crossing)} patients are in more than one fold (the patient of ECG "
            f"{own['id'].iloc[0]} is in {sorted(own['fold'].unique().tolist())}). Put all ECGs of "
            "a patient in one fold."
        )


def split(records: pd.DataFrame, *, seed: int, folds: int = FOLDS) -> pd.Series:
    """Draw a fold from 1 to `folds` for each record; all records of a patient share a fold.

    The folds have similar sizes and similar labels. Fewer patients than folds get one fold each.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if records["patient"].nunique() < folds:
        return pd.Series(pd.factorize(records["patient"])[0] + 1, records.index)
    combination = records["labels"].str.join(" ")
    common = combination.map(combination.value_counts()) >= folds
    strata = combination.where(common, "rare")
    fold = pd.Series(0, index=records.index)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    if strata.value_counts().min() < folds:  # too few rare records to spread them over the folds
        strata = strata.where(strata != "rare", strata.mode()[0])
    for k, (_, held_out) in enumerate(splitter.split(strata, strata, records["patient"])):
        fold.iloc[held_out] = k + 1
    return fold


def remarks_on_folds(records: pd.DataFrame) -> tuple[str, ...]:
    """Return what the user may not expect of folds that were drawn."""
    patients = records["patient"].nunique()
    return (f"only {patients} patients: one fold for each",) if patients < FOLDS else ()


def number_patients(patients: pd.Series) -> pd.Series:
    """Return the patients numbered from 1 in the order of their first ECG, as text.

    A store then names nobody.
    """
    return pd.Series(pd.factorize(patients)[0] + 1, patients.index).astype(str)
