"""The pitch model's recipe: the loss falls, transposition is consistent, runs can be resumed."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_song import PITCH_CONDITION, PITCH_LATENT

from hsing.errors import TrainingError
from hsing.training.clips import clips_of
from hsing.training.loop import LoopConfig
from hsing.training.pitch import UNTRUSTED_WEIGHT, PitchTraining, _batch, pitch_losses, train_pitch
from hsing.training.runs import load_run_generator, read_run

CONFIG = PitchTraining(
    condition=replace(PITCH_CONDITION, n_singers=7),
    latent=PITCH_LATENT,
    loop=LoopConfig(steps=60, learning_rate=1e-2, warmup_steps=2, log_every=10, validate_every=20),
    batch_clips=4,
    clip_frames=128,
)


@pytest.fixture(scope="module")
def trained(tiny_set, tmp_path_factory):
    run = tmp_path_factory.mktemp("pitch") / "run"
    return train_pitch(tiny_set, run, CONFIG), run


def rows(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_the_loss_falls(trained):
    logged = [row for row in rows(trained[1]) if "total" in row]
    assert set(CONFIG.weights) < set(logged[0])
    assert logged[-1]["total"] < 0.8 * logged[0]["total"]
    assert logged[-1]["pitch/voicing"] < 0.8 * logged[0]["pitch/voicing"]


def test_the_run_leaves_its_files_and_reads_back(trained, tiny_set):
    model, run = trained
    assert {path.name for path in run.iterdir()} == {"state.pt", "best.pt", "log.jsonl", "run.json"}
    assert model.condition.config.n_singers == len(tiny_set.singers) == 1
    told, _ = read_run(run, "pitch")
    assert told["configs"] == model.configs()
    loaded = load_run_generator(run, "pitch")
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    with pytest.raises(TrainingError, match="holds a run of 'pitch', not of 'singer'"):
        read_run(run, "singer")
    with pytest.raises(TrainingError, match="no training run; make one with 'hsing train pitch'"):
        read_run(run.parent, "pitch")


def test_the_model_kept_is_the_best_on_the_held_out_song(trained):
    _, run = trained
    figures = {
        row["step"]: row["validation/total"] for row in rows(run) if "validation/total" in row
    }
    best = torch.load(run / "best.pt", weights_only=True)
    assert set(figures) == {20, 40, 60}
    assert best["figure"] == pytest.approx(min(figures.values()), abs=1e-5)
    assert figures[best["step"]] == min(figures.values())


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(trained, tiny_set, tmp_path):
    def die(step, row):
        if step == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_pitch(
            tiny_set,
            tmp_path,
            replace(CONFIG, loop=replace(CONFIG.loop, save_every_s=0.0)),
            report=die,
        )
    resumed = train_pitch(tiny_set, tmp_path, CONFIG)
    for name, tensor in trained[0].state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_transposition_moves_the_notes_and_nothing_else(tiny_set):
    clip = clips_of(tiny_set, validation=False)[0]
    plain = _batch([(clip, 20, 0)], 128, "cpu")
    moved = _batch([(clip, 20, 5)], 128, "cpu")
    notes, higher = plain[0].note_midi, moved[0].note_midi
    assert torch.equal(higher[notes > 0], notes[notes > 0] + 5)
    assert (higher[notes == 0] == 0).all() and (notes == 0).any()
    for name, value in vars(plain[0]).items():
        if name != "note_midi":
            assert torch.equal(getattr(moved[0], name), value), name
    assert all(torch.equal(a, b) for a, b in zip(plain[1:], moved[1:]))


def test_what_the_losses_are_given(tiny_set):
    clip = clips_of(tiny_set, validation=False)[0]
    _, shape, weight, bias, trusted, voiced = _batch([(clip, 20, 0)], 128, "cpu")
    assert shape.shape == weight.shape == (1, 64, 1)
    assert float(shape[0, 3, 0]) == pytest.approx(clip.shape[26:28].mean(), abs=1e-6)
    expected = clip.trusted[20:148].reshape(64, 2).mean(1) + UNTRUSTED_WEIGHT
    assert np.allclose(weight[0, :, 0], expected)
    assert bias.shape == trusted.shape == voiced.shape == (1, 128)


def test_the_bias_is_judged_where_it_is_trusted_alone(trained, tiny_set):
    model, _ = trained
    clip = clips_of(tiny_set, validation=True)[0]
    given, shape, weight, bias, trusted, voiced = _batch([(clip, 0, 0)], 200, "cpu")

    def loss(other):
        torch.manual_seed(0)
        return float(
            pitch_losses(model, given, shape, weight, other, trusted, voiced)["pitch/bias"].detach()
        )

    assert loss(bias + 3 * (1 - trusted)) == loss(bias)
    assert loss(bias + 3 * trusted) > loss(bias) + 1


def test_sizes_that_follow_are_set_whatever_the_configuration_says(tiny_set, tmp_path):
    odd = replace(
        CONFIG,
        condition=replace(CONFIG.condition, channels=24, pool=4, n_regressed=1, n_curves=2),
        latent=replace(CONFIG.latent, latent_dim=3),
        loop=LoopConfig(steps=1),
    )
    configs = train_pitch(tiny_set, tmp_path, odd).configs()
    assert configs["condition"]["channels"] == configs["latent"]["condition_channels"] == 24
    assert configs["condition"]["pool"] == 4 and configs["latent"]["latent_dim"] == 1


def test_nothing_to_train_on_is_refused(tiny_set, tmp_path):
    songs = tuple(replace(song, validation=True) for song in tiny_set.songs)
    with pytest.raises(TrainingError, match="set: no song to train on, all are held out"):
        train_pitch(replace(tiny_set, songs=songs), tmp_path / "run", CONFIG)
    assert not (tmp_path / "run").exists()


def test_an_all_training_set_needs_no_validation(tiny_set, tmp_path):
    songs = tuple(replace(song, validation=False) for song in tiny_set.songs)
    model = train_pitch(
        replace(tiny_set, songs=songs), tmp_path, replace(CONFIG, loop=LoopConfig(steps=1))
    )
    assert not (tmp_path / "best.pt").exists() and not model.training
