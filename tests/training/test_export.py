"""Runs become checkpoints that sing what the runs' models would."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_song import CODEC, CONDITION, LATENT, PITCH_CONDITION, PITCH_LATENT

from hsing.align.timing import TimingConfig, TimingModel
from hsing.checkpoints.card import read_card
from hsing.checkpoints.load import read_config
from hsing.errors import InputError, TrainingError
from hsing.lyrics.inventory import INVENTORY
from hsing.pipelines.synth import SynthOptions, sing
from hsing.pipelines.voice import Voice, load_codec, load_voice
from hsing.training.codec import CodecTraining, copy_of, train_codec
from hsing.training.export import (
    Provenance,
    export_codec,
    export_voice,
    read_provenance,
)
from hsing.training.loop import LoopConfig
from hsing.training.pitch import PitchTraining, train_pitch
from hsing.training.singer import SingerTraining, train_singer
from hsing.training.timing import save_timing

LOOP = LoopConfig(steps=4, learning_rate=1e-2, warmup_steps=1, validate_every=2)
PROVENANCE = Provenance("CC0", "nobody", ["synthetic singing"], "make it", {"mel": 0.5}, "A test.")


@pytest.fixture(scope="module")
def runs(tiny_set, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    codec = train_codec(
        tiny_set,
        folder / "codec",
        CodecTraining(model=CODEC, loop=LOOP, batch_clips=2, clip_frames=24, quantizer_from_step=2),
    )
    pitch = train_pitch(
        tiny_set,
        folder / "pitch",
        PitchTraining(PITCH_CONDITION, PITCH_LATENT, loop=LOOP, clip_frames=128),
    )
    timbre = train_singer(
        tiny_set, codec, folder / "singer", SingerTraining(CONDITION, LATENT, LOOP)
    )
    torch.manual_seed(0)
    config = TimingConfig(n_phones=len(INVENTORY), phones=[9, 13], singers=["anna"])
    timing = TimingModel(config).eval()
    torch.nn.init.normal_(timing.net[-1].weight)
    (folder / "timing").mkdir()
    save_timing(timing, folder / "timing")
    export_codec(folder / "codec", folder / "tiny-codec", PROVENANCE)
    export_voice(folder / "tiny", **arguments(folder))
    return SimpleNamespace(folder=folder, codec=codec, pitch=pitch, timbre=timbre, timing=timing)


def arguments(folder, **changes):
    return {
        "singer": "anna",
        "codec": "tiny-codec",
        "timing_run": folder / "timing",
        "pitch_run": folder / "pitch",
        "singer_run": folder / "singer",
        "languages": ("ja",),
        "provenance": PROVENANCE,
        **changes,
    }


def halved(model):
    """The weights as half precision holds them."""
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    return model.eval()


def test_weights_come_back_to_half_precision(runs):
    voice = load_voice(str(runs.folder / "tiny"))
    for ours, theirs in (
        (voice.codec, runs.codec),
        (voice.pitch, runs.pitch),
        (voice.timbre, runs.timbre),
        (voice.timing, runs.timing),
    ):
        assert not ours.training
        state, expected = ours.state_dict(), theirs.state_dict()
        assert state.keys() == expected.keys()
        for name, tensor in expected.items():
            rounded = tensor.half().float() if tensor.is_floating_point() else tensor
            assert torch.equal(state[name], rounded), name


def test_the_exported_voice_sings_what_the_runs_models_sing(runs, tiny_set):
    voice = load_voice(str(runs.folder / "tiny"))
    timeline = tiny_set.songs[0].timeline
    own = Voice(
        **{
            **vars(voice),
            "timing": halved(runs.timing),
            "pitch": halved(runs.pitch),
            "timbre": halved(runs.timbre),
            "codec": halved(runs.codec),
        }
    )
    options = SynthOptions(steps=3, seed=5)
    ours, f0_hz = sing(timeline, voice, options)
    theirs, expected = sing(timeline, own, options)
    assert np.array_equal(f0_hz, expected) and np.array_equal(ours.samples, theirs.samples)
    assert np.abs(ours.samples).max() > 1e-3


def test_the_exported_codec_copies_what_the_runs_codec_copies(runs, tiny_set):
    song = tiny_set.songs[0]
    ours = copy_of(load_codec(str(runs.folder / "tiny-codec")), song, None, "cpu")
    assert np.array_equal(ours, copy_of(halved(runs.codec), song, None, "cpu"))


def test_config_and_card_say_what_the_voice_is(runs):
    config = read_config(runs.folder / "tiny")
    assert (config["kind"], config["singer"], config["singer_index"]) == ("voice", "anna", 0)
    assert config["range_midi"] == [58, 70]  # of the songs trained on
    sha256 = read_config(runs.folder / "tiny-codec")["components"]["codec"]["sha256"]
    assert config["parents"] == {"codec": {"name": "tiny-codec", "sha256": sha256}}
    assert config["languages"] == ["ja"]
    assert (config["sample_rate"], config["hop"]) == (44_100, 512)
    card = read_card(runs.folder / "tiny" / "card.md")
    assert (card.name, card.licence, card.singer) == ("tiny", "CC0", "anna")
    assert card.validation == ("a1",) and card.data == ("synthetic singing",)
    assert card.figures == {"mel": 0.5} and card.command == "make it" and card.text == "A test."
    assert read_card(runs.folder / "tiny-codec" / "card.md").name == "tiny-codec"


def test_refusals(runs, tmp_path):
    with pytest.raises(InputError, match=r"'bea' must be a singer of both runs; .* has anna"):
        export_voice(tmp_path / "a", **arguments(runs.folder, singer="bea"))
    with pytest.raises(TrainingError, match="holds a run of 'codec', not of 'pitch'"):
        export_voice(tmp_path / "a", **arguments(runs.folder, pitch_run=runs.folder / "codec"))
    with pytest.raises(TrainingError, match="no training run; make one with 'hsing train codec'"):
        export_codec(tmp_path, tmp_path / "a", PROVENANCE)
    with pytest.raises(InputError, match="tiny exists; give --force to overwrite"):
        export_voice(runs.folder / "tiny", **arguments(runs.folder))
    assert list(tmp_path.iterdir()) == []


def test_a_singer_who_was_only_held_out_has_no_voice(runs, tmp_path):
    (tmp_path / "run").mkdir()
    told = json.loads((runs.folder / "singer" / "run.json").read_text())
    told["statistics"]["anna"] = {"songs": 0}
    (tmp_path / "run" / "run.json").write_text(json.dumps(told))
    (tmp_path / "run" / "state.pt").write_bytes((runs.folder / "singer" / "state.pt").read_bytes())
    with pytest.raises(InputError, match="'anna' has no songs to train on"):
        export_voice(tmp_path / "a", **arguments(runs.folder, singer_run=tmp_path / "run"))


def test_provenance_is_read_whole(tmp_path):
    path = tmp_path / "card.yaml"
    path.write_text("licence: CC0\nattribution: nobody\nfigures: {mel: 0.5}\ndata: [a, b]\n")
    provenance = read_provenance(path)
    assert provenance == replace(Provenance("CC0", "nobody"), figures={"mel": 0.5}, data=["a", "b"])
    for text, message in (
        ("licence: CC0\n", r"card.yaml: a card needs 'licence' and 'attribution'"),
        ("license: CC0\n", r"unknown key 'license'; known: licence, attribution"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_provenance(path)
