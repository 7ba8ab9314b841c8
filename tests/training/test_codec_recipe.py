"""The codec's recipe: the loss falls, files are left behind, an interrupted run goes on."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_song import CODEC

from hsing.errors import TrainingError
from hsing.training.codec import CodecTraining, _draw_books, _Song, copy_of, train_codec
from hsing.training.datasets import TrainingSet
from hsing.training.loop import LoopConfig
from hsing.training.runs import read_run
from hsing.units import Clock

CONFIG = CodecTraining(
    model=CODEC,
    loop=LoopConfig(steps=24, learning_rate=3e-3, warmup_steps=2, log_every=4, validate_every=12),
    batch_clips=2,
    clip_frames=24,
    quantizer_from_step=6,
    min_books=1,
)


@pytest.fixture(scope="module")
def trained(tiny_set, tmp_path_factory):
    folder = tmp_path_factory.mktemp("codec")
    codec = train_codec(tiny_set, folder / "run", CONFIG)
    return codec, folder / "run"


def rows(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_the_loss_falls_by_every_name(trained):
    logged = [row for row in rows(trained[1]) if "total" in row]
    assert set(CONFIG.weights) < set(logged[0])
    for name in ("spectral/log", "mel", "total"):
        assert logged[-1][name] < 0.9 * logged[0][name], name
    assert logged[0]["rvq/commitment"] == 0.0 < logged[-1]["rvq/commitment"]
    validated = [row["validation/mel"] for row in rows(trained[1]) if "validation/mel" in row]
    assert len(validated) == 2 and validated[1] < validated[0]


def test_the_run_leaves_its_files(trained, tiny_set):
    _, run = trained
    names = {path.name for path in run.iterdir()}
    assert {"state.pt", "log.jsonl", "run.json"} <= names
    assert {"step000024-a1.png", "step000024-a1.flac"} <= names
    told = json.loads((run / "run.json").read_text())
    assert (told["kind"], told["singers"], told["validation"]) == ("codec", ["anna"], ["a1"])
    assert told["configs"]["channels"] == CODEC.channels and told["data"] == str(tiny_set.folder)
    assert told["clock"] == {"sample_rate": 44_100, "hop": 512}
    assert told["statistics"]["anna"]["songs"] == 2
    assert told["statistics"]["anna"]["note_midi_high"] == 70


def test_a_run_with_another_configuration_is_left_as_it_is(trained, tiny_set):
    _, run = trained
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    other = replace(CONFIG, model=replace(CODEC, channels=8))
    with pytest.raises(TrainingError, match=r"run: holds a run with another .* another --output"):
        train_codec(tiny_set, run, other)
    renamed = tuple(replace(song, singer="bea") for song in tiny_set.songs)
    with pytest.raises(TrainingError, match="holds a run with another configuration"):
        train_codec(replace(tiny_set, songs=renamed, singers=("bea",)), run, CONFIG)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_the_quantizer_is_fitted_on_the_way_and_saved(trained):
    codec, run = trained
    assert codec.quantizer.ready and not codec.training
    _, state = read_run(run, "codec")
    for name, tensor in codec.state_dict().items():
        assert torch.equal(state[name], tensor), name


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(trained, tiny_set, tmp_path):
    def die(step, row):
        if step == 8:
            raise KeyboardInterrupt

    config = replace(CONFIG, loop=replace(CONFIG.loop, save_every_s=0.0))
    with pytest.raises(KeyboardInterrupt):
        train_codec(tiny_set, tmp_path, config, report=die)
    resumed = train_codec(tiny_set, tmp_path, CONFIG)
    for name, tensor in trained[0].state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_a_copy_is_as_long_as_its_frames_and_books_matter(trained, tiny_set):
    codec, song = trained[0], tiny_set.songs[0]
    one, all_books = (copy_of(codec, song, n, "cpu") for n in (1, None))
    assert len(one) == len(song.f0_hz) * CODEC.hop and np.isfinite(one).all()
    assert np.abs(one - all_books).max() > 1e-4


def test_another_clock_is_refused(tiny_set, tmp_path):
    other = TrainingSet(tiny_set.folder, Clock(44_100, 256), tiny_set.songs, tiny_set.singers)
    with pytest.raises(TrainingError, match=r"hop=256.*the codec on .*hop=512"):
        train_codec(other, tmp_path / "run", CONFIG)


@pytest.mark.parametrize("steps", [5, 6])
def test_too_few_steps_to_fit_the_quantizer_are_refused(tiny_set, tmp_path, steps):
    short = replace(CONFIG, loop=replace(CONFIG.loop, steps=steps))
    with pytest.raises(TrainingError, match=rf"never be fitted: .* step 6, .* {steps} steps"):
        train_codec(tiny_set, tmp_path / "run", short)
    assert not (tmp_path / "run").exists()


def test_nothing_to_train_on_is_refused(tiny_set, tmp_path):
    songs = tuple(replace(song, validation=True) for song in tiny_set.songs)
    with pytest.raises(TrainingError, match="set: no song to train on, all are held out"):
        train_codec(replace(tiny_set, songs=songs), tmp_path / "run", CONFIG)
    assert not (tmp_path / "run").exists()


def test_each_singers_first_held_out_song_is_written(tiny_set, tmp_path):
    named = zip(tiny_set.songs, ("anna", "bea", "bea"), strict=True)
    songs = [replace(song, singer=singer) for song, singer in named]
    more = replace(songs[2], name="a4", validation=False)
    held_out = [replace(song, validation=True) for song in songs]
    both = replace(tiny_set, songs=(*held_out, more), singers=("anna", "bea"))
    short = replace(CONFIG, loop=replace(CONFIG.loop, steps=7, validate_every=50))
    train_codec(both, tmp_path, short)
    written = {path.name for path in tmp_path.glob("step*")}
    assert written == {f"step000007-{n}.{kind}" for n in ("a1", "a2") for kind in ("png", "flac")}


def test_clips_keep_sound_and_pitch_together(tiny_set):
    song = _Song(tiny_set.songs[0])
    samples, f0_hz, voicing = song.clip(60, 20, 512)
    assert np.array_equal(samples, song.samples[60 * 512 : 80 * 512])
    assert np.array_equal(f0_hz, song.f0_hz[60:80].astype(np.float32))
    faster, higher, _ = song.clip(60, 20, 512, 1.25)
    assert len(faster) == 20 * 512 and higher == pytest.approx(
        1.25 * np.interp(60 + 1.25 * np.arange(20), np.arange(len(song.f0_hz)), song.f0_hz)
    )
    # the same stretch of sound: its levels are those of the original, played faster
    at = np.arange(0, 19 * 512, 512)
    level = [np.abs(faster[i : i + 512]).mean() for i in at]
    slow = [np.abs(song.samples[j : j + 640]).mean() for j in (60 * 512 + at * 1.25).astype(int)]
    assert np.corrcoef(level, slow)[0, 1] > 0.98
    assert set(voicing) <= {0.0, 1.0}


@pytest.mark.parametrize("ratio", [1.0, 0.8, 1.25])
def test_a_song_shorter_than_a_clip_is_filled_with_silence(tiny_set, ratio):
    whole = tiny_set.songs[0]
    short = _Song(replace(whole, samples=whole.samples[: 10 * 512], f0_hz=whole.f0_hz[:10]))
    samples, f0_hz, voicing = short.clip(0, 24, 512, ratio)
    assert len(samples) == 24 * 512 and len(f0_hz) == len(voicing) == 24
    assert (samples[14 * 512 :] == 0).all() and (f0_hz > 0).all()


def test_books_are_dropped_for_half_of_the_clips():
    config = replace(CONFIG, model=replace(CODEC, n_codebooks=30), min_books=4, batch_clips=4000)
    drawn = _draw_books(config, np.random.default_rng(0))
    assert drawn.min() == 4 and drawn.max() == 30
    assert np.mean(drawn == 30) == pytest.approx(0.5 + 0.5 / 27, abs=0.03)
