"""How faithful a model's map is, beside others: python -m benchmarks.maps MODEL STORE

Prints what ecgcam/explanation/map_measures.py measures on fold 9. `--quick` compares with
integrated gradients alone; `--out FILE` writes JSON too.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from ecgcam.data.store import open_store
from ecgcam.explanation.map_measures import EDGE_S, MAPS, measure_maps
from ecgcam.files import write_text
from ecgcam.inference.modelfile import load_network
from ecgcam.inference.zoo import find_model

QUICK = {name: MAPS[name] for name in ("evidence", "integrated gradients")}


def main(
    model: str, store: Path, fold: int = 9, quick: bool = False, out: Path | None = None
) -> None:
    """Print how faithful a model's map is; `--quick` compares with integrated gradients alone."""
    network, card = load_network(find_model(model))
    maps = QUICK if quick else MAPS
    measured = measure_maps(network, card, open_store(store), fold=fold, maps=maps)
    for name, of_class in measured["classes"].items():
        sys.stdout.write("\n".join(_lines(name, of_class)) + "\n")
    if out is not None:
        write_text(out, json.dumps(measured, indent=1) + "\n")


def _lines(name: str, measured: Mapping[str, Any]) -> list[str]:
    edges = {key: "–" if x is None else f"{x:.1%}" for key, x in measured["at_an_edge"].items()}
    lines = [
        f"{name}: flat record {measured['flat_record']:.2f}; hottest within {EDGE_S} s of an edge: "
        f"'no' {edges['no']}, 'yes' {edges['yes']}, chance {edges['chance']}",
        "  pairs: the change of the map points at the change of the ECG in {hits:.1%}, chance "
        "{chance:.1%}".format(**measured["pairs"]),
    ]
    for direction in ("towards", "against"):
        if direction not in measured:
            continue
        of = measured[direction]
        lines.append(f"  {direction} {name}, {of['records']} records: deletion / insertion")
        for key, area in of["areas"].items():
            lines.append(
                f"    {key:<21} {_pair(area)}   F {_pair(of['f'][key])}   "
                f"against the better reference {_pair(of['f_better'][key])}"
            )
        foretold = of["what_if"]
        lines.append(
            f"    what-if: R² {foretold['r2']:.2f}, median error {foretold['median_error']:.3f}"
        )
        if "f_by_lead" in of:
            lines.append(f"    by lead, evidence: F {_pair(of['f_by_lead'])}")
    return lines


def _pair(areas: tuple[float, float]) -> str:
    return f"{areas[0]:6.3f} / {areas[1]:6.3f}"


if __name__ == "__main__":
    typer.run(main)
