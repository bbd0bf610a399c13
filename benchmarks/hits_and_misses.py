"""Sheets of real ECGs to look at: hits and misses of each class, with the heat of that class.

    python -m benchmarks.hits_and_misses MODEL STORE --out FOLDER --each 4

For each class: the first records of the fold by id that have it and are found, have it and are
missed, and are free of it and falsely found. Files are named CLASS-hit-ID.png, and so on.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ecgcam.data.store import Store, open_store
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.inference.loading import load
from ecgcam.plots.sheet import draw_sheet

FOLD = 9


def main(
    model: str,
    store: Path,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    each: Annotated[int, typer.Option(help="Pictures of each class and kind.")] = 4,
) -> None:
    """Draw hits, misses and false alarms of each class of a model on fold 9."""
    opened, classifier = open_store(store), load(model)
    out.mkdir(parents=True, exist_ok=True)
    for index, class_name, kind in choose(opened, model, each=each):
        record = opened.record(index)
        figure = draw_sheet(record, classifier.explain(record, force=True), class_name=class_name)
        path = out / f"{class_name}-{kind}-{record.name}.png"
        figure.savefig(path, dpi=100)
        typer.echo(path)


def choose(store: Store, model: str, *, each: int) -> list[tuple[int, str, str]]:
    """Return a store index, a class and hit, miss or false-alarm for each picture."""
    predictions = predict_folds(load(model), store, folds=(FOLD,))
    order = np.argsort(store.records["id"].to_numpy()[predictions.indices])
    chosen = []
    for k, name in enumerate(predictions.classifier.classes):
        present, found = predictions.targets[:, k] > 0, predictions.decisions[:, k]
        absent = predictions.targets[:, k] == 0
        kinds = {
            "hit": present & found,
            "miss": present & ~found,
            "false-alarm": absent & found,
        }
        for kind, mask in kinds.items():
            of_kind = predictions.indices[order[mask[order]][:each]]
            chosen += [(int(index), name, kind) for index in of_kind]
    return chosen


if __name__ == "__main__":
    typer.run(main)
