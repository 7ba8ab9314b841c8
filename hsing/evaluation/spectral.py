"""Sound against sound: log-mel, multi-resolution STFT, mel-cepstral distortion and SI-SDR.

All take two equally long recordings at one rate (see `hsing.evaluation.pitch.trimmed`).
"""

from __future__ import annotations

import numpy as np
import torch

from hsing.audio.spectra import log_mel, stft
from hsing.errors import AudioError
from hsing.evaluation.pitch import at_rate
from hsing.flow import Audio
from hsing.units import db_to_gain

_CODEC_RATE, _PAPER_RATE = 44_100, 24_000
_PEAK_DBFS = -1.0
_STFT_SIZES = (512, 1024, 2048)
_MCD_HOP_S, _MCD_BANDS, _MCD_COEFFICIENTS = 0.01, 80, 13
_BAND_S = 1.0  # how far the warping path may leave the diagonal


def log_mel_l1(reference: Audio, output: Audio) -> float:
    """Mean |Δ ln mel| of the codec table: 96 bands 40–20,000 Hz at 44.1 kHz, floor 1e-4.

    Each is normalised to a peak of −1 dBFS first, so that the floor lies at the same depth.
    """
    pair = [_peak_normalised(at_rate(audio, _CODEC_RATE)) for audio in (reference, output)]
    a, b = (log_mel(_batch(audio), _CODEC_RATE) for audio in pair)
    return float((a - b).abs().mean())


def log_mel_mae(reference: Audio, output: Audio) -> float:
    """Mean |Δ ln mel| of HiddenSinger's table: 128 bands 0–12,000 Hz at 24 kHz, FFT 1024, hop 256,
    floor 1e-5, levels as they are."""
    shape = {"n_fft": 1024, "hop": 256, "n_bands": 128, "low_hz": 0.0, "high_hz": 12_000.0}
    a, b = (
        log_mel(_batch(at_rate(audio, _PAPER_RATE)), _PAPER_RATE, floor=1e-5, **shape)
        for audio in (reference, output)
    )
    return float((a - b).abs().mean())


def multi_resolution_stft_distance(reference: Audio, output: Audio) -> float:
    """Spectral convergence + mean |Δ ln magnitude|, averaged over FFTs of 512, 1024 and 2048.

    Hop a quarter of the FFT, magnitudes clamped at 1e-5 (Yamamoto et al., Parallel WaveGAN, ICASSP
    2020, eqs. 4–6). At the recordings' own rate.
    """
    a, b = _same_length(reference, output)
    distances = []
    for n_fft in _STFT_SIZES:
        x, y = (stft(s, n_fft, n_fft // 4).abs().clamp(min=1e-5) for s in (a, b))
        distances.append(float((x - y).norm() / x.norm() + (x.log() - y.log()).abs().mean()))
    return float(np.mean(distances))


def si_sdr_db(reference: Audio, output: Audio) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al., ICASSP 2019, eq. 3).

    Means removed. At most 150, for a scaled copy; NaN if either is silent.
    """
    x, y = (s[0].double().numpy() for s in _same_length(reference, output))
    x, y = x - x.mean(), y - y.mean()
    if not x.any() or not y.any():
        return float("nan")
    target = x * (y @ x) / (x @ x)
    distortion = max(np.sum((y - target) ** 2), 1e-15 * (target @ target))
    return float(10.0 * np.log10((target @ target) / distortion))


def mel_cepstral_distortion(reference: Audio, output: Audio) -> float:
    """Mel-cepstral distortion in dB along the best warping path (Kubichek 1993).

    10/ln 10·√(2 Σ Δc²) over coefficients 1…13 of 80 mel bands at 24 kHz, 10 ms hop, averaged over
    the steps of the path; the path leaves the diagonal by 1 s at most.
    """
    a, b = _mel_cepstrum(reference), _mel_cepstrum(output)
    return 10.0 / np.log(10.0) * np.sqrt(2.0) * _warped_distance(a, b, int(_BAND_S / _MCD_HOP_S))


def _mel_cepstrum(audio: Audio) -> np.ndarray:
    """[shape=(frames, 13)]; c_m such that ln mel = c_0 + Σ c_m cos(m·(b + ½)·π/bands)."""
    hop = int(_MCD_HOP_S * _PAPER_RATE)
    bands = log_mel(
        _batch(at_rate(audio, _PAPER_RATE)),
        _PAPER_RATE,
        n_fft=1024,
        hop=hop,
        n_bands=_MCD_BANDS,
        high_hz=12_000.0,
    )[0].numpy()
    order = np.arange(1, _MCD_COEFFICIENTS + 1)[:, None]
    cosines = np.cos(np.pi * order * (np.arange(_MCD_BANDS) + 0.5) / _MCD_BANDS)
    return (2.0 / _MCD_BANDS * cosines @ bands).T.astype(np.float64)


def _warped_distance(a: np.ndarray, b: np.ndarray, band: int) -> float:
    """Mean Euclidean distance along the dynamic-time-warping path within a band.

    Worked along anti-diagonals i + j, each of which depends on the two before it only: `cost[i+1]`
    and `steps[i+1]` are those of the best path to (i, diagonal − i).
    """
    n, m = len(a), len(b)
    band = max(band, abs(n - m) + 1)
    earlier, last = (np.full(n + 1, np.inf) for _ in range(2))
    earlier_steps, last_steps = (np.zeros(n + 1) for _ in range(2))
    for diagonal in range(n + m - 1):
        first = max(0, diagonal - m + 1, (diagonal - band + 1) // 2)
        i = np.arange(first, min(n - 1, diagonal, (diagonal + band) // 2) + 1)
        costs = np.stack((earlier[i], last[i], last[i + 1]))
        steps = np.stack((earlier_steps[i], last_steps[i], last_steps[i + 1]))
        best, column = np.argmin(costs, axis=0), np.arange(len(i))
        come_from = costs[best, column] if diagonal else np.zeros(1)
        distance = np.sqrt(((a[i] - b[diagonal - i]) ** 2).sum(axis=1))
        cost, count = np.full(n + 1, np.inf), np.zeros(n + 1)
        cost[i + 1], count[i + 1] = come_from + distance, steps[best, column] + 1
        earlier, earlier_steps, last, last_steps = last, last_steps, cost, count
    return float(last[n] / last_steps[n])


def _peak_normalised(audio: Audio) -> Audio:
    peak = float(np.abs(audio.samples).max(initial=0.0))
    gain = float(db_to_gain(_PEAK_DBFS)) / peak if peak else 1.0
    return Audio((audio.samples * gain).astype(np.float32), audio.sample_rate)


def _batch(audio: Audio) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(audio.samples, dtype=np.float32))[None]


def _same_length(reference: Audio, output: Audio) -> tuple[torch.Tensor, torch.Tensor]:
    same_rate = reference.sample_rate == output.sample_rate
    if not same_rate or len(reference.samples) != len(output.samples):
        raise AudioError(
            f"a reference of {len(reference.samples)} samples at {reference.sample_rate} Hz and an "
            f"output of {len(output.samples)} at {output.sample_rate} Hz cannot be compared; bring "
            "both to one rate and length"
        )
    return _batch(reference), _batch(output)
