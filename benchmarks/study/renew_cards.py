"""Renew the cards of the shipped models, with their exports and pages.

    python benchmarks/study/renew_cards.py STORE

Renews what follows from the code alone: the digests of ecgcam/evaluation/leakage.py, and what
ship.py writes about training and limits. STORE: the store that the models were trained on,
`ecgcam prepare PTBXL STORE` at 100 Hz. The weights stay bit for bit the same.
"""

import sys
from pathlib import Path

from safetensors.numpy import load_file
from ship import ROOT, about_training, page_of, rounded

from ecgcam.data.store import Store, open_store
from ecgcam.errors import DatasetError
from ecgcam.evaluation.leakage import digest_tables
from ecgcam.files import atomic_write
from ecgcam.inference.export import export
from ecgcam.inference.modelfile import copy_with_card, read_card
from ecgcam.inference.zoo import shipped_models


def renew(model: Path, store: Store) -> None:
    """Rewrite a model file with a renewed card; DatasetError for another store than its own."""
    card = read_card(model)
    trained_on, given = card["provenance"]["data"]["fingerprint"], store.about["fingerprint"]
    if trained_on != given:
        raise DatasetError(
            f"{model}: trained on the store with fingerprint {trained_on[:12]}…, not {given[:12]}…"
        )
    before = _weights(model)
    about = rounded(card["about"] | about_training(card["provenance"]))
    copy_with_card(model, card | {"fold_digests": digest_tables(store), "about": about}, model)
    if _weights(model) != before:
        raise RuntimeError(f"{model}: the weights changed")


def _weights(model: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in load_file(model).items()}


if __name__ == "__main__":
    store = open_store(Path(sys.argv[1]))
    for name, model in shipped_models().items():
        renew(model, store)
        export(model, model.with_suffix(".onnx"))
        with atomic_write(ROOT / "docs" / "models" / f"{name}.md") as page:
            page.write_text(page_of(model), encoding="utf-8")
        sys.stdout.write(f"{model}\n")
