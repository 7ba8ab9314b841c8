"""`hsing voices`: which voices there are, and what their cards say."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from hsing.cli.console import warn

app = typer.Typer(help="List the voices there are; show a voice's card.")

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def list_voices(ctx: typer.Context, as_json: _AsJson = False) -> None:
    """List the voices there are, with language, range and licence.

    They are looked for in $HSING_HOME (or ~/.local/share/hsing/models) and beside the program.
    """
    if ctx.invoked_subcommand is not None:
        return
    from hsing.checkpoints.load import list_checkpoints, model_folders

    voices = list_checkpoints("voice", on_error=lambda error: warn(str(error)))
    if as_json:
        typer.echo(json.dumps([_row(voice) for voice in voices], indent=2, ensure_ascii=False))
    elif voices:
        _print_table([_row(voice) for voice in voices])
    else:
        places = ", ".join(map(str, model_folders()))
        typer.echo(f"No voices in {places}; train one with `hsing train`.")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A voice, codec or other model, or its folder.")],
    as_json: _AsJson = False,
) -> None:
    """Print a model's card: licence, attribution, data, figures, SHA-256."""
    from dataclasses import asdict

    from hsing.checkpoints.card import CARD_FILE, read_card
    from hsing.checkpoints.load import find_checkpoint

    folder = find_checkpoint(name)
    card = read_card(folder / CARD_FILE)
    if as_json:
        facts = {**asdict(card), "folder": str(folder)}
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False, default=str))
    else:
        typer.echo((folder / CARD_FILE).read_text("utf-8").rstrip())


def _row(voice) -> dict:
    """What the list says of a voice; `range_midi` in the config is lowest and highest note."""
    config = voice.config
    return {
        "name": voice.name,
        "languages": list(config.get("languages", ())),
        "singer": config.get("singer", ""),
        "sample_rate": config.get("sample_rate"),
        "range": _range(config.get("range_midi")),
        "licence": config.get("licence", ""),
    }


def _range(range_midi: list[int] | None) -> str:
    if not range_midi:
        return ""
    from hsing.flow import note_name

    return "–".join(map(note_name, range_midi))


def _print_table(rows: list[dict]) -> None:
    """Aligned columns, plain text, so that it can be piped."""
    table = [[key.replace("_", " ") for key in rows[0]]]
    table += [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths))
        typer.echo("  ".join(cells).rstrip())


def _cell(value) -> str:
    return " ".join(value) if isinstance(value, list) else str(value or "-")
