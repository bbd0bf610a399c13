"""The notebook uses public names only and runs from top to bottom on a few synthetic ECGs."""

import ast
from importlib import import_module
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "paper.ipynb"


def test_the_notebook_imports_public_names_only():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    imports = [
        (node.module, alias.name)
        for node in ast.walk(ast.parse("\n".join(cells)))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("ecgcam")
        for alias in node.names
    ]
    assert len(imports) > 5
    assert [name for module, name in imports if name not in import_module(module).__all__] == []


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.setenv("RECORDS", "150")
    monkeypatch.setenv("EPOCHS", "2")
    monkeypatch.delenv("PTBXL", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    printed = "".join(
        output.get("text", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    assert "22,273 parameters" in printed
