"""A-weighting against the published table; levels of tones in closed form."""

import numpy as np
import pytest

from hsing.audio.loudness import a_weighting_db, loudness_db
from hsing.flow import Audio
from hsing.units import Clock

CLOCK = Clock(44_100, 512)


def level(f_hz, amplitude=1.0):
    t = np.arange(44_100) / 44_100
    samples = (amplitude * np.sin(2 * np.pi * f_hz * t)).astype(np.float32)
    return loudness_db(Audio(samples, 44_100), CLOCK)[10:70]


@pytest.mark.parametrize(
    ("tenths", "db"),
    [(15, -39.4), (20, -19.1), (24, -8.6), (30, 0.0), (33, 1.2), (36, 1.0), (40, -2.5), (43, -9.3)],
)
def test_the_table_of_iec_61672(tenths, db):
    """The table's «31.5 Hz» is the third of an octave at 10^1.5 Hz, and so on."""
    f_hz = 10 ** (tenths / 10)
    assert a_weighting_db(np.array([f_hz]))[0] == pytest.approx(db, abs=0.06)


def test_nothing_is_heard_at_0_hz():
    assert a_weighting_db(np.array([0.0]))[0] == -np.inf


@pytest.mark.parametrize("f_hz", [1000.0, 1010.8])  # between bins and near one
def test_a_full_scale_sine_at_1_khz_is_0_db(f_hz):
    assert np.abs(level(f_hz)).max() < 0.05


def test_levels_follow_amplitude_and_weighting():
    assert level(1000, 0.1) == pytest.approx(-20.0, abs=0.05)
    assert level(4000) == pytest.approx(0.96, abs=0.05)
    assert level(10_000) == pytest.approx(-2.5, abs=0.1)


def test_silence_lies_at_the_floor_and_frames_are_those_of_the_clock():
    silent = loudness_db(Audio(np.zeros(30_000, np.float32), 44_100), CLOCK, floor_db=-80.0)
    assert len(silent) == CLOCK.frames(30_000 / 44_100)
    assert silent == pytest.approx(-80.0)
