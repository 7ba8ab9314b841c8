"""A model of a dozen weights."""

import torch

from hsing.checkpoints.card import Card

CONFIG = {
    "kind": "voice",
    "sample_rate": 44100,
    "hop": 512,
    "singer": "tiny",
    "languages": ["ja"],
    "licence": "CC BY-SA 4.0",
    "parents": {"codec": "tiny-codec"},
}
CARD = Card(name="tiny", licence="CC BY-SA 4.0", attribution="Nobody, 2026", languages=("ja",))


def tiny_components():
    torch.manual_seed(0)
    singer = {"layer.weight": torch.randn(3, 4), "codebook.used": torch.tensor([70000, 1, 2])}
    return {"singer": ({"width": 4}, singer), "pitch": ({"width": 1}, {"bias": torch.ones(2)})}
