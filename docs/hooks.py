"""mkdocs hooks: the command reference is written from the commands themselves."""

from typing import Any

COMMANDS = "commands.md"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Append the help of every command to the command reference."""
    if page.file.src_path != COMMANDS:
        return markdown
    import typer.main
    from typer.cli import get_docs_for_click

    from ecgcam.cli import app

    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="ecgcam")
    text = get_docs_for_click(obj=command, ctx=context, name="ecgcam")
    return markdown + "\n" + text.partition("\n")[2]  # the page has its own title
