"""Songs as the recipes read them, and the windows cut from them."""

import numpy as np
import pytest
from tiny_song import notes_of

from hsing.condition.features import pitch_curves
from hsing.flow import PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import SILENCE, phone
from hsing.training.clips import (
    Drawer,
    SungClip,
    cut,
    cut_tokens,
    sung_clip,
)
from hsing.training.datasets import PreparedSong
from hsing.units import Clock, midi_to_hz

CLOCK = Clock(44_100, 512)


def song(cents_off=0.0):
    """The tiny melody, sung `cents_off` above the score throughout, unvoiced in consonants."""
    spans, notes, at = [], [], 0.0
    for onset_s, midi, consonant, vowel in notes_of():
        if onset_s - 0.08 > at + 1e-6:
            spans.append(PhoneSpan(SILENCE, at, onset_s - 0.08, -1))
        spans.append(PhoneSpan(phone(consonant), onset_s - 0.08, onset_s, len(notes)))
        at = onset_s + 0.32
        spans.append(PhoneSpan(phone(vowel), onset_s, at, len(notes)))
        notes.append(TimedNote(onset_s, onset_s + 0.4, midi, 150.0))
    end = at + 0.5
    spans.append(PhoneSpan(SILENCE, at, end, -1))
    n_frames = CLOCK.frames(end)
    f0_hz = np.zeros(n_frames, np.float32)
    for note in notes:
        own = slice(CLOCK.frames(note.onset_s), CLOCK.frames(note.onset_s + 0.32))
        f0_hz[own] = midi_to_hz(note.midi + cents_off / 100)
    return PreparedSong(
        "a", "anna", False, np.zeros(n_frames * 512, np.int16), f0_hz, f0_hz,
        Timeline(tuple(spans), tuple(notes), end),
    )  # fmt: skip


def test_a_planted_bias_is_told_from_shape():
    clip = sung_clip(song(cents_off=30), 2, CLOCK)
    assert clip.singer == 2 and clip.frames.n_frames == len(clip.voiced)
    for note in range(1, 9):
        own = np.flatnonzero((clip.frames.note_of_frame == note) & (clip.voiced > 0))
        middle = own[len(own) // 2]
        assert clip.bias[middle] == pytest.approx(0.3, abs=0.05)
        assert clip.shape[middle] == pytest.approx(0.0, abs=0.05)
        assert clip.smooth_midi[middle] == pytest.approx(notes_of()[note - 1][1] + 0.3, abs=0.05)
    assert np.array_equal(clip.voiced, (song().f0_hz > 0).astype(np.float32))
    assert clip.trusted[clip.voiced == 0].max() == 0 and clip.trusted.mean() > 0.4


def test_the_slow_pitch_is_as_coarse_as_the_pitch_model():
    whole = song()
    high = np.arange(len(whole.f0_hz)) % 8 < 4
    whole.f0_hz[high] *= 1.02  # 34 cents up and down: averaged out by groups of eight frames
    middle = slice(CLOCK.frames(0.7), CLOCK.frames(0.8))
    fine, coarse = (sung_clip(whole, 0, CLOCK, pool).smooth_midi[middle] for pool in (2, 8))
    assert np.ptp(fine) > 0.25 and np.ptp(coarse) < 0.05


def test_all_columns_have_a_row_for_each_frame_even_if_f0_is_a_frame_off():
    whole = song()
    for f0_hz in (whole.f0_hz[:-1], np.append(whole.f0_hz, 0).astype(np.float32)):
        clip = sung_clip(PreparedSong(**{**vars(whole), "f0_hz": f0_hz}), 0, CLOCK)
        for name in ("shape", "bias", "trusted", "voiced", "smooth_midi"):
            column = getattr(clip, name)
            assert len(column) == clip.frames.n_frames and column.dtype == np.float32


def test_curves_are_octaves_from_middle_c():
    curves = pitch_curves(np.array([60.0, 72.0, 54.0]), np.array([1, 0, 1]))
    assert curves.tolist() == [[0, 1], [1, 0], [-0.5, 1]] and curves.dtype == np.float32


def test_cut_repeats_the_last_row():
    assert cut(np.arange(5), 1, 3).tolist() == [1, 2, 3]
    assert cut(np.arange(5), 3, 4).tolist() == [3, 4, 4, 4]


def test_cut_tokens_agree_with_cut():
    tokens = sung_clip(song(), 0, CLOCK).tokens
    n_frames = len(tokens.phone_of_frame)
    for start, length in ((40, 100), (0, n_frames), (0, n_frames + 30)):
        window = cut_tokens(tokens, start, length)
        assert len(window.phone_of_frame) == length
        midi = window.note_midi[window.note_of_frame]
        assert np.array_equal(midi, cut(tokens.note_midi[tokens.note_of_frame], start, length))
        ids = window.phone_ids[window.phone_of_frame]
        assert np.array_equal(ids, cut(tokens.phone_ids[tokens.phone_of_frame], start, length))
        assert np.array_equal(window.positions, cut(tokens.positions, start, length))


class _Frames:
    def __init__(self, n_frames):
        self.n_frames = n_frames


def clip_of(n_frames, singer):
    return SungClip("x", singer, _Frames(n_frames), *[None] * 6)


def test_songs_are_drawn_by_length_and_rare_singers_a_little_more():
    drawer = Drawer([clip_of(100, 0), clip_of(300, 0), clip_of(500, 0)])
    assert drawer.weights == pytest.approx([1 / 9, 3 / 9, 5 / 9])
    mixed = Drawer([clip_of(900, 0), clip_of(100, 1)])
    assert mixed.weights == pytest.approx([0.75, 0.25])  # √.9 to √.1
    drawn = mixed.draw(np.random.default_rng(0), 20_000, 60)
    share = np.mean([index for index, _ in drawn])
    assert share == pytest.approx(0.25, abs=0.02)


def test_windows_lie_within_their_songs_and_reach_both_ends():
    drawer = Drawer([clip_of(100, 0), clip_of(30, 0)])
    drawn = drawer.draw(np.random.default_rng(0), 5000, 60)
    long = [start for index, start in drawn if index == 0]
    assert (min(long), max(long)) == (0, 40)
    assert {start for index, start in drawn if index == 1} == {0}  # too short: from its start
