"""Spectra and the mel scale, in torch."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


@lru_cache(maxsize=32)
def _window(n_fft: int, device: str) -> Tensor:
    # a tensor made in inference mode could never be trained through, and this one is kept
    with torch.inference_mode(False):
        return torch.hann_window(n_fft, device=device)


def stft(samples: Tensor, n_fft: int, hop: int) -> Tensor:
    """Complex spectrogram, Hann window, frame k centred on sample k·hop (zeros beyond the ends).

    samples : [shape=(batch, n)] → complex [shape=(batch, n_fft//2 + 1, n//hop + 1)]
    """
    window = _window(n_fft, str(samples.device))
    return torch.stft(
        samples, n_fft, hop, window=window, center=True, pad_mode="constant", return_complex=True
    )


def istft(spectrum: Tensor, n_fft: int, hop: int, length: int) -> Tensor:
    """Least-squares inverse of `stft`: complex [(batch, bins, frames)] → [(batch, length)]."""
    window = _window(n_fft, str(spectrum.device))
    return torch.istft(spectrum, n_fft, hop, window=window, center=True, length=length)


def hz_to_mel(hz):
    """Mel scale of O'Shaughnessy (HTK): 2595·log10(1 + hz/700)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hz, dtype=np.float64) / 700.0)


def mel_to_hz(mel):
    """Inverse of `hz_to_mel`."""
    return 700.0 * (10.0 ** (np.asarray(mel, dtype=np.float64) / 2595.0) - 1.0)


def mel_points_hz(n_points: int, low_hz: float, high_hz: float) -> np.ndarray:
    """n_points frequencies in Hz, equally spaced in mel from low_hz to high_hz inclusive."""
    return mel_to_hz(np.linspace(hz_to_mel(low_hz), hz_to_mel(high_hz), n_points))


@lru_cache(maxsize=16)
def mel_filterbank(
    sample_rate: int, n_fft: int, n_bands: int, low_hz: float, high_hz: float
) -> Tensor:
    """Triangular bands of unit area over frequency in Hz (Slaney's normalisation).

    Returns float32 [shape=(n_bands, n_fft//2 + 1)].
    """
    edges = mel_points_hz(n_bands + 2, low_hz, high_hz)
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    rise = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0.0, np.minimum(rise, fall))
    # a band narrower than a bin would be empty: give it its nearest bin
    for band in np.flatnonzero(triangles.sum(axis=1) == 0):
        triangles[band, np.argmin(np.abs(bins - edges[band + 1]))] = 1.0
    area = 2.0 / (edges[2:] - edges[:-2])
    with torch.inference_mode(False):
        return torch.from_numpy((triangles * area[:, None]).astype(np.float32))


def log_mel(
    samples: Tensor,
    sample_rate: int,
    *,
    n_fft: int = 2048,
    hop: int = 512,
    n_bands: int = 96,
    low_hz: float = 40.0,
    high_hz: float = 20_000.0,
    floor: float = 1e-4,
) -> Tensor:
    """Natural log of mel magnitudes, clamped below at `floor`.

    samples : [shape=(batch, n)] → [shape=(batch, n_bands, n//hop + 1)]

    The magnitudes are those of the plain STFT and the bands have unit area over Hz, as in
    HiFi-GAN and librosa: a full-scale sine measures about n_fft/4 · 2/bandwidth.
    """
    magnitude = stft(samples, n_fft, hop).abs()
    bank = mel_filterbank(sample_rate, n_fft, n_bands, low_hz, high_hz).to(samples.device)
    return torch.log(torch.clamp(bank @ magnitude, min=floor))
