"""What the loss and the samplers share: the residual, its scale, and the network's role.

μ̂ explains much of z′, and not the same share of every dimension. The residual x = (z′ − μ̂)/s has
unit variance in each (s is tracked while training), so that the terminal N(0, I) of the SDE fits
it. The network F predicts neither x₀ nor ε but v = (x₀ − α x_t)/σ, which has unit variance at
every time (Salimans & Ho 2022; Karras et al. 2022, with σ_data = 1): D(x_t) = α x_t + σ F.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hsing.latent.config import LatentConfig
from hsing.latent.denoiser import Denoiser
from hsing.latent.sde import NoiseSchedule

_TRACKING = 0.99
_LOWEST_SCALE = 0.02


class LatentGenerator(nn.Module):
    """z′ = (z − mean)/std, the residual's scale, and the denoiser of the residual."""

    def __init__(self, config: LatentConfig):
        super().__init__()
        self.config = config
        self.schedule = NoiseSchedule(config.beta_start, config.beta_end)
        self.denoiser = Denoiser(config)
        self.register_buffer("mean", torch.zeros(config.latent_dim))
        self.register_buffer("std", torch.ones(config.latent_dim))
        self.register_buffer("scale", torch.ones(config.latent_dim))

    def normalise(self, latent: Tensor) -> Tensor:
        """z → z′"""
        return (latent - self.mean) / self.std

    def denormalise(self, latent: Tensor) -> Tensor:
        """z′ → z"""
        return latent * self.std + self.mean

    def losses(
        self, target: Tensor, prior_mean: Tensor, h: Tensor, weight: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Score matching (Eq. 14) and the prior's negative log-likelihood.

        Parameters
        ----------
        target : z′ [shape=(batch, frames, latent_dim)]
        prior_mean : μ̂, like target; h : [shape=(batch, frames, channels)]
        weight : [shape=(batch, frames, 1)], what each frame counts; None = 1

        Returns `diffusion/score`, mean |F − v|², log-SNR drawn evenly from −5 to 5, and
        `prior/nll`, ½ mean |z′ − μ̂|² (N(μ̂, I) less its constant).
        """
        weight = torch.ones_like(target[..., :1]) if weight is None else weight
        residual = target - prior_mean
        nll = 0.5 * _mean(residual.square(), weight)
        # the prior learns by its likelihood alone: the score's target must not move under it
        residual = residual.detach()
        if self.training:
            self._track(residual, weight)
        clean = residual / self.scale
        # one evenly spread set of times per batch has less variance than independent draws
        batch = len(target)
        spread = torch.arange(batch, device=target.device) + torch.rand(1, device=target.device)
        log_snr = 10.0 * (spread / batch) - 5.0
        time = self.schedule.time_of_log_snr(log_snr)
        alpha, sigma = (x[:, None, None] for x in self.schedule.alpha_sigma(time))
        noisy = alpha * clean + sigma * torch.randn_like(clean)
        answer = self.denoiser(noisy, log_snr, prior_mean.detach(), h)
        wanted = (clean - alpha * noisy) / sigma
        return {
            "diffusion/score": _mean((answer - wanted).square(), weight),
            "prior/nll": nll,
        }

    def denoise(self, prior_mean: Tensor, h: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """D(x_t, t): the expected clean residual, for the samplers. t is a float64 scalar."""

        def expected(x: Tensor, t: Tensor) -> Tensor:
            alpha, sigma = (float(value) for value in self.schedule.alpha_sigma(t))
            log_snr = self.schedule.log_snr(t).float().clamp(-5.0, 5.0).expand(len(x))
            return alpha * x + sigma * self.denoiser(x, log_snr.to(x.device), prior_mean, h)

        return expected

    @torch.no_grad()
    def _track(self, residual: Tensor, weight: Tensor) -> None:
        square = (residual.square() * weight).sum(dim=(0, 1)) / weight.sum().clamp(min=1.0)
        power = _TRACKING * self.scale.square() + (1 - _TRACKING) * square
        self.scale.copy_(power.sqrt().clamp(min=_LOWEST_SCALE))


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / (weight.sum() * values.shape[-1]).clamp(min=1.0)
