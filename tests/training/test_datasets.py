"""Training sets survive the disk; damaged ones are named."""

import json

import numpy as np
import pytest

from hsing.errors import TrainingError
from hsing.flow import PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import SILENCE, phone
from hsing.training.datasets import (
    PreparedSong,
    read_training_set,
    timeline_from_json,
    timeline_to_json,
    write_index,
    write_song,
)
from hsing.units import Clock

CLOCK = Clock(44_100, 512)
TIMELINE = Timeline(
    (PhoneSpan(SILENCE, 0.0, 0.1, -1), PhoneSpan(phone("ɯ"), 0.1, 1 / 3, 0)),
    (TimedNote(0.1, 1 / 3, 61, 97.3),),
    1 / 3,
)


def song(name, singer="anna", validation=False):
    random = np.random.default_rng(len(name))
    return PreparedSong(
        name=name,
        singer=singer,
        validation=validation,
        samples=random.integers(-32768, 32768, 5000).astype(np.int16),
        f0_hz=random.uniform(0, 400, 10).astype(np.float32),
        confidence=random.uniform(0, 1, 10).astype(np.float32),
        timeline=TIMELINE,
    )


@pytest.fixture
def folder(tmp_path):
    songs = [song("one"), song("二", "bea"), song("three", "anna", True)]
    for each in songs:
        write_song(tmp_path, each)
    write_index(tmp_path, CLOCK, songs, {"statistics": {"anna": {"songs": 1}}})
    return tmp_path


def test_everything_comes_back_exactly(folder):
    data = read_training_set(folder)
    assert data.clock == CLOCK and data.singers == ("anna", "bea")
    assert [s.name for s in data.split(validation=False)] == ["one", "二"]
    assert [s.name for s in data.split(validation=True)] == ["three"]
    for ours in data.songs:
        theirs = song(ours.name, ours.singer, ours.validation)
        assert ours.timeline == TIMELINE
        for name in ("samples", "f0_hz", "confidence"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name))
            assert getattr(ours, name).dtype == getattr(theirs, name).dtype


def test_sound_is_within_full_scale():
    sound = song("one").sound()
    assert sound.dtype == np.float32 and np.abs(sound).max() <= 1.0
    assert sound[0] * 32768 == song("one").samples[0]


def test_times_survive_json_bit_for_bit():
    assert timeline_from_json(timeline_to_json(TIMELINE)) == TIMELINE


def test_refusals(folder, tmp_path):
    (folder / "one.npz").unlink()
    with pytest.raises(TrainingError, match=r"one.npz: named in index.json but missing"):
        read_training_set(folder)
    with pytest.raises(TrainingError, match=r"no index.json; make a training set with"):
        read_training_set(tmp_path / "nowhere")
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**index, "format": 0}))
    with pytest.raises(TrainingError, match="made by another version"):
        read_training_set(folder)
