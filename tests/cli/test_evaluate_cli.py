"""`hsing evaluate` from files to table, JSON and pictures, and its refusals."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from hsing.audio.io import write_audio
from hsing.cli.main import app
from hsing.flow import Audio
from hsing.units import midi_to_hz

RATE = 22_050
MIDIS = (60, 62, 64, 65)
SCORE = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Voice</part-name>
</score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions>
<time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<direction><sound tempo="120"/></direction>{notes}</measure></part></score-partwise>
"""
NOTE = """<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>1</duration>
<type>quarter</type><lyric><syllabic>single</syllabic><text>さ</text></lyric></note>"""


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def sing(path, detune_cents=0.0, seconds=2.25):
    """The score below, as four tones of half a second."""
    time_s = np.arange(int(RATE * seconds)) / RATE
    midi = np.array(MIDIS)[np.minimum((time_s / 0.5).astype(int), 3)]
    phase = 2 * np.pi * np.cumsum(midi_to_hz(midi + detune_cents / 100)) / RATE
    samples = 0.2 * sum(np.sin(h * phase) / h for h in range(1, 9)) * (time_s < 2.0)
    write_audio(path, Audio(samples.astype(np.float32), RATE))
    return path


@pytest.fixture
def score(tmp_path):
    (tmp_path / "scores").mkdir()
    path = tmp_path / "scores" / "a.musicxml"
    path.write_text(SCORE.format(notes="".join(NOTE.format(step=s) for s in "CDEF")), "utf-8")
    return path


def test_a_table_of_checks_without_anything_to_hold_against(tmp_path):
    result = run(sing(tmp_path / "a.wav"))
    assert result.exit_code == 0, result.output
    assert "peak_dbfs" in result.stdout
    assert "against" not in result.stdout


def test_json_on_stdout_is_json_alone(tmp_path, score):
    reference = sing(tmp_path / "take.wav")
    output = sing(tmp_path / "a.wav", 30.0)
    result = run(
        output, "--score", score, "--reference", reference, "--json", "-", "--tracker", "yin"
    )
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["tracker"] == "yin"
    assert facts["score"]["share_within_50_cents"] == 1.0
    assert facts["score"]["share_within_25_cents"] == 0.0
    assert facts["recording"]["pitch_error_cents_550hz"] == pytest.approx(30.0, abs=1.0)
    assert facts["checks"]["a"]["length_error_frames"] == 0


def test_transposition_and_tempo_move_the_score(tmp_path, score):
    output = sing(tmp_path / "a.wav")
    moved = run(output, "--score", score, "--json", "-", "--tracker", "yin", "--transpose", 1)
    figures = json.loads(moved.stdout)
    assert figures["score"]["median_abs_deviation_cents"] == pytest.approx(100.0, abs=2.0)
    slow = run(output, "--score", score, "--json", "-", "--tracker", "yin", "--tempo", 0.5)
    assert json.loads(slow.stdout)["checks"]["a"]["length_error_frames"] == pytest.approx(
        -2.0 * 44_100 / 512, abs=1
    )


def test_several_outputs_find_their_files_by_name(tmp_path, score):
    (tmp_path / "out").mkdir()
    outputs = [sing(tmp_path / "out" / f"{name}.wav") for name in "ab"]
    (score.parent / "b.musicxml").write_bytes(score.read_bytes())
    (tmp_path / "takes").mkdir()
    for name, detune_cents in zip("ab", (0.0, 30.0)):
        sing(tmp_path / "takes" / f"{name}.flac", detune_cents)
    target = tmp_path / "figures.json"
    result = run(
        *outputs,
        "--score",
        score.parent,
        "--reference",
        tmp_path / "takes",
        "--json",
        target,
        "--tracker",
        "yin",
        "--pictures",
        tmp_path / "pictures",
    )
    assert result.exit_code == 0, result.output
    facts = json.loads(target.read_text("utf-8"))
    assert (facts["score"]["n_notes"], facts["recording"]["n_files"]) == (8, 2)
    pooled = facts["recording"]["pitch_error_cents_550hz"]
    assert pooled == pytest.approx(30.0 / np.sqrt(2), abs=2.0)
    assert len(list((tmp_path / "pictures").iterdir())) == 4
    assert "against the recording (yin)" in result.stdout


def test_refusals_are_one_line_with_an_exit_code(tmp_path, score):
    output = sing(tmp_path / "a.wav")
    other = sing(tmp_path / "b.wav", seconds=3.0)
    (tmp_path / "old.json").write_text("{}")
    for arguments, code, message in (
        ([tmp_path / "none.wav"], 2, "none.wav: no such file"),
        ([output, "--score", tmp_path / "none.xml"], 2, "none.xml: no such file"),
        ([output, other, "--score", score], 2, "one score for 2 outputs; give a folder"),
        ([other, "--score", score.parent], 2, "no score called b"),
        ([output, "--reference", other], 5, "a: lasts 2.25 s and its reference 3.00 s"),
        ([output, "--tracker", "crepe"], 2, "'crepe' is not a pitch tracker"),
        ([output, output], 2, "two outputs are called 'a'"),
        ([output, "--json", tmp_path / "old.json"], 2, "exists; give --force"),
        ([output, "--score", score, "--tempo", 0], 2, "--tempo"),
    ):
        result = run(*arguments)
        assert result.exit_code == code, (arguments, result.output)
        assert message in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
