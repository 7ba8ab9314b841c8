"""`hsing benchmark`: speed and memory of a voice on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def benchmark(
    voice: Annotated[str, typer.Option(help="Voice: a name or a folder.")] = "pjs",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads to use.")] = 1,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each measurement.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Real-time factor, cold start, and memory for a five-minute song."""
    import json
    from dataclasses import asdict

    from hsing.cli.console import set_threads
    from hsing.pipelines.benchmark import benchmark as run

    set_threads(threads)

    speed = asdict(run(voice, threads=threads, runs=runs))
    if as_json:
        typer.echo(json.dumps(speed, indent=1))
        return
    for name, value in speed.items():
        typer.echo(f"{name:24} {value:.3f}" if isinstance(value, float) else f"{name:24} {value}")
