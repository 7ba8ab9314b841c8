"""Sample-rate conversion (soxr's only home)."""

from __future__ import annotations

import numpy as np


def resample(samples: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Resample mono audio at soxr's highest quality.

    samples : float32 [shape=(n,)] → float32 [shape=(about n·to_rate/from_rate,)]
    """
    if from_rate == to_rate:
        return np.ascontiguousarray(samples, dtype=np.float32)
    import soxr

    return soxr.resample(samples.astype(np.float32), from_rate, to_rate, quality="VHQ")
