"""Loudness: A-weighting (IEC 61672-1) and levels per frame."""

from __future__ import annotations

import numpy as np
import torch

from hsing.audio.spectra import stft
from hsing.flow import Audio
from hsing.units import Clock


def a_weighting_db(f_hz: np.ndarray) -> np.ndarray:
    """A-weighting in dB (IEC 61672-1, Annex E), 0 dB at 1 kHz; −inf at 0 Hz."""
    f2 = np.asarray(f_hz, dtype=np.float64) ** 2
    numerator = 12194.217**2 * f2**2
    denominator = (
        (f2 + 20.598997**2)
        * np.sqrt((f2 + 107.65265**2) * (f2 + 737.86223**2))
        * (f2 + 12194.217**2)
    )
    with np.errstate(divide="ignore"):
        return 20.0 * np.log10(numerator / denominator) + 2.0


def loudness_db(audio: Audio, clock: Clock, *, n_fft: int = 2048, floor_db: float = -100.0):
    """A-weighted level of each frame in dB relative to a full-scale sine at 1 kHz.

    Returns float32 [shape=(clock.frames(audio.seconds),)].
    """
    spectrum = stft(torch.from_numpy(audio.samples)[None], n_fft, clock.hop)[0]
    bins = np.arange(n_fft // 2 + 1) * audio.sample_rate / n_fft
    weight = torch.from_numpy(10.0 ** (a_weighting_db(bins) / 10.0)).float()[:, None]
    # a full-scale sine has Σ|X|² = 3/32·n_fft² over a Hann window's main lobe
    power = (spectrum.abs().square() * weight).sum(dim=0) / (3.0 / 32.0 * n_fft**2)
    n_frames = clock.frames(audio.seconds)
    level = 10.0 * torch.log10(torch.clamp(power, min=10.0 ** (floor_db / 10.0)))
    return level[:n_frames].numpy()
