"""`hsing evaluate`: figures on singing, against its score, a recording or by itself."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from hsing.cli.console import warn


def evaluate(
    outputs: Annotated[list[Path], typer.Argument(help="Audio to measure; figures are pooled.")],
    score: Annotated[
        Path | None, typer.Option(help="Its score; for several, a folder (same names).")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="A recording of it; for several, a folder (same names).")
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE|-", help="Write JSON; - prints it.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for spectrograms and pitch curves.")
    ] = None,
    tracker: Annotated[str, typer.Option(help="Pitch tracker: swift-f0 or yin.")] = "swift-f0",
    part: Annotated[str | None, typer.Option(help="Part that is sung: name or number.")] = None,
    default_lyric: Annotated[
        str | None, typer.Option(help="Syllable for notes that have none, e.g. la.")
    ] = None,
    transpose: Annotated[int, typer.Option(help="Semitones that the score was moved.")] = 0,
    tempo: Annotated[float, typer.Option(help="Factor on the score's tempo.")] = 1.0,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite files.")] = False,
) -> None:
    """Measure singing: `hsing evaluate song.wav --score song.musicxml --reference take.wav`."""
    from hsing.files import atomic_path, check_writable

    to_file = json_file is not None and json_file != "-"
    if to_file:
        check_writable(json_file, force)
    from hsing.pipelines.evaluate import evaluate as run
    from hsing.pipelines.synth import SynthOptions

    options = SynthOptions(part=part, default_lyric=default_lyric, transpose=transpose, tempo=tempo)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = run(
            outputs,
            score,
            reference,
            options=options,
            tracker=tracker,
            pictures=pictures,
            force=force,
        )
    for warning in (w for w in caught if issubclass(w.category, UserWarning)):
        warn(str(warning.message))
    if to_file:
        with atomic_path(json_file, force) as temporary:
            temporary.write_text(report.to_json(), "utf-8")
    if json_file == "-":
        typer.echo(report.to_json(), nl=False)
    else:
        _print_table(report.rows())


def _print_table(rows: list[tuple[str, str, str]]) -> None:
    """One block per section; units are in the names of the measures."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    section = None
    for name, measure, value in rows:
        if name != section:
            table.add_row(Text(name, style="bold"))
            section = name
        table.add_row(Text(f"  {measure}"), value)
    Console().print(table)
