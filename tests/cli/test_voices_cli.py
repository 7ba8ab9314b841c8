"""The program's frame, and `hsing voices`: what it prints, and what it exits with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

import hsing
from hsing.checkpoints.card import Card
from hsing.checkpoints.save import save_checkpoint
from hsing.cli.console import progress, warn
from hsing.cli.main import Commands, app
from hsing.errors import AudioError, CheckpointError

ROOT = Path(hsing.__file__).resolve().parent.parent


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A model folder with a voice and a codec; the package's own is empty."""
    monkeypatch.setenv("HSING_HOME", str(tmp_path))
    monkeypatch.setattr("hsing.checkpoints.load.package_folder", lambda: tmp_path / "none")
    config = {
        "kind": "voice",
        "sample_rate": 44100,
        "singer": "a man",
        "languages": ["ja", "en"],
        "range_midi": [42, 72],
        "licence": "CC BY-SA 4.0",
    }
    card = Card("tiny", "CC BY-SA 4.0", "PJS corpus", figures={"f0_rmse_cents": 31.5})
    weights = {"singer": ({}, {"w": torch.ones(1)})}
    save_checkpoint(tmp_path / "tiny", config, weights, card)
    save_checkpoint(tmp_path / "a-codec", {"kind": "codec"}, weights, card)
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(app, arguments)


def python(code, stdout=subprocess.PIPE):
    """Run code in a fresh interpreter, from the root of the source tree."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )


def test_the_list_names_each_voice_once_with_its_facts(home):
    result = invoke("voices")
    assert result.exit_code == 0
    header, line = result.stdout.splitlines()
    facts = {
        "name": "tiny",
        "languages": "ja en",
        "singer": "a man",
        "sample rate": "44100",
        "range": "F#2–C5",
        "licence": "CC BY-SA 4.0",
    }
    starts = [header.index(heading) for heading in facts]
    cells = [line[i:j].strip() for i, j in zip(starts, [*starts[1:], None])]
    assert cells == list(facts.values())


def test_the_list_as_json(home):
    (voice,) = json.loads(invoke("voices", "--json").stdout)
    assert voice == {
        "name": "tiny",
        "languages": ["ja", "en"],
        "singer": "a man",
        "sample_rate": 44100,
        "range": "F#2–C5",
        "licence": "CC BY-SA 4.0",
    }


def test_a_broken_model_is_a_warning_and_the_list_goes_on(home):
    (home / "broken").mkdir()
    (home / "broken" / "config.json").write_text("{")
    result = invoke("voices")
    assert result.exit_code == 0
    assert "tiny" in result.stdout
    assert result.stderr.startswith("hsing: warning: ")
    assert "broken" in result.stderr


def test_no_voices_says_where_they_were_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("HSING_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr("hsing.checkpoints.load.package_folder", lambda: tmp_path / "none")
    assert f"No voices in {tmp_path / 'empty'}" in invoke("voices").stdout
    assert json.loads(invoke("voices", "--json").stdout) == []


def test_show_prints_the_card(home):
    result = invoke("voices", "show", "tiny")
    assert result.exit_code == 0
    for fact in ("licence: CC BY-SA 4.0", "attribution: PJS corpus", "f0_rmse_cents: 31.5"):
        assert fact in result.stdout
    assert "singer.safetensors" in result.stdout
    facts = json.loads(invoke("voices", "show", "tiny", "--json").stdout)
    assert facts["figures"] == {"f0_rmse_cents": 31.5}
    assert len(facts["sha256"]["singer.safetensors"]) == 64


def test_an_unknown_voice_is_one_line_and_exit_code_6(home):
    result = invoke("voices", "show", "tinny")
    assert result.exit_code == CheckpointError.exit_code == 6
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("hsing: there is no checkpoint 'tinny' in ")
    assert line.endswith("available: a-codec, tiny")


# --- the frame -----------------------------------------------------------------------------------


def failing_app(error):
    frame = typer.Typer(cls=Commands, pretty_exceptions_enable=False)
    inner = typer.Typer()

    @inner.command("go")
    def go():
        raise error

    @inner.command("stay")
    def stay():
        pass

    frame.add_typer(inner, name="group")
    return frame


def test_an_error_in_a_subcommand_is_printed_as_it_is():
    error = AudioError("[bold]x[/bold].wav: no\nsuch  file")
    result = CliRunner().invoke(failing_app(error), ["group", "go"])
    assert result.exit_code == AudioError.exit_code
    assert result.stderr == "hsing: [bold]x[/bold].wav: no such  file\n"


def test_an_interrupt_exits_with_130():
    assert CliRunner().invoke(failing_app(KeyboardInterrupt()), ["group", "go"]).exit_code == 130


def test_a_mistake_in_the_program_is_not_hidden():
    result = CliRunner().invoke(failing_app(ZeroDivisionError()), ["group", "go"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_reader_that_stops_is_no_traceback(home):
    read, write = os.pipe()
    os.close(read)
    code = "import sys; sys.argv = ['hsing', 'voices']; from hsing.cli.main import run; run()"
    with os.fdopen(write, "wb") as stdout:
        result = python(code, stdout)
    assert result.stderr == ""
    assert result.returncode == 141


def test_the_version():
    assert invoke("--version").stdout == f"hsing {hsing.__version__}\n"


def test_an_unknown_option_exits_with_2():
    assert invoke("voices", "--nope").exit_code == 2


def test_help_and_the_list_import_nothing_heavy(home):
    code = (
        "import sys; from typer.testing import CliRunner; from hsing.cli.main import app\n"
        "for line in (['--help'], ['voices', '--help'], ['voices']):\n"
        "    result = CliRunner().invoke(app, line); assert result.exit_code == 0, result\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    result = python(code)
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    heavy = {"torch", "numpy", "music21", "matplotlib", "soundfile", "pretty_midi", "onnxruntime",
             "swift_f0", "huggingface_hub", "scipy"}  # fmt: skip
    assert "hsing" in loaded
    assert loaded & heavy == set()


def test_warnings_and_progress_stay_off_stdout(capsys):
    warn("two\nlines")
    with progress(quiet=True) as bar:
        bar.update(bar.add_task("step", total=2), advance=1)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "hsing: warning: two lines\n"
