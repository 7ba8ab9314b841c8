"""What the README shows can be typed: every command and option in it exists."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from hsing.cli.main import app

ROOT = Path(__file__).resolve().parents[1]


def command_lines() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"```(?:sh)?\n(.*?)```", text, flags=re.DOTALL)
    lines = [part for block in blocks for line in block.splitlines()
             for part in re.split(r"&&|;|\bdo\b", line.split(" #")[0])]  # fmt: skip
    return sorted({line.strip() for line in lines if line.strip().startswith("hsing ")})


@pytest.mark.parametrize("line", command_lines())
def test_command_and_options_exist(line):
    _, *words = shlex.split(line.replace('"', "").replace("'", ""))
    command = typer.main.get_command(app)
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert command.name != "main" and "hsing" not in command.name
    used = {word for word in words if re.match(r"--?[a-z]", word)}
    assert used <= known


def test_options_in_the_table_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `-")]
    options = set(re.findall(r"`(--?[a-z-]+)", " ".join(table)))
    synth = typer.main.get_command(app).commands["synth"]
    known = {option for parameter in synth.params for option in parameter.opts}
    assert len(options) > 8 and options <= known


def test_files_it_names_are_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:examples|checkpoints)/[\w.-]+\.\w+", text))
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]
