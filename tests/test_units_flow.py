"""The clock, conversions between units, and the tempo map, in closed form."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsing.flow import Audio, Note, Place, Tempo, TempoMap
from hsing.units import Clock, cents, db_to_gain, gain_to_db, hz_to_midi, midi_to_hz

CLOCK = Clock(44_100, 512)


def test_halves_round_up_never_to_even():
    clock = Clock(1000, 10)
    assert [clock.frames(s) for s in (0.005, 0.015, 0.025, 0.0249)] == [1, 2, 3, 2]
    assert clock.frames([0.005, 0.015, 0.025]).tolist() == [1, 2, 3]
    assert clock.frames(np.array([0.1])).dtype == np.int64
    assert isinstance(clock.frames(0.1), int)


def test_an_hour_of_notes_does_not_drift():
    durations_s = np.full(36_000, 0.1)
    bounds = CLOCK.frames(np.cumsum(durations_s))
    assert bounds[-1] == round(3600 * 44_100 / 512)
    assert np.abs(bounds - np.cumsum(durations_s) * CLOCK.frame_rate).max() <= 0.5 + 1e-6
    assert set(np.diff(bounds)) == {8, 9}


@given(st.integers(0, 10**7))
def test_a_frame_boundary_is_its_own_nearest(frame):
    assert CLOCK.frames(CLOCK.seconds(frame)) == frame


def test_pitch():
    assert hz_to_midi(440.0) == 69 and midi_to_hz(60) == pytest.approx(261.6256, abs=1e-4)
    assert hz_to_midi(midi_to_hz(57.25)) == pytest.approx(57.25)
    assert cents(880.0, 440.0) == pytest.approx(1200) and cents(415.3, 440.0) < 0


def test_level():
    assert db_to_gain(-6.0206) == pytest.approx(0.5, abs=1e-5)
    assert gain_to_db(np.array([1.0, 0.1, 0.0])).tolist() == pytest.approx([0, -20, -200])


MAP = TempoMap((Tempo(Fraction(0), 60.0), Tempo(Fraction(4), 120.0), Tempo(Fraction(8), 30.0)))


def test_tempo_map_in_closed_form():
    beats = [Fraction(0), Fraction(3), Fraction(4), Fraction(5), Fraction(8), Fraction(17, 2)]
    assert [MAP.seconds(b) for b in beats] == pytest.approx([0, 3, 4, 4.5, 6, 7])
    assert [MAP.bpm_at(b) for b in (0, Fraction(39, 10), 4, 100)] == [60, 60, 120, 30]


@given(st.fractions(0, 20), st.fractions(0, 20), st.floats(0.1, 10))
def test_time_goes_forward_and_scales(a, b, factor):
    early, late = sorted((a, b))
    assert MAP.seconds(early) <= MAP.seconds(late)
    assert MAP.scaled(factor).seconds(a) == pytest.approx(MAP.seconds(a) / factor)


def test_a_place_names_part_measure_and_beat():
    assert str(Place("Alto", 3, Fraction(5, 2))) == "part 'Alto', measure 3, beat 2.5"
    note = Note(Fraction(1, 3), Fraction(2, 3), 60, Place("Alto", 1, Fraction(1)))
    assert note.end_beats == 1


def test_audio_knows_its_length():
    assert Audio(np.zeros(11_025, np.float32), 44_100).seconds == 0.25
