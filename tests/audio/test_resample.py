"""Resampling: tones survive, what lies above the new Nyquist frequency does not."""

import numpy as np
import pytest

from hsing.audio.resample import resample


def tone(f_hz, rate, seconds=0.5):
    return np.sin(2 * np.pi * f_hz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48_000, 44_100), (22_050, 44_100)])
def test_a_tone_stays_the_same_tone_at_the_same_time(from_rate, to_rate):
    out = resample(tone(997, from_rate), from_rate, to_rate)
    exact = tone(997, to_rate)
    assert abs(len(out) - len(exact)) <= 1 and out.dtype == np.float32
    n = min(len(out), len(exact))
    assert np.abs(out[:n] - exact[:n])[500:-500].max() < 1e-4


def test_what_lies_above_nyquist_is_gone():
    out = resample(tone(12_000, 44_100), 44_100, 16_000)
    assert np.abs(out[500:-500]).max() < 1e-4


def test_at_its_own_rate_audio_is_untouched():
    samples = tone(440, 44_100)
    assert np.array_equal(resample(samples, 44_100, 44_100), samples)
    assert resample(samples.astype(np.float64), 44_100, 44_100).dtype == np.float32
