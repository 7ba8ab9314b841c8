"""Reconstruction losses of the codec."""

from __future__ import annotations

import torch
from torch import Tensor

from hsing.audio.spectra import log_mel, stft

FFT_SIZES = (2048, 1024, 512, 256)
_FLOOR = 1e-3


def spectral_losses(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Multi-scale spectral loss (DDSP, section 4.2.1) in two parts.

    output, target : [shape=(batch, n)]

    Returns `spectral/magnitude`, Σ over FFT sizes of mean |S − Ŝ| / mean S, and `spectral/log`,
    Σ of mean |log S − log Ŝ|. Hops are a quarter of the FFT size.
    """
    magnitude = log = output.new_zeros(())
    for n_fft in FFT_SIZES:
        ours = _magnitude(output, n_fft)
        theirs = _magnitude(target, n_fft)
        magnitude = magnitude + (ours - theirs).abs().mean() / theirs.mean().clamp(min=1e-3)
        log = log + (torch.log(ours + _FLOOR) - torch.log(theirs + _FLOOR)).abs().mean()
    return {"spectral/magnitude": magnitude, "spectral/log": log}


def mel_loss(output: Tensor, target: Tensor, sample_rate: int) -> Tensor:
    """Mean |Δ log-mel|, the measure that codec copies are reported in."""
    return (log_mel(output, sample_rate) - log_mel(target, sample_rate)).abs().mean()


def _magnitude(samples: Tensor, n_fft: int) -> Tensor:
    spectrum = stft(samples, n_fft, n_fft // 4)
    # the square root's slope is infinite at 0: keep it finite
    return (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
