"""The documents say the truth: the tree names every file, links lead somewhere, commands exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def tree():
    """The names in the README's tree, with the folder that each is in."""
    block = re.search(r"```text\n(ecgcam/\n.*?)```", README, re.S)[1]
    folders, found = [], set()
    for line in block.splitlines():
        entry = re.match(r"( *)(\S+)", line)
        if not entry:
            continue
        depth = len(entry[1]) // 2
        folders = [*folders[:depth], entry[2].rstrip("/")]
        found.add("/".join(folders))
    return found


def test_the_tree_of_the_readme_names_every_module_and_no_other():
    modules = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ecgcam").rglob("*.py")
        if not path.name.startswith("__") and path.parent.name != "cli"
    }
    assert {
        name for name in tree() if name.startswith("ecgcam/") and name.endswith(".py")
    } == modules


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_named_exists(document):
    from ecgcam.cli import app

    commands = {
        command.name or command.callback.__name__.replace("_", "-")
        for command in app.registered_commands
    }
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"^ecgcam ([a-z-]+)", text, re.M)) | set(
        re.findall(r"`ecgcam ([a-z][a-z-]+)", text)
    )
    assert named <= commands


def test_each_message_of_the_troubleshooting_page_is_in_the_code():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    code = " ".join(
        re.sub(r'"\s*f?"', "", " ".join(path.read_text(encoding="utf-8").split()))
        for path in (ROOT / "ecgcam").rglob("*.py")
    )
    parts = [part.strip() for message in messages for part in message.split("…") if part.strip()]
    assert len(messages) > 20
    assert [part for part in parts if part not in code] == []
