"""Pitch curves over notes: what is sung is baseline + bias + shape, in semitones.

- *baseline*: the notes, with the corners rounded;
- *bias*: how far each note as a whole lies off the score, one number per note;
- *shape*: the rest, slow enough for a few numbers a second: attack, overshoot, vibrato, drift.

Singers are off by a third of a semitone as often as not. A model of *shape* sings as they do; the
bias is learnt apart from it and taken out by as much as the user likes (`in_tune`).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hsing.flow import Frames

ROUNDING_S = 0.12  # a step of the baseline takes this long from end to end
CORRECTION_ROUNDING_S = 0.06
LARGEST_AWAY = 4.0  # semitones off the score; beyond it the tracker was an octave off
LARGEST_SHAPE = 4.0  # semitones off the note's own bias; beyond it the singer was somewhere else
MIDDLE = (0.2, 0.8)  # share of a note over which its pitch is judged
_ROUNDS = 6


def note_curve(frames: Frames) -> np.ndarray:
    """Pitch of the note of each frame, in MIDI; rests belong half to the note before and half to
    the one after. float64 [n_frames]; 60 throughout if there is no note."""
    midi = frames.note_midi[frames.note_of_frame].astype(np.float64)
    sounding = np.flatnonzero(frames.note_of_frame > 0)
    if len(sounding) == 0:
        return np.full(frames.n_frames, 60.0)
    index = np.arange(frames.n_frames)
    after = np.clip(np.searchsorted(sounding, index), 0, len(sounding) - 1)
    before = np.clip(np.searchsorted(sounding, index, side="right") - 1, 0, len(sounding) - 1)
    left, right = sounding[before], sounding[after]
    return midi[np.where(np.abs(index - left) <= np.abs(right - index), left, right)]


def baseline(frames: Frames, frame_rate: float) -> np.ndarray:
    """`note_curve` with rounded corners: float64 [n_frames], MIDI."""
    return _rounded(note_curve(frames), ROUNDING_S * frame_rate)


def decompose(f0_midi: np.ndarray, voiced: np.ndarray, frames: Frames, frame_rate: float):
    """Split a sung pitch curve.

    Parameters
    ----------
    f0_midi : float [n_frames], filled in where unvoiced
    voiced : bool [n_frames]

    Returns
    -------
    shape, bias : float64 [n_frames], semitones; baseline + bias + shape = f0_midi, but for the
        shape being clipped to ±LARGEST_SHAPE
    trusted : bool [n_frames]: voiced, on a note, and not off by so much that the tracker or the
        score must be wrong
    """
    away = f0_midi - baseline(frames, frame_rate)
    usable = voiced & (np.abs(away) < LARGEST_AWAY)
    bias = _rounded(
        _per_frame(_medians(away, frames, usable), frames), CORRECTION_ROUNDING_S * frame_rate
    )
    shape = away - bias
    trusted = usable & (np.abs(shape) < LARGEST_SHAPE) & (frames.note_of_frame > 0)
    return np.clip(shape, -LARGEST_SHAPE, LARGEST_SHAPE), bias, trusted


def compose(
    shape: np.ndarray,
    bias: np.ndarray,
    voiced: np.ndarray,
    frames: Frames,
    frame_rate: float,
    *,
    in_tune: float,
) -> np.ndarray:
    """The sung pitch in MIDI, with `in_tune` (0…1) of each note's deviation taken out.

    At 1 the median over the voiced frames in the middle of every note lies on the score, at 0
    where the model would sing it. float64 [n_frames].
    """
    curve = baseline(frames, frame_rate) + shape + bias
    if in_tune == 0.0:
        return curve
    target = note_curve(frames)
    wanted = (1.0 - in_tune) * _medians(curve - target, frames, voiced)
    # rounding the correction's corners leaves a little on short notes: take that out too
    for _ in range(_ROUNDS):
        excess = _medians(curve - target, frames, voiced) - wanted
        correction = _per_frame(np.clip(excess, -2.0, 2.0), frames)
        curve = curve - _rounded(correction, CORRECTION_ROUNDING_S * frame_rate)
    return curve


def decimate(curve: np.ndarray, factor: int) -> np.ndarray:
    """Means over groups of `factor` frames; the last group repeats its last frame."""
    padded = np.pad(curve, (0, -len(curve) % factor), mode="edge")
    return padded.reshape(-1, factor).mean(axis=1)


def interpolate(coarse: np.ndarray, factor: int, n_frames: int) -> np.ndarray:
    """Inverse of `decimate` for slow curves: straight lines between group centres, smoothed."""
    centres = np.arange(len(coarse)) * factor + (factor - 1) / 2.0
    return _rounded(np.interp(np.arange(n_frames), centres, coarse), factor)


def _medians(away: np.ndarray, frames: Frames, usable: np.ndarray) -> np.ndarray:
    """Median of `away` over the usable frames in the middle of each note; 0 if there are none."""
    medians = np.zeros(len(frames.note_midi))
    edges = np.flatnonzero(np.diff(frames.note_of_frame, prepend=-1, append=-1))
    for start, end in pairwise(edges):
        note = frames.note_of_frame[start]
        length = end - start
        middle = slice(
            start + int(MIDDLE[0] * length),
            max(start + 1, start + int(np.ceil(MIDDLE[1] * length))),
        )
        values = away[middle][usable[middle]]
        if note > 0 and len(values):
            medians[note] = np.median(values)
    return medians


def _per_frame(per_note: np.ndarray, frames: Frames) -> np.ndarray:
    """Value of each frame's note; rests take straight lines between the notes around them."""
    sounding = np.flatnonzero(frames.note_of_frame > 0)
    if len(sounding) == 0:
        return np.zeros(frames.n_frames)
    return np.interp(np.arange(frames.n_frames), sounding, per_note[frames.note_of_frame[sounding]])


def _rounded(curve: np.ndarray, width: float) -> np.ndarray:
    """Convolution with a raised cosine about `width` frames wide, edges held."""
    half = max(1, round(width / 2))
    kernel = np.hanning(2 * half + 3)[1:-1]
    padded = np.pad(curve, half, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
