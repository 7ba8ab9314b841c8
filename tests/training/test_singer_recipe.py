"""The latent model's recipe, on a codec of random weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_song import CODEC, CONDITION, LATENT

from hsing.audio.io import read_audio
from hsing.codec.model import Codec
from hsing.errors import TrainingError
from hsing.training.clips import clips_of
from hsing.training.loop import LoopConfig
from hsing.training.runs import load_run_generator, load_start
from hsing.training.singer import SingerTraining, _given, latents_of, train_singer
from hsing.units import Clock

CONFIG = SingerTraining(
    condition=replace(CONDITION, latent_dim=99),
    latent=replace(LATENT, latent_dim=99),
    loop=LoopConfig(steps=40, learning_rate=1e-2, warmup_steps=2, log_every=10, validate_every=20),
    batch_clips=4,
    clip_frames=64,
)


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    return Codec(CODEC).eval()


@pytest.fixture(scope="module")
def trained(tiny_set, codec, tmp_path_factory):
    run = tmp_path_factory.mktemp("singer") / "run"
    return train_singer(tiny_set, codec, run, CONFIG), run


def rows(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_the_loss_falls_and_the_prior_learns_the_held_out_song(trained):
    logged = [row for row in rows(trained[1]) if "total" in row]
    assert set(CONFIG.weights) < set(logged[0])
    assert logged[-1]["total"] < 0.7 * logged[0]["total"]
    validated = [row for row in rows(trained[1]) if "validation/prior_error" in row]
    assert [row["step"] for row in validated] == [20, 40]
    assert validated[-1]["validation/prior_error"] < 0.9  # 1 for a prior that knows the mean alone
    assert np.isfinite(validated[-1]["validation/drawn_error"])


def test_the_run_leaves_its_files_and_reads_back(trained):
    model, run = trained
    names = {path.name for path in run.iterdir()}
    assert {"state.pt", "best.pt", "log.jsonl", "run.json"} <= names
    shown = {f"step0000{step}-a1.{kind}" for step in (20, 40) for kind in ("png", "flac")}
    assert {name for name in names if name.startswith("step")} == shown
    sung = read_audio(run / "step000040-a1.flac").samples
    assert 0 < np.abs(sung).max() <= 1
    loaded = load_run_generator(run, "singer")
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_sizes_follow_the_codec_and_the_set(trained):
    configs = trained[0].configs()
    assert configs["condition"]["latent_dim"] == configs["latent"]["latent_dim"] == CODEC.latent_dim
    assert configs["condition"]["n_singers"] == 1


def test_sizes_that_follow_are_set_whatever_the_configuration_says(tiny_set, codec, tmp_path):
    odd = replace(
        CONFIG,
        condition=replace(CONFIG.condition, channels=24, n_curves=0, pool=2),
        loop=LoopConfig(steps=1),
    )
    configs = train_singer(tiny_set, codec, tmp_path, odd).configs()
    assert configs["condition"]["channels"] == configs["latent"]["condition_channels"] == 24
    assert (configs["condition"]["n_curves"], configs["condition"]["pool"]) == (2, 1)


def test_each_singers_first_held_out_song_is_written(tiny_set, codec, tmp_path):
    named = zip(tiny_set.songs, ("anna", "bea", "bea"), strict=True)
    held_out = [replace(song, singer=singer, validation=True) for song, singer in named]
    more = replace(held_out[2], name="a4", validation=False)
    both = replace(tiny_set, songs=(*held_out, more), singers=("anna", "bea"))
    train_singer(both, codec, tmp_path, replace(CONFIG, loop=LoopConfig(steps=1)))
    written = {path.name for path in tmp_path.glob("step*")}
    assert written == {f"step000001-{n}.{kind}" for n in ("a1", "a2") for kind in ("png", "flac")}


def test_latents_are_normalised_by_the_training_songs(trained, tiny_set, codec):
    rows = [latents_of(codec, song) for song in tiny_set.split(validation=False)]
    rows = np.concatenate(rows)
    generator = trained[0].generator
    assert np.allclose(generator.mean, rows.mean(0), atol=1e-4)
    assert np.allclose(generator.std, rows.std(0), rtol=1e-3)
    normal = generator.normalise(torch.from_numpy(rows))
    assert torch.allclose(normal.std(0), torch.ones(4), atol=1e-2)


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(
    trained, tiny_set, codec, tmp_path
):
    def die(step, row):
        if step == 30:
            raise KeyboardInterrupt

    config = replace(CONFIG, loop=replace(CONFIG.loop, save_every_s=0.0))
    with pytest.raises(KeyboardInterrupt):
        train_singer(tiny_set, codec, tmp_path, config, report=die)
    resumed = train_singer(tiny_set, codec, tmp_path, CONFIG)
    for name, tensor in trained[0].state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_fine_tuning_starts_from_the_weights_given(trained, tiny_set, codec, tmp_path):
    still = replace(CONFIG, loop=replace(CONFIG.loop, steps=1, learning_rate=0.0))
    model = train_singer(tiny_set, codec, tmp_path, still, start_from=trained[0])
    for name, tensor in trained[0].state_dict().items():
        if name != "generator.scale":  # tracked, not learnt
            assert torch.allclose(model.state_dict()[name], tensor, atol=1e-6), name


def test_fine_tuning_needs_the_same_singers_and_sizes(trained, tiny_set, codec, tmp_path):
    _, run = trained
    renamed = tuple(replace(song, singer="bea") for song in tiny_set.songs)
    with pytest.raises(TrainingError, match="run: a run of anna cannot go on with bea"):
        load_start(run, "singer", replace(tiny_set, songs=renamed, singers=("bea",)))
    assert load_start(run, "singer", tiny_set).configs() == trained[0].configs()
    wide = replace(CONFIG, condition=replace(CONFIG.condition, channels=24))
    with pytest.raises(TrainingError, match=r"other sizes: condition.channels 16, not 24; .*same"):
        train_singer(tiny_set, codec, tmp_path / "run", wide, start_from=trained[0])
    assert not (tmp_path / "run").exists()


def test_a_singer_with_nothing_to_train_on_is_refused(tiny_set, codec, tmp_path):
    songs = [replace(tiny_set.songs[0], singer="bea"), *tiny_set.songs[1:]]
    both = replace(tiny_set, songs=tuple(songs), singers=("anna", "bea"))
    with pytest.raises(TrainingError, match="set: no song to train on, all are held out"):
        train_singer(both, codec, tmp_path / "run", replace(CONFIG, only_singer="bea"))
    assert not (tmp_path / "run").exists()


def test_one_singer_of_several(tiny_set, codec, tmp_path):
    last = replace(tiny_set.songs[2], singer="bea")
    both = replace(tiny_set, songs=(*tiny_set.songs[:2], last), singers=("anna", "bea"))
    one_step = replace(CONFIG, loop=replace(CONFIG.loop, steps=1))
    model = train_singer(both, codec, tmp_path, replace(one_step, only_singer="bea"))
    assert model.condition.config.n_singers == 2
    assert np.allclose(model.generator.mean, latents_of(codec, last).mean(0), atol=1e-4)
    with pytest.raises(TrainingError, match=r"no singer is called 'carl'; .* has anna, bea"):
        train_singer(both, codec, tmp_path / "b", replace(CONFIG, only_singer="carl"))


def test_pitch_is_jittered_by_the_clip_and_the_notes_are_not(tiny_set):
    clip = clips_of(tiny_set, validation=False)[0]
    draws = [
        _given([(clip, 30), (clip, 30)], CONFIG, np.random.default_rng(seed)) for seed in range(200)
    ]
    octaves = np.stack([given.curves[:, :, 0].numpy() for given in draws])
    away = 12 * octaves + 60 - clip.smooth_midi[30:94]
    assert np.ptp(away, axis=2).max() < 1e-4  # one number per clip
    assert away[:, 0, 0].std() == pytest.approx(0.3, abs=0.05)
    assert abs(np.corrcoef(away[:, 0, 0], away[:, 1, 0])[0, 1]) < 0.2
    assert all(torch.equal(given.note_midi, draws[0].note_midi) for given in draws)


def test_another_clock_is_refused(tiny_set, codec, tmp_path):
    other = replace(tiny_set, clock=Clock(22_050, 512))
    with pytest.raises(TrainingError, match=r"22050.*the codec on .*44100"):
        train_singer(other, codec, tmp_path, CONFIG)
