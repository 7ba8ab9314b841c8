"""What commands share on the terminal. Results go to stdout, everything else to stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hsing.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress


def warn(line: str) -> None:
    """One line of warning on stderr."""
    typer.echo(f"hsing: warning: {_one_line(line)}", err=True)


def fail(line: str) -> None:
    """One line of error on stderr; the caller sets the exit code."""
    typer.echo(f"hsing: {_one_line(line)}", err=True)


def progress(quiet: bool = False) -> Progress:
    """A progress bar on stderr, as a context manager; it shows nothing if `quiet`, or if stderr is
    not a terminal, and clears itself at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )


def set_threads(threads: int | None) -> None:
    """CPU threads for torch; None leaves its choice. Raises InputError beyond the machine's own."""
    import os

    import torch

    if threads is None:
        return
    most = os.cpu_count() or 1
    if not 1 <= threads <= most:
        raise InputError(f"--threads {threads} is out of range; this machine has 1 to {most}")
    torch.set_num_threads(threads)


def _one_line(text: str) -> str:
    return " ".join(str(text).splitlines())
