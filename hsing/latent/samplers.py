"""Samplers: functions of a denoiser D(x_t, t), a starting point and a grid of times.

All of them solve the linear part of the SDE exactly and treat D as constant (or linear) over a
step: plain Euler steps on a uniform grid in t wreck the sample, since α and σ change by orders of
magnitude within one step. The stage's one door is `sample`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from hsing.errors import InputError
from hsing.latent.precondition import LatentGenerator
from hsing.latent.sde import NoiseSchedule

Denoise = Callable[[Tensor, Tensor], Tensor]
Noise = Callable[[Tensor], Tensor]


def euler_maruyama(
    denoise: Denoise, x: Tensor, times: Tensor, schedule: NoiseSchedule, noise: Noise
) -> Tensor:
    """Reverse SDE of the paper (Eq. 13) by plain Euler–Maruyama, for comparison: it wants
    hundreds of steps. The score is (α D − x)/σ²."""
    for now, then in pairwise(times):
        alpha, sigma = (float(v) for v in schedule.alpha_sigma(now))
        score = (alpha * denoise(x, now) - x) / sigma**2
        beta_dt = float(schedule.beta(now) * (now - then))
        x = x + (0.5 * x + score) * beta_dt
        if then > 0:
            x = x + beta_dt**0.5 * noise(x)
    return x


def reverse_sde(
    denoise: Denoise, x: Tensor, times: Tensor, schedule: NoiseSchedule, noise: Noise
) -> Tensor:
    """Reverse SDE, each step drawn from the exact Gaussian bridge q(x_s | x_t, x₀ = D)."""
    for now, then in pairwise(times):
        clean = denoise(x, now)
        alpha, sigma = (float(v) for v in schedule.alpha_sigma(now))
        alpha_s, sigma_s = (float(v) for v in schedule.alpha_sigma(then))
        step = alpha / alpha_s
        fresh = sigma**2 - (step * sigma_s) ** 2
        mean = (step * sigma_s**2 * x + alpha_s * fresh * clean) / sigma**2
        x = mean + sigma_s * fresh**0.5 / sigma * noise(x) if then > 0 else mean
    return x


def probability_flow(
    denoise: Denoise, x: Tensor, times: Tensor, schedule: NoiseSchedule, noise: Noise
) -> Tensor:
    """Probability-flow ODE, exponential (DDIM) steps: x_s = α_s D + σ_s/σ_t (x_t − α_t D)."""
    for now, then in pairwise(times):
        clean = denoise(x, now)
        x = _flow_step(x, clean, now, then, schedule)
    return x


def second_order(
    denoise: Denoise, x: Tensor, times: Tensor, schedule: NoiseSchedule, noise: Noise
) -> Tensor:
    """Probability-flow ODE, two-step (DPM-Solver++ 2M, Lu et al. 2022): D is extrapolated along
    log-SNR from the step before. One evaluation per step, like `probability_flow`."""
    before = None
    for now, then in pairwise(times):
        clean = denoise(x, now)
        guess = clean
        if before is not None and then > 0:
            last_clean, last_log_snr = before
            log_snr = float(schedule.log_snr(now))
            ratio = (float(schedule.log_snr(then)) - log_snr) / (log_snr - last_log_snr)
            guess = clean + 0.5 * ratio * (clean - last_clean)
        before = clean, float(schedule.log_snr(now))
        x = _flow_step(x, guess, now, then, schedule)
    return x


SAMPLERS = {
    "second-order": second_order,
    "probability-flow": probability_flow,
    "reverse-sde": reverse_sde,
    "euler-maruyama": euler_maruyama,
}


@torch.inference_mode()
def sample(
    generator: LatentGenerator,
    prior_mean: Tensor,
    h: Tensor,
    *,
    n_steps: int,
    temperature: float,
    seed: int,
    sampler: str = "second-order",
    window_frames: int = 2048,
    progress: Callable[[], None] = lambda: None,
) -> Tensor:
    """Draw z′ from N(μ̂, τ⁻¹) backwards through the SDE.

    Parameters
    ----------
    prior_mean : μ̂ [shape=(1, frames, latent_dim)]; h : [shape=(1, frames, channels)]
    n_steps : evaluations of the denoiser; 0 gives μ̂ itself
    temperature : τ of the paper: higher is calmer (1.5 there)
    seed : same seed, same machine, same samples
    sampler : a name in SAMPLERS
    window_frames : frames denoised at a time; each window is computed with the network's whole
        reach on both sides, so windows leave no seams
    """
    if sampler not in SAMPLERS:
        raise InputError(f"no sampler is called '{sampler}'; there are {', '.join(SAMPLERS)}")
    if n_steps == 0:
        return prior_mean
    random = torch.Generator().manual_seed(seed)

    def noise(x: Tensor) -> Tensor:
        return torch.randn(x.shape, generator=random).to(x.device)

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        progress()
        return _in_windows(generator, x, t, prior_mean, h, window_frames)

    times = generator.schedule.times(n_steps)
    if sampler == "euler-maruyama":
        times = torch.linspace(1.0, 0.0, n_steps + 1, dtype=torch.float64)
    start = noise(prior_mean) / temperature**0.5
    residual = SAMPLERS[sampler](denoise, start, times, generator.schedule, noise)
    return prior_mean + generator.scale * residual


def _in_windows(generator: LatentGenerator, x, t, prior_mean, h, size: int) -> Tensor:
    reach, n_frames = generator.denoiser.reach_frames, x.shape[1]
    pieces = []
    for start in range(0, n_frames, size):
        end = min(start + size, n_frames)
        left, right = max(0, start - reach), min(n_frames, end + reach)
        denoise = generator.denoise(prior_mean[:, left:right], h[:, left:right])
        pieces.append(denoise(x[:, left:right], t)[:, start - left : end - left])
    return torch.cat(pieces, dim=1)


def _flow_step(x: Tensor, clean: Tensor, now: Tensor, then: Tensor, schedule) -> Tensor:
    alpha, sigma = (float(v) for v in schedule.alpha_sigma(now))
    alpha_s, sigma_s = (float(v) for v in schedule.alpha_sigma(then))
    return alpha_s * clean + sigma_s / sigma * (x - alpha * clean)
