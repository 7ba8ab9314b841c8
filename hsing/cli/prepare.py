"""`hsing prepare`: recordings with scores become a training set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def prepare(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="PJS, NIT-SONG070, or any folder of audio + MusicXML/MIDI (+ HTS labels)."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")],
    validation: Annotated[
        str | None, typer.Option(help="Names of songs to hold out, separated by commas.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no report.")] = False,
) -> None:
    """Turn recordings and their scores into a training set, with a report of what was left out."""
    from hsing.cli.console import progress
    from hsing.training.prepare import prepare as run

    names = [name.strip() for name in validation.split(",")] if validation else None
    with progress(quiet) as bar:
        result = run(
            folders,
            output,
            validation=names,
            progress=lambda songs: bar.track(songs, description="preparing"),
        )
    if quiet:
        return
    for remark in result.remarks:
        typer.echo(remark)
    for singer, row in sorted(result.statistics.items()):
        typer.echo(f"{singer}: " + ", ".join(f"{key} {value}" for key, value in row.items()))
    held_out = [song.name for song in result.songs if song.validation]
    typer.echo(f"held out: {' '.join(held_out) or 'nothing'}")
