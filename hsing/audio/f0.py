"""Fundamental frequency on the frame clock (swift_f0's only home)."""

from __future__ import annotations

import numpy as np

from hsing.flow import Audio
from hsing.units import Clock

VOICED_CONFIDENCE = 0.5
_MIN_VOICED_S = 0.03


def track_f0(
    audio: Audio, clock: Clock, *, low_hz: float = 60.0, high_hz: float = 1400.0
) -> tuple[np.ndarray, np.ndarray]:
    """Pitch and confidence by SwiftF0, interpolated onto the frame clock.

    Returns
    -------
    f0_hz : float32 [shape=(n_frames,)], 0 where unvoiced; frame k is centred on sample k·hop
    confidence : float32 [shape=(n_frames,)], 0…1
    """
    result = _detector().detect(audio.samples, audio.sample_rate, low_hz, high_hz)
    n_frames = clock.frames(audio.seconds)
    times = clock.seconds(np.arange(n_frames))
    at = np.asarray(result.timestamps)
    confidence = np.interp(times, at, result.confidence).astype(np.float32)
    confident = np.asarray(result.confidence) >= VOICED_CONFIDENCE
    if not confident.any():
        return np.zeros(n_frames, np.float32), confidence
    log_f0 = np.interp(times, at[confident], np.log(np.asarray(result.pitch_hz)[confident]))
    voiced = _without_blips(confidence >= VOICED_CONFIDENCE, int(_MIN_VOICED_S * clock.frame_rate))
    return np.where(voiced, np.exp(log_f0), 0.0).astype(np.float32), confidence


def fill_unvoiced(f0_hz: np.ndarray, default_hz: float = 150.0) -> np.ndarray:
    """Pitch through unvoiced frames, by straight lines in log frequency between voiced ones."""
    voiced = f0_hz > 0
    if not voiced.any():
        return np.full_like(f0_hz, default_hz)
    index = np.arange(len(f0_hz))
    filled = np.exp(np.interp(index, index[voiced], np.log(f0_hz[voiced])))
    return filled.astype(np.float32)


def _without_blips(voiced: np.ndarray, shortest: int) -> np.ndarray:
    """Voiced runs of at most `shortest` frames become unvoiced."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], voiced.astype(np.int8), [0]))))
    out = voiced.copy()
    for start, end in zip(edges[::2], edges[1::2]):
        if end - start <= shortest:
            out[start:end] = False
    return out


_cache: list = []


def _detector():
    """One detector per process: it is costly to build and safe to share."""
    if not _cache:
        from swift_f0 import SwiftF0

        _cache.append(SwiftF0(threads=1, spin=False))
    return _cache[0]
