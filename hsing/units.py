"""The clock, and conversions between the units of the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Clock:
    """Frames of `hop` samples at `sample_rate` Hz; frame k is centred on sample k·hop.

    Seconds become frames by rounding *cumulative* time with floor(x + .5), then differencing, so
    that durations never drift and nothing is rounded half to even.
    """

    sample_rate: int
    hop: int

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop

    def frames(self, seconds):
        """Nearest frame boundary of a time (or array of times) in seconds."""
        rounded = np.floor(np.asarray(seconds, dtype=np.float64) * self.frame_rate + 0.5)
        return int(rounded) if rounded.ndim == 0 else rounded.astype(np.int64)

    def seconds(self, frames):
        """Time in seconds of a frame boundary."""
        return frames / self.frame_rate


def hz_to_midi(f_hz):
    """MIDI note number (69 = A4 = 440 Hz) of a frequency in Hz; f_hz > 0."""
    return 69.0 + 12.0 * np.log2(np.asarray(f_hz, dtype=np.float64) / 440.0)


def midi_to_hz(midi):
    """Frequency in Hz of a MIDI note number, fractions allowed."""
    return 440.0 * 2.0 ** ((np.asarray(midi, dtype=np.float64) - 69.0) / 12.0)


def cents(f_hz, reference_hz):
    """Interval from reference_hz up to f_hz in cents."""
    return 1200.0 * np.log2(np.asarray(f_hz, dtype=np.float64) / reference_hz)


def db_to_gain(db):
    """Amplitude factor of a level in dB."""
    return 10.0 ** (np.asarray(db, dtype=np.float64) / 20.0)


def gain_to_db(gain, floor: float = 1e-10):
    """Level in dB of an amplitude factor, clamped below at `floor`."""
    return 20.0 * np.log10(np.maximum(np.asarray(gain, dtype=np.float64), floor))
