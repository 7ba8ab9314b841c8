"""Configuration of the condition encoder, saved with its weights."""

from __future__ import annotations

from dataclasses import dataclass

from hsing.errors import InputError

PRIORS = ("data", "standard")


@dataclass(frozen=True)
class ConditionConfig:
    """Defaults: the shipped voices. The paper's sizes: 4 blocks, 2 heads, 192 channels, kernel 9,
    and attention over the whole song; on half an hour of singing they learn the songs by heart,
    so the defaults see a few tokens to either side.

    `n_curves` frame-level curves (pitch, voicing, …) are read beside the tokens; `n_regressed`
    curves are predicted from h_cond by plain regression; `pool` frames of h_cond are averaged
    into one for the latent generator. `enhanced` and `prior` ('data' or 'standard') exist for the
    paper's ablations. Raises InputError if `prior` is neither.
    """

    n_phones: int = 128
    n_singers: int = 1
    channels: int = 192
    n_heads: int = 2
    token_blocks: int = 2
    token_kernel: int = 3
    token_reach: int = 3
    dropout: float = 0.2
    enhanced: bool = True
    enhanced_blocks: int = 3
    kernel: int = 7
    expansion: int = 2
    n_curves: int = 0
    n_regressed: int = 0
    pool: int = 1
    latent_dim: int = 32
    prior: str = "data"

    def __post_init__(self) -> None:
        if self.prior not in PRIORS:
            raise InputError(f"prior must be {' or '.join(PRIORS)}, not '{self.prior}'")

    @property
    def token_stack(self) -> dict:
        """Arguments of `layers.attention.FFTStack` for the lyrics and melody encoders."""
        return {
            "channels": self.channels,
            "n_blocks": self.token_blocks,
            "n_heads": self.n_heads,
            "kernel": self.token_kernel,
            "reach": self.token_reach,
            "dropout": self.dropout,
        }
