"""The condition encoder: a score's frames → h_cond and the prior's mean (the stage's one door)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hsing.condition.config import ConditionConfig
from hsing.condition.enhanced import EnhancedConditionEncoder
from hsing.condition.features import N_POSITIONS, Tokens
from hsing.condition.lyrics import LyricsEncoder
from hsing.condition.melody import MelodyEncoder


@dataclass(frozen=True)
class ConditionInput:
    """A batch of token windows, padded. Frames are never padded: all clips have the same number.

    curves : [shape=(batch, frames, n_curves)]; singer : int64 [shape=(batch,)]
    """

    phone_ids: Tensor
    phone_mask: Tensor
    note_midi: Tensor
    note_beats64: Tensor
    note_bpm: Tensor
    note_mask: Tensor
    phone_of_frame: Tensor
    note_of_frame: Tensor
    positions: Tensor
    curves: Tensor
    singer: Tensor

    def to(self, device: str) -> ConditionInput:
        return ConditionInput(**{name: value.to(device) for name, value in vars(self).items()})


@dataclass(frozen=True)
class Condition:
    """h : [(batch, frames/pool, channels)]; prior_mean μ̂ : [(batch, frames/pool, latent_dim)];
    regressed : [(batch, frames, n_regressed)]"""

    h: Tensor
    prior_mean: Tensor
    regressed: Tensor


class _Readout(nn.Linear):
    """nn.Linear that may have no outputs: it then has empty weights and nothing to initialise."""

    def reset_parameters(self) -> None:
        if self.out_features:
            super().reset_parameters()


class ConditionEncoder(nn.Module):
    """Lyrics encoder + melody encoder → frames → enhanced encoder → linear prior estimator."""

    def __init__(self, config: ConditionConfig):
        super().__init__()
        self.config = config
        self.lyrics = LyricsEncoder(config)
        self.melody = MelodyEncoder(config)
        self.frame = nn.Linear(N_POSITIONS + config.n_curves, config.channels)
        self.singer = nn.Embedding(config.n_singers, config.channels)
        self.enhanced = EnhancedConditionEncoder(config) if config.enhanced else nn.Identity()
        self.prior = nn.Linear(config.channels, config.latent_dim)
        self.regress = _Readout(config.channels, config.n_regressed)

    def forward(self, given: ConditionInput) -> Condition:
        lyrics = self.lyrics(given.phone_ids, given.phone_mask)
        melody = self.melody(given.note_midi, given.note_beats64, given.note_bpm, given.note_mask)
        frames = _expand(lyrics, given.phone_of_frame) + _expand(melody, given.note_of_frame)
        inputs = torch.cat([given.positions, given.curves], dim=-1)
        frames = frames + self.frame(inputs) + self.singer(given.singer)[:, None]
        h = self.enhanced(frames)
        pooled = _pool(h, self.config.pool)
        prior = self.prior(pooled)
        if self.config.prior == "standard":
            prior = torch.zeros_like(prior)
        return Condition(pooled, prior, self.regress(h))


def batch_of(
    clips: list[Tokens], curves: np.ndarray | None, singers: list[int], n_curves: int = 0
) -> ConditionInput:
    """Pad the tokens of clips of equal length into one batch.

    curves : float32 [shape=(batch, frames, n_curves)], None where there are none
    """
    n_frames = len(clips[0].phone_of_frame)
    if curves is None:
        curves = np.zeros((len(clips), n_frames, n_curves), np.float32)

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(clip, name) for clip in clips]))

    phone_ids, phone_mask = _pad([c.phone_ids for c in clips])
    note_midi, note_mask = _pad([c.note_midi for c in clips])
    return ConditionInput(
        phone_ids=phone_ids,
        phone_mask=phone_mask,
        note_midi=note_midi,
        note_beats64=_pad([c.note_beats64 for c in clips])[0],
        note_bpm=_pad([c.note_bpm for c in clips])[0],
        note_mask=note_mask,
        phone_of_frame=stack("phone_of_frame"),
        note_of_frame=stack("note_of_frame"),
        positions=stack("positions"),
        curves=torch.from_numpy(np.asarray(curves, np.float32)),
        singer=torch.tensor(singers),
    )


def _pad(rows: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    padded = torch.stack([F.pad(torch.from_numpy(r), (0, longest - len(r))) for r in rows])
    lengths = torch.tensor([len(r) for r in rows])
    return padded, torch.arange(longest) < lengths[:, None]


def _expand(tokens: Tensor, owner: Tensor) -> Tensor:
    """Tokens [(batch, tokens, channels)] to the frames that belong to them."""
    return tokens.gather(1, owner[..., None].expand(-1, -1, tokens.shape[-1]))


def _pool(x: Tensor, size: int) -> Tensor:
    """Mean over groups of `size` frames; the last group repeats its last frame."""
    if size == 1:
        return x
    short = -x.shape[1] % size
    if short:
        x = torch.cat([x, x[:, -1:].expand(-1, short, -1)], dim=1)
    return x.unflatten(1, (-1, size)).mean(dim=2)
