"""`hsing synth`: files, refusals before any work, one line per error."""

import re

import numpy as np
import pytest
from tiny_song import save_tiny_voice, write_score
from typer.testing import CliRunner

from hsing.audio.io import read_audio
from hsing.cli.main import app

NOTES = [(1, None, ""), (1, "C4", "さ"), (1, "E4", "く")]


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return save_tiny_voice(tmp_path_factory.mktemp("voices"))


@pytest.fixture
def score(tmp_path):
    return write_score(tmp_path / "song.musicxml", NOTES)


def run(*arguments, env=None):
    return CliRunner().invoke(app, ["synth", *map(str, arguments)], env=env)


def test_a_score_becomes_a_file(score, voice, tmp_path):
    result = run(score, "-o", tmp_path / "a.wav", "--voice", voice, "--steps", 2)
    assert result.exit_code == 0, result.output
    audio = read_audio(tmp_path / "a.wav")
    assert audio.sample_rate == 44_100 and audio.seconds == pytest.approx(1.75, abs=512 / 44_100)
    assert np.abs(audio.samples).max() > 1e-3
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    for words in ("a.wav: 1.8 s", "real-time factor", "voice tiny", "seed 0", "weights CC0"):
        assert words in line


def test_quiet_says_nothing_and_options_arrive(score, voice, tmp_path):
    options = ("--voice", voice, "--steps", 2, "-q")
    assert run(score, "-o", tmp_path / "a.flac", *options).output == ""
    for name, more in (("same", ()), ("seed", ("--seed", 3)), ("high", ("--transpose", 3))):
        assert run(score, "-o", tmp_path / f"{name}.flac", *options, *more).exit_code == 0
    first, same, seed, high = (
        read_audio(tmp_path / f"{name}.flac").samples for name in ("a", "same", "seed", "high")
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, seed) and not np.array_equal(first, high)
    assert run(score, "-o", tmp_path / "slow.wav", *options, "--tempo", 0.5).exit_code == 0
    assert read_audio(tmp_path / "slow.wav").seconds == pytest.approx(3.25, abs=512 / 44_100)


def test_on_a_terminal_there_is_a_progress_bar(score, voice, tmp_path):
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm"}
    options = ("--voice", voice, "--steps", 2)
    result = run(score, "-o", tmp_path / "a.wav", *options, env=terminal)
    assert result.exit_code == 0, repr(result.exception)
    assert "singing" in result.stderr and "6/6" in result.stderr


def test_an_existing_file_is_refused_before_any_work(score, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"mine")
    result = run(tmp_path / "no-such-score.xml", "-o", path, "--voice", "no-such-voice")
    assert result.exit_code == 2
    assert result.stderr == f"hsing: {path} exists; give --force to overwrite\n"
    assert path.read_bytes() == b"mine"


def test_force_overwrites(score, voice, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"mine")
    assert run(score, "-o", path, "--voice", voice, "--steps", 1, "-f").exit_code == 0
    assert read_audio(path).seconds > 1


def test_with_force_a_run_that_fails_leaves_the_old_file(score, voice, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"mine")
    assert run(score, "-o", path, "-f", "--voice", voice, "--sampler", "ddim").exit_code == 2
    assert path.read_bytes() == b"mine"


def test_errors_are_one_line_with_their_exit_code_and_no_file(score, voice, tmp_path):
    wordless = write_score(tmp_path / "wordless.musicxml", [(1, "C4", ""), (1, "D4", "")])
    broken = tmp_path / "broken.musicxml"
    broken.write_text("<score-partwise><part")
    out = tmp_path / "out"
    out.mkdir()
    for arguments, code, message in (
        ([tmp_path / "none.xml"], 2, "none.xml"),
        ([broken], 3, "broken.musicxml"),
        ([wordless], (3, 4), "measure 1"),
        ([score, "--part", "Alto"], 3, "Alto"),
        ([score, "--voice", "nobody"], 6, "there is no voice 'nobody'"),
        ([score, "--device", "tpu"], 2, "no device is called 'tpu'"),
        ([score, "--sampler", "ddim"], 2, "no sampler is called 'ddim'"),
        ([score, "--in-tune", 2], 2, "--in-tune 2 is out of range; give 0 to 1"),
        ([score, "--tempo", 0], 2, "--tempo 0 is out of range"),
        ([score, "--transpose", 48], 2, "measure 1"),
    ):
        given = [] if "--voice" in arguments else ["--voice", voice]
        result = run(*arguments, *given, "-o", out / "a.wav")
        codes = code if isinstance(code, tuple) else (code,)
        assert result.exit_code in codes, (arguments, result.output, result.exception)
        (line,) = result.stderr.strip().splitlines()
        assert line.startswith("hsing: ") and message in line, line
        assert list(out.iterdir()) == []


def test_places_that_cannot_be_written_are_refused_first(score, tmp_path):
    for path, code, message in (
        (tmp_path / "none" / "a.wav", 2, "does not exist; make it"),
        (tmp_path / "a.aiff", 5, "cannot write '.aiff' files"),
        (tmp_path, 2, "not an ordinary file"),
    ):
        result = run(tmp_path / "no-such-score.xml", "-o", path)
        assert result.exit_code == code and message in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_a_note_outside_the_range_is_a_warning(score, voice, tmp_path):
    options = ("--voice", voice, "--steps", 1, "--transpose", 12)
    result = run(score, "-o", tmp_path / "a.wav", *options)
    assert result.exit_code == 0
    assert "hsing: warning: " in result.stderr and "without --transpose it fits" in result.stderr


def test_more_threads_than_the_machine_has_are_refused(score, tmp_path):
    result = CliRunner().invoke(
        app, ["synth", str(score), "-o", str(tmp_path / "a.wav"), "--threads", "100000"]
    )
    assert result.exit_code == 2
    assert "--threads 100000 is out of range; this machine has 1 to" in result.stderr


def test_what_cannot_be_sung_is_told_with_its_file(tmp_path):
    path = write_score(tmp_path / "wordless.musicxml", [(1, "E4", "さ"), (1, "G4", "strength")])
    result = CliRunner().invoke(app, ["synth", str(path), "-o", str(tmp_path / "a.wav")])
    assert result.exit_code == 4 and not (tmp_path / "a.wav").exists()
    assert re.search(
        r"hsing: \S*wordless\.musicxml: part 'Voice', measure 1, beat 2", result.stderr
    )
