"""Configuration of the latent generator, saved with its weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LatentConfig:
    """`beta_start`, `beta_end` : the paper's noise schedule β₀ = .05, β₁ = 20."""

    latent_dim: int = 32
    condition_channels: int = 192
    channels: int = 192
    n_blocks: int = 6
    kernel: int = 7
    expansion: int = 2
    beta_start: float = 0.05
    beta_end: float = 20.0
