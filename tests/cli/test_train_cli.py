"""`hsing prepare` and `hsing train`: from recordings to a voice that sings, by command line alone."""

import json

import numpy as np
import pytest
from tiny_song import (
    CODEC,
    CONDITION,
    LATENT,
    PITCH_CONDITION,
    PITCH_LATENT,
    write_corpus,
    write_score,
)
from typer.testing import CliRunner

from hsing.audio.io import read_audio
from hsing.cli.main import app

SMALL = ("channels", "token_blocks", "enhanced_blocks")
LOOP = "loop: {warmup_steps: 1, validate_every: 2, log_every: 2}\n"


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def done(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result


def fields(config, names):
    return json.dumps({name: getattr(config, name) for name in names})


@pytest.fixture(scope="module")
def journey(tmp_path_factory):
    """Every command of a voice's making, with what it printed."""
    folder = tmp_path_factory.mktemp("journey")
    corpus = write_corpus(folder / "anna")
    latent = ("condition_channels", "channels", "n_blocks")
    codec = [name for name in vars(CODEC) if name not in ("sample_rate", "hop", "n_fft", "low_hz")]
    configs = {
        "codec": f"model: {fields(CODEC, codec)}\nclip_frames: 24\nquantizer_from_step: 2\n",
        "pitch": f"condition: {fields(PITCH_CONDITION, SMALL)}\n"
        f"latent: {fields(PITCH_LATENT, latent)}\nclip_frames: 128\n",
        "singer": f"condition: {fields(CONDITION, SMALL)}\nlatent: {fields(LATENT, latent)}\n",
    }
    for name, text in configs.items():
        (folder / f"{name}.yaml").write_text(LOOP + "batch_clips: 2\n" + text)
    (folder / "card.yaml").write_text("licence: CC0\nattribution: nobody\n")
    said = {}

    def train(what, *more):
        data = () if what == "timing" else (folder / "set",)
        options = () if what == "timing" else ("--config", folder / f"{what}.yaml")
        said[what] = done(
            "train", what, *data, *more, "-o", folder / what, "--steps", 4, *options
        ).stdout

    card = ("--card", folder / "card.yaml")
    said["prepare"] = done("prepare", corpus, "-o", folder / "set", "--validation", "a1").stdout
    train("codec")
    done("train", "export-codec", folder / "codec", "-o", folder / "my-codec", *card)
    train("timing", corpus)
    train("pitch")
    train("singer", "--codec", folder / "my-codec")
    options = ["--singer", "anna", "--codec", "my-codec", "--language", "ja", *card]
    for name in ("timing", "pitch", "singer"):
        options += [f"--{name}-run", folder / name]
    done("train", "export-voice", "-o", folder / "my-voice", *options)
    return folder, said


def test_the_voice_that_was_made_sings(journey, tmp_path):
    folder, _ = journey
    score = write_score(tmp_path / "song.musicxml", [(1, None, ""), (2, "C4", "さ")])
    done("synth", score, "-o", tmp_path / "a.wav", "--voice", folder / "my-voice", "--steps", 2)
    audio = read_audio(tmp_path / "a.wav")
    assert audio.seconds == pytest.approx(1.75, abs=512 / 44_100)
    assert np.abs(audio.samples).max() > 1e-4


def test_prepare_reports_what_it_did(journey):
    _, said = journey
    assert "a3: labels moved -0.0" in said["prepare"]
    assert "anna: songs 2, minutes" in said["prepare"] and "held out: a1" in said["prepare"]


def test_training_reports_its_losses_by_name(journey):
    _, said = journey
    assert "step 4: " in said["codec"] and "validation/mel" in said["codec"]
    assert "diffusion/score" in said["singer"] and "pitch/voicing" in said["pitch"]
    assert json.loads(said["timing"])["examples"] > 0


def test_a_run_is_resumed_where_it_stopped(journey):
    folder, _ = journey
    options = ("--config", folder / "pitch.yaml", "-o", folder / "pitch")
    before = (folder / "pitch" / "log.jsonl").read_text()
    assert done("train", "pitch", folder / "set", *options, "--steps", 4).stdout == ""
    done("train", "pitch", folder / "set", *options, "--steps", 6)
    added = (folder / "pitch" / "log.jsonl").read_text().removeprefix(before)
    assert {json.loads(line)["step"] for line in added.splitlines()} == {6}


def test_errors_are_one_line_with_their_exit_code(journey, tmp_path):
    folder, _ = journey
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("batch_clip: 3\n")
    data, out = folder / "set", ("-o", tmp_path / "run")
    for arguments, code, message in (
        (["prepare", folder / "anna", "-o", data], 2, "set already holds a training set"),
        (["prepare", folder / "anna", *out, "--validation", "zz"], 2, "no song is called zz"),
        (["train", "codec", tmp_path, *out], 7, "no index.json; make a training set"),
        (["train", "pitch", data, *out, "--config", wrong], 2, "unknown key 'batch_clip'; known: "),
        (["train", "pitch", data, *out, "--device", "tpu"], 2, "no device is called 'tpu'"),
        (["train", "singer", data, *out, "--codec", "none"], 6, "there is no codec 'none'"),
        (
            ["train", "singer", data, *out, "--codec", folder / "my-codec"]
            + ["--start-from", folder / "pitch"],
            7,
            "holds a run of 'pitch', not of 'singer'",
        ),
        (
            ["train", "export-codec", folder / "codec", "-o", folder / "my-codec"]
            + ["--card", folder / "card.yaml"],
            2,
            "my-codec exists; give --force",
        ),
        (
            ["train", "export-codec", folder / "pitch", *out, "--card", folder / "card.yaml"],
            7,
            "holds a run of 'pitch', not of 'codec'",
        ),
    ):
        result = run(*arguments)
        assert result.exit_code == code, (arguments, result.output, result.exception)
        (line,) = result.stderr.strip().splitlines()
        assert line.startswith("hsing: ") and message in line, line
        assert not (tmp_path / "run").exists()
