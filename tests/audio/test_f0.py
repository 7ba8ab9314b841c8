"""Pitch on the frame clock: tones with a known answer."""

import numpy as np
import pytest

from hsing.audio.f0 import _without_blips, fill_unvoiced, track_f0
from hsing.flow import Audio
from hsing.units import Clock, cents

CLOCK = Clock(44_100, 512)


def harmonic(f0_hz):
    """A tone with eight harmonics, from its pitch at every sample."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / CLOCK.sample_rate
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 9))).astype(np.float32)


def test_a_tone_is_tracked_and_the_silence_after_it_is_unvoiced():
    tone = harmonic(np.full(CLOCK.sample_rate, 220.0))
    samples = np.concatenate([tone, np.zeros(CLOCK.sample_rate // 2, np.float32)])
    f0_hz, confidence = track_f0(Audio(samples, CLOCK.sample_rate), CLOCK)
    assert len(f0_hz) == len(confidence) == CLOCK.frames(1.5)
    assert f0_hz.dtype == confidence.dtype == np.float32
    middle = f0_hz[5:80]
    assert (middle > 0).all() and np.abs(cents(middle, 220.0)).max() < 10
    assert (f0_hz[92:] == 0).all()
    assert 0 <= confidence.min() and confidence.max() <= 1


def test_a_vibrato_is_tracked_on_the_clock():
    """Half a frame late would cost 12 cents at the steepest."""
    t = np.arange(2 * CLOCK.sample_rate) / CLOCK.sample_rate
    samples = harmonic(300 * 2 ** (0.5 * np.sin(2 * np.pi * 5 * t) / 12))
    f0_hz, _ = track_f0(Audio(samples, 44_100), CLOCK)
    at = CLOCK.seconds(np.arange(len(f0_hz)))
    exact = 300 * 2 ** (0.5 * np.sin(2 * np.pi * 5 * at) / 12)
    inner = slice(10, -10)
    assert np.median(np.abs(cents(f0_hz[inner], exact[inner]))) < 8
    steep = np.cos(2 * np.pi * 5 * at)[inner]  # rising where positive
    late = np.mean(cents(f0_hz[inner], exact[inner]) * steep) / np.mean(steep**2)
    assert abs(late) < 8  # cents; 18.2 to a frame


def test_silence_and_noise_hold_no_pitch():
    zeros = np.zeros(22_050, np.float32)
    assert (track_f0(Audio(zeros, 44_100), CLOCK)[0] == 0).all()
    noise = np.random.default_rng(0).normal(0, 0.1, 44_100).astype(np.float32)
    assert (track_f0(Audio(noise, 44_100), CLOCK)[0] > 0).mean() < 0.1


def test_blips_are_removed_and_runs_are_kept():
    voiced = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1], bool)
    assert _without_blips(voiced, 2).tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert _without_blips(voiced, 0).tolist() == voiced.tolist()
    assert _without_blips(np.ones(2, bool), 3).tolist() == [0, 0]


def test_unvoiced_frames_are_filled_on_straight_lines_in_log_frequency():
    filled = fill_unvoiced(np.array([0, 100, 0, 400, 0, 0], np.float32))
    assert filled.tolist() == pytest.approx([100, 100, 200, 400, 400, 400])
    assert fill_unvoiced(np.zeros(3, np.float32)).tolist() == [150] * 3
    voiced = np.array([100.0, 123.0], np.float32)
    assert np.allclose(fill_unvoiced(voiced), voiced, rtol=1e-6)
