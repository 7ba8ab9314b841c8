"""The denoising network: ConvNeXt blocks told the time, the prior's mean and the condition."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hsing.latent.config import LatentConfig
from hsing.layers.conv import ConvNeXtBlock

_N_FREQUENCIES = 32


class Denoiser(nn.Module):
    """x [(batch, frames, latent_dim)], log_snr [(batch,)], mean like x, h [(batch, frames, c)]
    → [(batch, frames, latent_dim)]"""

    def __init__(self, config: LatentConfig):
        super().__init__()
        channels = config.channels
        self.enter = nn.Conv1d(2 * config.latent_dim, channels, 3, padding=1)
        self.condition = nn.Linear(config.condition_channels, channels)
        self.time = nn.Sequential(
            nn.Linear(2 * _N_FREQUENCIES, channels), nn.SiLU(), nn.Linear(channels, channels)
        )
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(channels, kernel=config.kernel, expansion=config.expansion)
            for _ in range(config.n_blocks)
        )
        self.modulations = nn.ModuleList(
            nn.Linear(channels, 2 * channels) for _ in range(config.n_blocks)
        )
        self.norm = nn.LayerNorm(channels)
        self.leave = nn.Linear(channels, config.latent_dim)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        self.reach_frames = 1 + config.n_blocks * (config.kernel // 2)

    def forward(self, x: Tensor, log_snr: Tensor, mean: Tensor, h: Tensor) -> Tensor:
        time = self.time(_fourier(log_snr))[:, None]
        y = self.enter(torch.cat([x, mean], dim=-1).transpose(1, 2)).transpose(1, 2)
        condition = self.condition(h)
        for block, modulate in zip(self.blocks, self.modulations):
            y = block(y + condition, modulate(time).chunk(2, dim=-1))
        return self.leave(self.norm(y))


def _fourier(log_snr: Tensor) -> Tensor:
    """Sines and cosines of log-SNR at frequencies from 1/20 to 2 cycles per unit."""
    frequency = torch.exp(
        torch.linspace(math.log(0.05), math.log(2.0), _N_FREQUENCIES, device=log_snr.device)
    )
    angle = 2.0 * math.pi * log_snr[:, None].to(frequency.dtype) * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
