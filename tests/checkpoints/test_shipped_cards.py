"""The cards of the shipped models give credit, say what was measured, and fit their weights."""

from pathlib import Path

import pytest

from hsing.checkpoints.card import CARD_FILE, read_card
from hsing.checkpoints.load import load_components, read_config

ROOT = Path(__file__).resolve().parents[2] / "checkpoints"
MODELS = sorted(path.parent for path in ROOT.glob("*/config.json"))
LARGEST_MB, LARGEST_TOTAL_MB = 30, 120


def test_the_promised_models_are_there():
    assert {"codec-44k", "nit070", "pjs"} <= {folder.name for folder in MODELS}


@pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)
def test_card(folder):
    card = read_card(folder / CARD_FILE)
    config, _ = load_components(folder)  # checks every SHA-256
    assert card.name == folder.name
    assert card.licence == config["licence"] == "CC-BY-SA-4.0"
    for credit in ("Koguchi", "Takamichi", "Nagoya Institute of Technology", "creativecommons.org"):
        assert credit in card.attribution
    assert card.data and card.figures and card.command.startswith("hsing ") and card.text
    assert {f"pjs{n:03d}" for n in range(90, 95)} < set(card.validation)
    assert card.sha256 == {
        part["file"]: part["sha256"] for part in read_config(folder)["components"].values()
    }


def test_models_are_small_enough_to_travel():
    sizes = [sum(f.stat().st_size for f in m.glob("*.safetensors")) / 1e6 for m in MODELS]
    assert max(sizes) <= LARGEST_MB and sum(sizes) <= LARGEST_TOTAL_MB
