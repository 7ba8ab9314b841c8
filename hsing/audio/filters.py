"""Linear-phase filters for whole signals, in bounded memory."""

from __future__ import annotations

import numpy as np

_BLOCK = 1 << 17


def highpass(samples: np.ndarray, sample_rate: int, cutoff_hz: float) -> np.ndarray:
    """Remove what lies below cutoff_hz (−6 dB there), without delay.

    A windowed-sinc FIR (Hann), its slope about half the cutoff wide, by FFT in blocks.
    samples : float32 [shape=(n,)] → float32 [shape=(n,)]
    """
    half = int(2.0 * sample_rate / cutoff_hz)
    n = np.arange(-half, half + 1)
    lowpass = np.sinc(2.0 * cutoff_hz / sample_rate * n) * np.hanning(2 * half + 3)[1:-1]
    taps = -lowpass / lowpass.sum()
    taps[half] += 1.0
    size = 1 << int(np.ceil(np.log2(_BLOCK + 2 * half)))
    response = np.fft.rfft(taps, size)
    out = np.zeros(len(samples) + 2 * half)
    for start in range(0, len(samples), _BLOCK):
        block = samples[start : start + _BLOCK]
        filtered = np.fft.irfft(np.fft.rfft(block, size) * response, size)
        out[start : start + len(block) + 2 * half] += filtered[: len(block) + 2 * half]
    return out[half : half + len(samples)].astype(np.float32)
