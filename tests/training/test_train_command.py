"""What `hsing train` hands to the recipes, and which devices it refuses."""

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from hsing.cli.main import app
from hsing.errors import TrainingError
from hsing.training import timing
from hsing.training.measure import measure_voice
from hsing.training.prepare import VALIDATION


def test_timing_holds_out_what_its_training_set_does(tiny_set, tmp_path, monkeypatch):
    asked = []

    def train_timing(songs, output, **options):
        asked.append(({song.name for song in songs}, options))
        return {}

    monkeypatch.setattr(timing, "train_timing", train_timing)
    corpus = tiny_set.folder.parent / "anna"
    plain = ["train", "timing", str(corpus), "-o", str(tmp_path)]
    for arguments in (plain, [*plain, "--data", str(tiny_set.folder)]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    names = {"a1", "a2", "a3"}
    assert asked == [
        (names, {"validation": set(VALIDATION)}),
        (names, {"validation": {*VALIDATION, "a1"}}),
    ]


@pytest.mark.parametrize("more", [["codec"], ["singer", "--codec", "none"]])
def test_mps_is_refused_where_the_codec_runs(tiny_set, tmp_path, more):
    what, *options = more
    arguments = ["train", what, str(tiny_set.folder), "-o", str(tmp_path / "run"), *options]
    result = CliRunner().invoke(app, [*arguments, "--device", "mps"])
    assert result.exit_code == 2 and not (tmp_path / "run").exists()
    (line,) = result.stderr.strip().splitlines()
    assert line == "hsing: mps has no float64, which the codec needs; give --device cpu"


def test_a_voice_whose_singer_has_no_song_held_out_cannot_be_measured(tiny_set):
    with pytest.raises(TrainingError, match="set: no song of 'bea' is held out"):
        measure_voice(tiny_set, SimpleNamespace(singer="bea"))
