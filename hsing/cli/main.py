"""`hsing`: one file per command, registered here; errors become one line and an exit code.

Nothing heavy is imported until a command runs, so that `hsing --help` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

import hsing
from hsing.cli import benchmark, evaluate, prepare, synth, train, voices
from hsing.cli.console import fail
from hsing.errors import HsingError

_INTERRUPTED = 130  # 128 + SIGINT, as a shell would report it
_TERMINATED = 143  # 128 + SIGTERM
_BROKEN_PIPE = 141  # 128 + SIGPIPE


class Commands(TyperGroup):
    """Turns errors into exit codes, for the program and for tests that invoke `app` alike."""

    def invoke(self, ctx):
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except HsingError as error:
            fail(str(error))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        except BrokenPipeError:
            # The reader has gone: give the interpreter somewhere to flush to when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_BROKEN_PIPE) from None


app = typer.Typer(
    cls=Commands,
    name="hsing",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Commands in files of their own: app.command("name")(module.function), or add_typer for groups.
app.command("synth")(synth.synth)
app.command("benchmark")(benchmark.benchmark)
app.command("prepare")(prepare.prepare)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(train.app, name="train")
app.add_typer(voices.app, name="voices")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hsing {hsing.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Sing a score: singing synthesis for the command line."""


def run() -> None:
    """Entry point of the `hsing` program."""
    # a batch system's SIGTERM unwinds like an exit, so that no temporary file stays behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    app()


if __name__ == "__main__":
    run()
