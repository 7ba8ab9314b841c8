"""Melody encoder: note pitch, duration and tempo → hidden tokens (HiddenSinger, section III-B)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hsing.condition.config import ConditionConfig
from hsing.condition.features import HIGHEST_TEMPO, LONGEST_NOTE_64THS, LOWEST_TEMPO
from hsing.layers.attention import FFTStack


class MelodyEncoder(nn.Module):
    """The three embeddings are concatenated, as in the paper.

    note_midi, note_beats64 int64 and note_bpm float, each [(batch, notes)]
    → [(batch, notes, channels)]
    """

    def __init__(self, config: ConditionConfig):
        super().__init__()
        pitch = config.channels // 2
        rest = config.channels // 4
        self.pitch = nn.Embedding(128, pitch)
        self.duration = nn.Embedding(LONGEST_NOTE_64THS + 1, rest)
        self.tempo = nn.Embedding(HIGHEST_TEMPO - LOWEST_TEMPO + 1, rest)
        # neighbouring durations and tempos start out alike, for those that no song has
        for table, scale in ((self.duration, 8.0), (self.tempo, 16.0), (self.pitch, 2.0)):
            _smooth(table, scale)
        self.enter = nn.Linear(pitch + 2 * rest, config.channels)
        self.blocks = FFTStack(**config.token_stack)

    def forward(self, midi: Tensor, beats64: Tensor, bpm: Tensor, mask: Tensor) -> Tensor:
        tempo = bpm.round().long().clamp(LOWEST_TEMPO, HIGHEST_TEMPO) - LOWEST_TEMPO
        parts = [
            self.pitch(midi.clamp(0, 127)),
            self.duration(beats64.clamp(0, LONGEST_NOTE_64THS)),
            self.tempo(tempo),
        ]
        return self.blocks(self.enter(torch.cat(parts, dim=-1)), mask)


@torch.no_grad()
def _smooth(table: nn.Embedding, scale: float) -> None:
    """Replace a table's random rows by a random smooth curve: rows `scale` apart are unrelated."""
    n, width = table.weight.shape
    position = torch.arange(n)[:, None] / scale
    frequency = torch.rand(width) * 0.9 + 0.1
    table.weight.copy_(torch.sin(position * frequency + torch.rand(width) * 2 * torch.pi))
