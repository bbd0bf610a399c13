"""Fixtures for tests of the command line."""

import re

import pytest
from support.tiny import tiny_model, tiny_store

from ecgcam.cli import main


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The folder of a small store."""
    return tiny_store(tmp_path_factory.mktemp("store") / "store").folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small model file."""
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture
def ecgcam(capsys, undrawn):
    """Run a command: its exit code, its last line on stdout, and stderr as one line of words."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        errors = re.sub(r"[╭─╮│╰╯\s]+", " ", printed.err)
        return code, (printed.out.splitlines() or [""])[-1], errors.strip()

    return run
