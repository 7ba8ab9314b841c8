"""YIN against tones of known pitch."""

import numpy as np
import pytest

from hsing.evaluation.yin import yin_f0
from hsing.flow import Audio
from hsing.units import Clock, cents

RATE = 22_050
CLOCK = Clock(RATE, 256)


def voice(f_hz, seconds=0.6, harmonics=6):
    time_s = np.arange(int(RATE * seconds)) / RATE
    partials = [np.sin(2 * np.pi * f_hz * k * time_s) / k for k in range(1, harmonics + 1)]
    return Audio((0.3 * np.sum(partials, axis=0)).astype(np.float32), RATE)


@pytest.mark.parametrize("f_hz", [80.0, 123.4, 220.0, 333.3, 440.0, 700.0, 1000.0])
@pytest.mark.parametrize("harmonics", [1, 6])
def test_tones_are_in_tune(f_hz, harmonics):
    f0_hz, periodicity = yin_f0(voice(f_hz, harmonics=harmonics), CLOCK)
    assert np.abs(cents(f0_hz[5:-5], f_hz)).max() < 3.0
    assert periodicity[5:-5].min() > 0.9


def test_a_missing_fundamental_is_heard():
    time_s = np.arange(RATE // 2) / RATE
    samples = sum(np.sin(2 * np.pi * 200.0 * k * time_s) for k in (2, 3, 4)) / 6
    f0_hz, _ = yin_f0(Audio(samples.astype(np.float32), RATE), CLOCK)
    assert np.abs(cents(np.median(f0_hz), 200.0)) < 3.0


def test_frames_sit_where_the_clock_says():
    low, high = voice(230.0, 0.5), voice(310.0, 0.5)
    both = Audio(np.concatenate((low.samples, high.samples)), RATE)
    f0_hz, _ = yin_f0(both, CLOCK)
    turn = np.argmax(f0_hz > 270.0)
    assert abs(CLOCK.seconds(turn) - 0.5) < 0.02
    assert len(f0_hz) == CLOCK.frames(both.seconds)


def test_noise_and_silence_have_little_periodicity():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    _, periodicity = yin_f0(Audio(noise, RATE), CLOCK)
    assert np.median(periodicity) < 0.5
    _, periodicity = yin_f0(Audio(np.zeros(RATE, np.float32), RATE), CLOCK)
    assert periodicity.max() == 0.0
