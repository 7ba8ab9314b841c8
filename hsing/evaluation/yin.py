"""YIN: a second pitch tracker, independent of the network, to judge the first by.

De Cheveigné & Kawahara, «YIN, a fundamental frequency estimator for speech and music», JASA 111
(2002): steps 1–5 (difference function, cumulative mean normalised difference function, absolute
threshold, parabolic interpolation). Step 6 (best local estimate) is left out.
"""

from __future__ import annotations

import numpy as np

from hsing.audio.resample import resample
from hsing.flow import Audio
from hsing.units import Clock

_RATE = 16_000
_WINDOW_S = 0.032  # integration window: two periods of the lowest voices
_THRESHOLD = 0.15
_BLOCK = 512  # frames at a time: bounds the memory


def yin_f0(
    audio: Audio, clock: Clock, *, low_hz: float = 50.0, high_hz: float = 1100.0
) -> tuple[np.ndarray, np.ndarray]:
    """Pitch and periodicity of every frame.

    Returns
    -------
    f0_hz : float32 [shape=(n_frames,)], the best candidate also where there is no pitch; frame k
        is centred on sample k·hop of `clock`
    periodicity : float32 [shape=(n_frames,)], 1 − d′(τ) clipped to 0…1
    """
    samples = resample(audio.samples, audio.sample_rate, _RATE).astype(np.float64)
    window = int(_WINDOW_S * _RATE)
    shortest, longest = max(2, int(_RATE / high_hz)), int(np.ceil(_RATE / low_hz))
    n_frames = clock.frames(audio.seconds)
    centres = np.floor(clock.seconds(np.arange(n_frames)) * _RATE + 0.5).astype(np.int64)
    # A lag τ compares [0, W) with [τ, τ+W): its centre is (W + τ)/2, here for a τ of 5 ms.
    before = (window + int(0.005 * _RATE)) // 2
    length = window + longest + 1
    padded = np.pad(samples, (before, length))
    f0_hz, periodicity = np.zeros(n_frames), np.zeros(n_frames)
    for start in range(0, n_frames, _BLOCK):
        at = centres[start : start + _BLOCK, None] + np.arange(length)
        difference = _difference(padded[np.minimum(at, len(padded) - 1)], window)
        lags, depth = _pick(difference, shortest, longest)
        f0_hz[start : start + _BLOCK] = _RATE / lags
        periodicity[start : start + _BLOCK] = np.clip(1.0 - depth, 0.0, 1.0)
    return f0_hz.astype(np.float32), periodicity.astype(np.float32)


def _difference(frames: np.ndarray, window: int) -> np.ndarray:
    """d(τ) = Σ_{j<W} (x_j − x_{j+τ})² (eq. 6) by the FFT: frames [n, W+T] → [n, T+1]."""
    n_lags = frames.shape[1] - window + 1
    n_fft = 1 << int(np.ceil(np.log2(frames.shape[1])))
    head = np.fft.rfft(frames[:, :window], n_fft)
    product = np.fft.irfft(np.conj(head) * np.fft.rfft(frames, n_fft), n_fft)[:, :n_lags]
    power = np.pad(np.cumsum(frames**2, axis=1), ((0, 0), (1, 0)))
    energy = power[:, window : window + n_lags] - power[:, :n_lags]
    return np.maximum(energy[:, :1] + energy - 2.0 * product, 0.0)


def _normalised(difference: np.ndarray) -> np.ndarray:
    """d′(τ), the difference over its mean up to τ (eq. 8); 1 at τ = 0 and in silence."""
    lags = np.arange(1, difference.shape[1])
    total = np.cumsum(difference[:, 1:], axis=1)
    silent = total < 1e-9
    ratio = np.where(silent, 1.0, difference[:, 1:] * lags / np.where(silent, 1.0, total))
    return np.pad(ratio, ((0, 0), (1, 0)), constant_values=1.0)


def _pick(difference: np.ndarray, shortest: int, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The first dip below the threshold, else the deepest: (lag in samples, depth), both [n]."""
    normalised = _normalised(difference)
    inner = normalised[:, shortest : longest + 1]
    dips = (inner <= normalised[:, shortest - 1 : longest]) & (
        inner < normalised[:, shortest + 1 : longest + 2]
    )
    good = dips & (inner < _THRESHOLD)
    deepest = np.argmin(np.where(dips, inner, inner + 2.0), axis=1)
    index = np.where(good.any(axis=1), np.argmax(good, axis=1), deepest) + shortest
    rows = np.arange(len(index))
    # The normalisation tilts the dip: the lag is read off the raw difference (section II.D).
    left, middle, right = (difference[rows, index + step] for step in (-1, 0, 1))
    curvature = left - 2.0 * middle + right
    shift = np.where(curvature > 0, (left - right) / (2.0 * np.maximum(curvature, 1e-20)), 0.0)
    return index + np.clip(shift, -0.5, 0.5), normalised[rows, index]
