"""Weights come back as they were saved, or not at all."""

import hashlib
import json
import pickle

import pytest
import torch
from tiny_checkpoint import CARD, CONFIG, tiny_components

from hsing.checkpoints.card import read_card
from hsing.checkpoints.load import load_components, read_config
from hsing.checkpoints.save import save_checkpoint
from hsing.errors import CheckpointError, InputError


def test_float32_comes_back_bit_for_bit(voice):
    config, components = load_components(voice)
    assert {key: config[key] for key in CONFIG} == CONFIG
    for name, (network_config, state) in tiny_components().items():
        loaded_config, loaded = components[name]
        assert loaded_config == network_config
        assert loaded.keys() == state.keys()
        assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_float16_halves_the_weights_and_leaves_integers(home):
    state = {"w": torch.linspace(-1, 1, 1000), "n": torch.tensor([70000])}
    folder = save_checkpoint(home / "half", CONFIG, {"x": ({}, state)}, CARD, dtype="float16")
    assert 2000 < (folder / "x.safetensors").stat().st_size < 2300
    loaded = load_components(folder)[1]["x"][1]
    assert loaded["w"].dtype == torch.float32
    assert torch.equal(loaded["w"], state["w"].half().float())
    assert torch.equal(loaded["n"], state["n"])


def test_weights_that_share_memory_or_are_transposed_are_saved(home):
    weight = torch.arange(6.0).reshape(2, 3)
    state = {"a": weight, "tied": weight, "transposed": weight.T}
    folder = save_checkpoint(home / "tied", CONFIG, {"x": ({}, state)}, CARD)
    loaded = load_components(folder)[1]["x"][1]
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_config_and_card_hold_the_sha256_of_each_file(voice):
    for name in ("singer", "pitch"):
        file = f"{name}.safetensors"
        digest = hashlib.sha256((voice / file).read_bytes()).hexdigest()
        assert read_config(voice)["components"][name]["sha256"] == digest
        assert read_card(voice / "card.md").sha256[file] == digest


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_weights_that_float16_cannot_hold_are_refused(home, value):
    components = {"x": ({}, {"layer.w": torch.tensor([value])})}
    with pytest.raises(CheckpointError, match="x: weight 'layer.w' is not finite in float16"):
        save_checkpoint(home / "bad", CONFIG, components, CARD, dtype="float16")
    assert list(home.iterdir()) == []


def test_an_old_checkpoint_is_replaced_only_by_force_and_its_neighbours_stay(voice):
    (voice / "log.txt").write_text("kept")
    components = {"singer": ({}, {"w": torch.zeros(1)})}
    with pytest.raises(InputError, match="tiny exists; give --force to overwrite"):
        save_checkpoint(voice, CONFIG, components, CARD)
    save_checkpoint(voice, CONFIG, components, CARD, force=True)
    assert list(load_components(voice)[1]) == ["singer"]
    assert sorted(path.name for path in voice.iterdir()) == [
        "card.md",
        "config.json",
        "log.txt",
        "singer.safetensors",
    ]
    assert [path.name for path in voice.parent.iterdir()] == ["tiny"]


def test_a_failed_save_leaves_the_old_checkpoint(voice):
    before = {path.name: path.read_bytes() for path in voice.iterdir()}
    components = {"a": ({}, {"w": torch.ones(1)}), "b": ({}, {"w": torch.tensor([torch.nan])})}
    with pytest.raises(CheckpointError, match="not finite"):
        save_checkpoint(voice, CONFIG, components, CARD, force=True)
    assert {path.name: path.read_bytes() for path in voice.iterdir()} == before


def test_saving_where_there_is_no_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist"):
        save_checkpoint(tmp_path / "nowhere" / "x", CONFIG, tiny_components(), CARD)


def test_one_flipped_bit_is_noticed(voice):
    path = voice / "singer.safetensors"
    weights = bytearray(path.read_bytes())
    weights[-1] ^= 1
    path.write_bytes(weights)
    with pytest.raises(CheckpointError, match="singer.safetensors is damaged .* SHA-256"):
        load_components(voice)
    assert list(load_components(voice, only=("pitch",))[1]) == ["pitch"]


def test_a_missing_component_lists_those_there_are(voice):
    with pytest.raises(CheckpointError, match="no component 'codec'; it has singer, pitch"):
        load_components(voice, only=("codec",))


def test_a_missing_weights_file_is_named(voice):
    (voice / "pitch.safetensors").unlink()
    with pytest.raises(CheckpointError, match="pitch.safetensors cannot be read .No such file"):
        load_components(voice)


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("singer.pt", "'singer.pt' is refused"),
        ("evil.safetensors", "not a safetensors file"),
        ("../tiny/evil.safetensors", "is refused"),
    ],
)
def test_pickles_and_files_elsewhere_are_refused(voice, file, message):
    bomb = pickle.dumps(_Bomb())
    (voice / file).write_bytes(bomb)
    config = json.loads((voice / "config.json").read_text())
    entry = config["components"]["singer"]
    entry |= {"file": file, "sha256": hashlib.sha256(bomb).hexdigest()}
    (voice / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=message):
        load_components(voice)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "'kind' is missing"),
        ('{"kind": "voice"}', "lists no components"),
        ('{"kind": "voice", "components": {"x": {"file": "x"}}}', "'x' needs file, config and"),
    ],
)
def test_a_malformed_config_is_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=message) as refusal:
        load_components(tmp_path)
    assert "\n" not in str(refusal.value)
