"""Pitch curves: what is taken apart fits together, and `in_tune` keeps its promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsing.flow import Frames
from hsing.melody.curve import (
    LARGEST_AWAY,
    LARGEST_SHAPE,
    baseline,
    compose,
    decimate,
    decompose,
    interpolate,
    note_curve,
)
from hsing.units import Clock

CLOCK = Clock(44_100, 512)
RATE = CLOCK.frame_rate


def frames_of(notes):
    """(seconds, MIDI) one after the other; 0 is a rest."""
    bounds = CLOCK.frames(np.cumsum([0.0, *(seconds for seconds, _ in notes)]))
    owner, midi = [], [0]
    for (_, pitch), n in zip(notes, np.diff(bounds)):
        midi += [pitch] if pitch else []
        owner += [len(midi) - 1 if pitch else 0] * n
    owner, midi = np.array(owner), np.array(midi)
    zeros = np.zeros(len(midi))
    return Frames(
        np.zeros(1, int),
        np.array([len(owner)]),
        midi,
        zeros,
        zeros,
        np.zeros(len(owner), int),
        owner,
    )


def middle_medians(curve, frames):
    """(median over the middle of each note, its pitch, its length in frames), counted by hand."""
    rows = []
    for note in range(1, len(frames.note_midi)):
        own = np.flatnonzero(frames.note_of_frame == note)
        middle = own[int(0.2 * len(own)) : max(1, int(np.ceil(0.8 * len(own))))]
        rows.append((np.median(curve[middle]), frames.note_midi[note], len(own)))
    return rows


def wander(n, seed, size=0.5):
    """A slow random curve, semitones."""
    knots = np.random.default_rng(seed).normal(0, size, n // 12 + 2)
    return np.interp(np.arange(n) / 12, np.arange(len(knots)), knots)


SONG = frames_of([(0.3, 0), (0.5, 60), (0.4, 64), (0.2, 0), (0.15, 62), (0.8, 55), (0.3, 0)])


def test_rests_belong_half_to_the_note_before_and_half_to_the_one_after():
    frames = frames_of([(0.1, 0), (0.2, 60), (0.2, 0), (0.2, 64), (0.1, 0)])
    curve = note_curve(frames)
    assert set(curve) == {60, 64}
    step = int(np.flatnonzero(np.diff(curve))[0])
    assert step == pytest.approx(0.4 * RATE, abs=1.5)


def test_the_baseline_is_the_notes_but_for_rounded_corners():
    line, notes = baseline(SONG, RATE), note_curve(SONG)
    corners = np.flatnonzero(np.diff(notes))
    distance = np.abs(np.arange(len(notes))[:, None] - corners[None] - 0.5).min(axis=1)
    far = distance > 0.06 * RATE + 1.5
    assert far.sum() > 100 and np.allclose(line[far], notes[far])
    assert np.abs(np.diff(line)).max() < 9 / 4  # the widest step is nine semitones
    assert line.min() >= 55 and line.max() <= 64


def test_no_notes_are_a_level_line_and_nothing_trusted():
    silent = frames_of([(0.5, 0)])
    assert (baseline(silent, RATE) == pytest.approx(60)) and len(note_curve(silent)) == 43
    shape, bias, trusted = decompose(np.full(43, 61.0), np.ones(43, bool), silent, RATE)
    assert shape == pytest.approx(1.0) and (bias == 0).all() and not trusted.any()
    sung = compose(shape, bias, np.ones(silent.n_frames, bool), silent, RATE, in_tune=1.0)
    assert sung == pytest.approx(61.0)


def test_taken_apart_and_put_together_it_is_the_same_curve():
    sung = note_curve(SONG) + wander(SONG.n_frames, 0)
    voiced = SONG.note_of_frame > 0
    shape, bias, trusted = decompose(sung, voiced, SONG, RATE)
    away = sung - baseline(SONG, RATE)
    near = np.abs(away - bias) < LARGEST_SHAPE
    again = compose(shape, bias, np.ones(SONG.n_frames, bool), SONG, RATE, in_tune=0.0)
    assert near.mean() > 0.9 and np.abs(again - sung)[near].max() < 1e-9
    assert (np.abs(shape[~near]) == LARGEST_SHAPE).all()
    assert np.array_equal(trusted, near & voiced & (np.abs(away) < LARGEST_AWAY))


def test_a_planted_bias_is_found_note_by_note():
    planted = np.array([0, 0.3, -0.2, 0.0, 0.4])
    sung = baseline(SONG, RATE) + planted[SONG.note_of_frame]
    _, bias, _ = decompose(sung, SONG.note_of_frame > 0, SONG, RATE)
    for note in range(1, 5):
        own = np.flatnonzero(SONG.note_of_frame == note)
        assert bias[own[len(own) // 2]] == pytest.approx(planted[note], abs=0.02)


def test_an_octave_error_of_the_tracker_is_not_trusted_and_moves_nothing_else():
    sung = baseline(SONG, RATE).copy()
    at = np.flatnonzero(SONG.note_of_frame == 4)[10:20]
    sung[at] += 12.0
    shape, bias, trusted = decompose(sung, np.ones(len(sung), bool), SONG, RATE)
    assert not trusted[at].any() and trusted.sum() == (SONG.note_of_frame > 0).sum() - 10
    assert (shape[at] == LARGEST_SHAPE).all()
    assert np.abs(np.delete(shape, at)).max() < 1e-9 and np.abs(bias).max() < 1e-9


def test_unvoiced_frames_do_not_count_for_the_bias():
    sung = baseline(SONG, RATE) + 0.3
    voiced = SONG.note_of_frame == 4
    sung[~voiced] += 2.0
    _, bias, trusted = decompose(sung, voiced, SONG, RATE)
    own = np.flatnonzero(voiced)
    assert bias[own[len(own) // 2]] == pytest.approx(0.3, abs=1e-6)
    assert np.array_equal(trusted, voiced)


# --- in tune -------------------------------------------------------------------------------------

LENGTHS_S = [0.06, 0.09, 0.12, 0.15, 0.2, 0.3, 0.5, 1.0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(LENGTHS_S), st.integers(48, 72), st.sampled_from([0, 0, 0, 0.05, 0.4])
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 1000),
)
def test_in_tune_at_1_every_note_lies_on_the_score(rows, seed):
    """To a cent from 0.09 s on; notes of 0.06 s, half as long as their corners, to 5 cents."""
    notes, last = [], 60
    for seconds, midi, rest in rows:
        last = int(np.clip(midi, last - 12, last + 12))  # leaps up to an octave
        notes += [(rest, 0)] * (rest > 0) + [(seconds, last)]
    frames = frames_of(notes)
    shape = wander(frames.n_frames, seed, 0.3)
    bias = wander(frames.n_frames, seed + 1, 0.3)
    sung = compose(shape, bias, np.ones(frames.n_frames, bool), frames, RATE, in_tune=1.0)
    for median, midi, length in middle_medians(sung, frames):
        assert abs(median - midi) < (0.01 if length >= 7 else 0.05)


@pytest.mark.parametrize("in_tune", [0.25, 0.5, 0.95])
def test_in_between_the_share_that_was_asked_for_is_taken_out(in_tune):
    frames = frames_of([(0.5, 60), (0.5, 62), (0.2, 0), (0.6, 65), (0.5, 60)])
    shape = 0.4 * np.sin(np.arange(frames.n_frames) / 40)
    bias = np.array([0, 0.5, -0.3, 0.4, -0.5])[frames.note_of_frame]
    raw = middle_medians(
        compose(shape, bias, np.ones(frames.n_frames, bool), frames, RATE, in_tune=0.0), frames
    )
    tuned = middle_medians(
        compose(shape, bias, np.ones(frames.n_frames, bool), frames, RATE, in_tune=in_tune), frames
    )
    for (before, midi, _), (after, _, _) in zip(raw, tuned):
        assert abs(before - midi) > 0.05
        assert after - midi == pytest.approx((1 - in_tune) * (before - midi), abs=0.01)


def test_tuning_leaves_vibrato_alone():
    """It moves notes as wholes: what is fast within a note stays."""
    frames = frames_of([(1.0, 60)])
    vibrato = 0.5 * np.sin(2 * np.pi * 5.5 * np.arange(frames.n_frames) / RATE)
    bias, everywhere = np.full(frames.n_frames, 0.3), np.ones(frames.n_frames, bool)
    raw = compose(vibrato, bias, everywhere, frames, RATE, in_tune=0.0)
    tuned = compose(vibrato, bias, everywhere, frames, RATE, in_tune=1.0)
    assert np.ptp(raw - tuned) < 1e-6
    (median, _, _) = middle_medians(raw, frames)[0]
    assert np.mean(raw - tuned) == pytest.approx(median - 60, abs=1e-6)


# --- fewer numbers -------------------------------------------------------------------------------


def test_decimation_in_closed_form():
    assert decimate(np.arange(5.0), 2).tolist() == [0.5, 2.5, 4.0]
    assert decimate(np.arange(6.0), 3).tolist() == [1.0, 4.0]


@pytest.mark.parametrize("n_frames", [120, 121])
def test_a_slow_curve_survives_decimation(n_frames):
    slow = np.sin(2 * np.pi * 5.5 * np.arange(n_frames) / RATE)  # a vibrato
    again = interpolate(decimate(slow, 2), 2, n_frames)
    assert len(again) == n_frames
    assert np.abs(again - slow)[4:-4].max() < 0.12
    line = np.arange(120.0)
    assert np.allclose(interpolate(decimate(line, 2), 2, 120)[4:-4], line[4:-4])


def test_only_voiced_frames_are_put_in_tune():
    """A note whose second half is a voiceless consonant is judged, and tuned, by the first."""
    frames = frames_of([(0.2322, 60), (0.2322, 60)])
    assert frames.n_frames == 40
    voiced = np.tile(np.arange(20) < 9, 2)
    shape = np.where(voiced, 0.8, -1.5)
    sung = compose(shape, np.zeros(40), voiced, frames, RATE, in_tune=1.0)
    for start in (0, 20):
        middle = np.arange(start + 4, start + 16)
        assert abs(np.median(sung[middle][voiced[middle]]) - 60.0) < 0.1
