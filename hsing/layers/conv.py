"""Convolution blocks shared by the networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, LayerNorm, inverted bottleneck, residual (Liu et al. 2022, in 1-D).

    [shape=(batch, frames, channels)] → the same. An optional per-frame or per-clip modulation
    (scale, shift) is applied after the norm.
    """

    def __init__(self, channels: int, *, kernel: int = 7, expansion: int = 3):
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, expansion * channels)
        self.contract = nn.Linear(expansion * channels, channels)
        self.gain = nn.Parameter(torch.full((channels,), 0.1))

    def forward(self, x: Tensor, modulation: tuple[Tensor, Tensor] | None = None) -> Tensor:
        y = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        if modulation is not None:
            scale, shift = modulation
            y = y * (1.0 + scale) + shift
        return x + self.gain * self.contract(F.gelu(self.expand(y), approximate="tanh"))


class ConvNeXtStack(nn.Module):
    """Input convolution, `n_blocks` ConvNeXt blocks, final norm.

    [shape=(batch, frames, n_in)] → [shape=(batch, frames, channels)]
    """

    def __init__(self, n_in: int, channels: int, n_blocks: int, *, kernel=7, expansion=3):
        super().__init__()
        self.enter = nn.Conv1d(n_in, channels, kernel, padding=kernel // 2)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(channels, kernel=kernel, expansion=expansion) for _ in range(n_blocks)
        )
        self.norm = nn.LayerNorm(channels)
        self.reach_frames = (kernel // 2) * (n_blocks + 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.enter(x.transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            y = block(y)
        return self.norm(y)
