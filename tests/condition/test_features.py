"""Tokens, places within them, and windows of them."""

from dataclasses import fields

import numpy as np
import pytest

from hsing.condition.features import N_POSITIONS, tokens_of
from hsing.flow import Frames
from hsing.units import Clock

CLOCK = Clock(1000, 10)  # 100 frames per second


def frames_of(phone_frames, note_of_frame, note_midi):
    n_phones, n_notes = len(phone_frames), len(note_midi)
    return Frames(
        phone_ids=np.arange(2, 2 + n_phones),
        phone_frames=np.array(phone_frames),
        note_midi=np.array(note_midi),
        note_beats64=np.array([0, *range(10, 9 + n_notes)]),
        note_bpm=np.array([0.0, *[90.0 + i for i in range(n_notes - 1)]], np.float32),
        phone_of_frame=np.repeat(np.arange(n_phones), phone_frames),
        note_of_frame=np.array(note_of_frame),
    )


def test_places_steps_and_rests_in_closed_form():
    """Two frames of rest, four of C4, two of the G below."""
    frames = frames_of([2, 1, 3, 2], [0, 0, 1, 1, 1, 1, 2, 2], [0, 60, 55])
    positions = tokens_of(frames, CLOCK).positions
    assert positions.shape == (8, N_POSITIONS) and positions.dtype == np.float32
    share, gone, to_go = positions[:, 0], positions[:, 1], positions[:, 2]
    assert share == pytest.approx([1 / 4, 3 / 4, 1 / 2, 1 / 6, 3 / 6, 5 / 6, 1 / 4, 3 / 4])
    assert gone == pytest.approx(np.log1p(0.1 * np.array([0.5, 1.5, 0.5, 0.5, 1.5, 2.5, 0.5, 1.5])))
    assert to_go == pytest.approx(
        np.log1p(0.1 * np.array([1.5, 0.5, 0.5, 2.5, 1.5, 0.5, 1.5, 0.5]))
    )
    assert positions[2:6, 3] == pytest.approx([1 / 8, 3 / 8, 5 / 8, 7 / 8])
    assert positions[:, 6].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert positions[:, 7] == pytest.approx([0] * 6 + [-5 / 12] * 2)  # from the note before
    assert positions[:, 8] == pytest.approx([0] * 2 + [-5 / 12] * 4 + [0] * 2)  # to the one after


def test_steps_are_held_to_two_octaves():
    frames = frames_of([1, 1], [1, 2], [0, 30, 90])
    assert tokens_of(frames, CLOCK).positions[:, 7:].tolist() == [[0, 2], [2, 0]]


def test_a_song_of_rests_and_a_song_without_rests():
    silent = tokens_of(frames_of([5], [0] * 5, [0]), CLOCK)
    assert (silent.positions[:, 6] == 1).all() and (silent.positions[:, 7:] == 0).all()
    single = tokens_of(frames_of([5], [1] * 5, [0, 60]), CLOCK)
    assert (single.positions[:, 6:] == 0).all()


def long_song(n_notes=30):
    """Each note two phones of two frames, and one frame of rest after every fifth note."""
    phone_frames, owners = [], []
    for note in range(1, n_notes + 1):
        phone_frames += [2, 2]
        owners += [note] * 4
        if note % 5 == 0:
            phone_frames.append(1)
            owners.append(0)
    return frames_of(phone_frames, owners, [0, *(50 + np.arange(n_notes) % 12)])


@pytest.mark.parametrize(("start", "end"), [(0, 30), (50, 80), (100, 126), (20, 21), (0, 126)])
def test_a_window_says_of_each_frame_what_the_whole_says(start, end):
    tokens = tokens_of(long_song(), CLOCK)
    window = tokens.window(start, end, context=3)
    per_frame = slice(start, end)
    for owner, names in (
        ("phone_of_frame", ("phone_ids",)),
        ("note_of_frame", ("note_midi", "note_beats64", "note_bpm")),
    ):
        for name in names:
            ours = getattr(window, name)[getattr(window, owner)]
            whole = getattr(tokens, name)[getattr(tokens, owner)[per_frame]]
            assert np.array_equal(ours, whole), name
    assert np.array_equal(window.positions, tokens.positions[per_frame])
    assert window.note_midi[0] == 0  # «no note» stays in front


def test_a_window_takes_its_context_and_no_more():
    window = tokens_of(long_song(), CLOCK).window(52, 56, context=3)
    assert len(window.phone_ids) == len(set(window.phone_of_frame)) + 6
    assert window.phone_of_frame.min() == 3
    assert len(window.note_midi) == 1 + len(set(window.note_of_frame) - {0}) + 6


def test_a_window_of_rest_alone_has_no_note():
    window = tokens_of(long_song(), CLOCK).window(20, 21)
    assert window.note_midi.tolist() == [0] and window.note_of_frame.tolist() == [0]


def test_tokens_hold_all_that_frames_do_but_the_phones_lengths():
    tokens = tokens_of(long_song(), CLOCK)
    assert {f.name for f in fields(Frames)} - {"phone_frames"} < set(vars(tokens))
