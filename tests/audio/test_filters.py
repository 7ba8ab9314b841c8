"""The high-pass filter: tones in closed form, no delay, no seams between its blocks."""

import numpy as np
import pytest

from hsing.audio import filters
from hsing.audio.filters import highpass

RATE = 44_100


def tone(f_hz, seconds=1.0):
    return np.sin(2 * np.pi * f_hz * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)


def gain(f_hz, cutoff_hz=60.0):
    """Complex gain of the filter for a tone, from the middle of it."""
    samples = tone(f_hz, 2.0)
    middle = slice(RATE // 2, 3 * RATE // 2)
    carrier = np.exp(-2j * np.pi * f_hz * np.arange(len(samples)) / RATE)[middle]
    ours, theirs = (
        np.mean(x[middle] * carrier) for x in (highpass(samples, RATE, cutoff_hz), samples)
    )
    return ours / theirs


def test_a_tone_well_above_passes_without_delay_and_one_well_below_is_gone():
    for f_hz in (120.0, 440.0, 5000.0):
        assert gain(f_hz) == pytest.approx(1.0, abs=0.01)
    for f_hz in (5.0, 20.0):
        assert abs(gain(f_hz)) < 0.02
    assert abs(gain(60.0)) == pytest.approx(0.5, abs=0.02)  # −6 dB at the cutoff


def test_a_constant_is_removed():
    out = highpass(np.ones(2 * RATE, np.float32), RATE, 60.0)
    assert np.abs(out[RATE // 2 : -RATE // 2]).max() < 1e-4


def test_blocks_leave_no_seams(monkeypatch):
    samples = np.random.default_rng(0).normal(0, 0.1, 50_001).astype(np.float32)
    whole = highpass(samples, RATE, 60.0)
    monkeypatch.setattr(filters, "_BLOCK", 7000)
    assert np.abs(highpass(samples, RATE, 60.0) - whole).max() < 1e-6
    assert len(whole) == len(samples) and whole.dtype == np.float32


def test_a_clip_shorter_than_the_filter_keeps_its_length():
    assert highpass(tone(440, 0.001), RATE, 60.0).shape == (44,)
