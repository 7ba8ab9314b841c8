"""Timelines on the frame clock."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsing.align.frames import at_least_one, to_frames
from hsing.errors import ScoreError
from hsing.flow import PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import SILENCE, phone
from hsing.units import Clock

CLOCK = Clock(44_100, 512)


def timeline_of(durations_s):
    """A pause, then one note per phone 'a', end to end."""
    bounds = np.concatenate([[0.0], np.cumsum(durations_s)])
    spans = [
        PhoneSpan(SILENCE if i == 0 else phone("a"), bounds[i], bounds[i + 1], i - 1)
        for i in range(len(durations_s))
    ]
    notes = [TimedNote(s.start_s, s.end_s, 60 + i % 12, 120.0) for i, s in enumerate(spans[1:])]
    return Timeline(tuple(spans), tuple(notes), float(bounds[-1]))


def test_closed_form():
    clock = Clock(1000, 10)  # 100 frames per second
    frames = to_frames(timeline_of([0.10, 0.25, 0.155]), clock)
    assert frames.phone_ids.tolist() == [0, phone("a").index, phone("a").index]
    assert frames.phone_frames.tolist() == [10, 25, 16]  # .505 s rounds up to 51 in all
    assert frames.phone_of_frame.tolist() == [0] * 10 + [1] * 25 + [2] * 16
    assert frames.note_of_frame.tolist() == [0] * 10 + [1] * 25 + [2] * 16
    assert frames.note_midi.tolist() == [0, 60, 61]
    assert frames.note_beats64.tolist() == [0, 8, 5]  # 16 per beat: .5 beat; .31 beat
    assert frames.note_bpm.tolist() == [0, 120, 120]
    assert frames.note_bpm.dtype == np.float32 and frames.phone_frames.dtype == np.int64


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0005, 1.5), min_size=1, max_size=40))
def test_every_phone_has_a_frame_and_the_sum_is_exact(durations_s):
    timeline = timeline_of(durations_s)
    if len(durations_s) > CLOCK.frames(timeline.length_s):
        with pytest.raises(ScoreError, match=r"phones do not fit"):
            to_frames(timeline, CLOCK)
        return
    frames = to_frames(timeline, CLOCK)
    assert frames.phone_frames.sum() == frames.n_frames == CLOCK.frames(timeline.length_s)
    assert frames.phone_frames.min() >= 1
    assert len(frames.note_of_frame) == frames.n_frames
    assert frames.note_beats64[1:].min(initial=1) >= 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_nothing_drifts_in_ten_minutes(seed):
    durations_s = np.random.default_rng(seed).uniform(0.03, 0.4, 2800)
    timeline = timeline_of(durations_s)
    frames = to_frames(timeline, CLOCK)
    starts = np.cumsum(frames.phone_frames) - frames.phone_frames
    exact = np.array([s.start_s for s in timeline.phones]) * CLOCK.frame_rate
    assert timeline.length_s > 500
    assert np.abs(starts - exact).max() <= 0.5 + 1e-6


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_borrowing_keeps_the_total(frames):
    if sum(frames) < len(frames):
        return
    filled = at_least_one(np.array(frames))
    assert filled.sum() == sum(frames)
    assert filled.min() >= 1


def test_a_frame_is_borrowed_from_the_longer_neighbour():
    assert at_least_one(np.array([3, 0, 5])).tolist() == [3, 1, 4]
    assert at_least_one(np.array([5, 0, 3])).tolist() == [4, 1, 3]
    assert at_least_one(np.array([1, 0, 1, 4])).tolist() == [1, 1, 1, 3]


def test_the_melody_steps_where_the_notes_do_and_the_phones_where_they_are_sung():
    """Consonants before the beat lie on the note before, or on none in a rest."""
    clock = Clock(1000, 10)
    rows = [("pau", 0.0, 0.3, -1), ("k", 0.3, 0.4, 0), ("a", 0.4, 0.7, 0), ("m", 0.7, 0.8, 1)]
    rows += [("i", 0.8, 1.0, 1), ("pau", 1.0, 1.2, -1)]
    spans = tuple(PhoneSpan(phone(s), start, end, note) for s, start, end, note in rows)
    notes = (TimedNote(0.4, 0.8, 60, 60.0), TimedNote(0.8, 1.0, 62, 60.0))
    frames = to_frames(Timeline(spans, notes, 1.2), clock)
    assert frames.note_of_frame.tolist() == [0] * 40 + [1] * 40 + [2] * 20 + [0] * 20
    phones = [rows[i][0] for i in frames.phone_of_frame]
    assert phones == ["pau"] * 30 + ["k"] * 10 + ["a"] * 30 + ["m"] * 10 + ["i"] * 20 + ["pau"] * 20


def test_a_note_shorter_than_a_frame_keeps_one():
    clock = Clock(1000, 10)
    spans = (PhoneSpan(phone("a"), 0.0, 0.201, 0), PhoneSpan(phone("i"), 0.201, 0.4, 1))
    notes = (TimedNote(0.2, 0.201, 60, 60.0), TimedNote(0.3, 0.4, 62, 60.0))
    frames = to_frames(Timeline(spans, notes, 0.4), clock)
    assert frames.note_of_frame.tolist() == [0] * 20 + [1] + [0] * 9 + [2] * 10
