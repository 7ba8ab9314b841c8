"""The diffusion of HiddenSinger, on the residual x = z′ − μ̂ (Eqs. 9–13).

With the data-driven prior N(μ̂, I) the forward SDE dz′ = ½(μ̂ − z′)β dt + √β dW becomes, for
x = z′ − μ̂, the variance-preserving SDE dx = −½ x β dt + √β dW, whose marginal is
x_t = α_t x₀ + σ_t ε with α_t = e^{−B/2}, σ_t² = 1 − e^{−B}, B = ∫₀ᵗ β.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoiseSchedule:
    """β rises in a straight line from beta_start to beta_end over t ∈ [0, 1]."""

    beta_start: float = 0.05
    beta_end: float = 20.0

    def beta(self, t: Tensor) -> Tensor:
        """β_t"""
        return self.beta_start + (self.beta_end - self.beta_start) * t

    def integral(self, t: Tensor) -> Tensor:
        """B = ∫₀ᵗ β"""
        return self.beta_start * t + 0.5 * (self.beta_end - self.beta_start) * t.square()

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Factor of the clean residual and of the noise at time t."""
        integral = self.integral(t)
        return torch.exp(-0.5 * integral), torch.sqrt(-torch.expm1(-integral))

    def log_snr(self, t: Tensor) -> Tensor:
        """log(α_t/σ_t), falling in t."""
        alpha, sigma = self.alpha_sigma(t)
        return torch.log(alpha / sigma)

    def time_of_log_snr(self, log_snr: Tensor) -> Tensor:
        """Inverse of `log_snr`: B = log(1 + e^{−2λ}), then the root of the quadratic in t."""
        integral = torch.nn.functional.softplus(-2.0 * log_snr)
        slope = self.beta_end - self.beta_start
        root = torch.sqrt(self.beta_start**2 + 2.0 * slope * integral)
        return (root - self.beta_start) / slope

    def times(self, n_steps: int, *, last_log_snr: float = 3.0) -> Tensor:
        """n_steps + 1 times from 1 down to 0, float64.

        Evenly spaced in log-SNR where it matters: the first step takes the noisiest stretch,
        where the denoiser can only answer with the mean; the last goes to 0 outright.
        """
        if n_steps == 1:
            return torch.tensor([1.0, 0.0], dtype=torch.float64)
        first = -2.5
        grid = torch.linspace(first, last_log_snr, n_steps - 1, dtype=torch.float64)
        one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
        return torch.cat([one, self.time_of_log_snr(grid), zero])
