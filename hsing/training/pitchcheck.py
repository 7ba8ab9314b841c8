"""Does the recording sing what the labels say? Pitch heard against pitch written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hsing.audio.f0 import track_f0
from hsing.flow import Audio, Timeline
from hsing.units import Clock, hz_to_midi

CLOCK = Clock(16_000, 160)  # 10 ms: fine enough for whole notes
_FEWEST_FRAMES = 3


def heard_f0(audio: Audio) -> np.ndarray:
    """Pitch in Hz, 0 where unvoiced, on CLOCK's frames (float32 [shape=(n_frames,)])."""
    return track_f0(audio, CLOCK)[0]


def errors_semitones(timeline: Timeline, f0_hz: np.ndarray) -> np.ndarray:
    """Heard − written pitch of each note: median over the voiced frames of its middle 60 %.

    f0_hz is on CLOCK's frames. Notes with fewer than three such frames are left out.
    """
    errors = []
    for note in timeline.notes:
        margin_s = 0.2 * (note.end_s - note.onset_s)
        first, last = CLOCK.frames(np.array([note.onset_s + margin_s, note.end_s - margin_s]))
        heard = f0_hz[first:last]
        heard = heard[heard > 0]
        if len(heard) >= _FEWEST_FRAMES:
            errors.append(float(np.median(hz_to_midi(heard))) - note.midi)
    return np.array(errors)


def in_tune(errors: np.ndarray) -> float:
    """Share of notes within 50 cents, whole octaves aside; 1 if there are none to ask."""
    if len(errors) == 0:
        return 1.0
    folded = (errors + 6) % 12 - 6
    return float(np.mean(np.abs(folded) < 0.5))


def coverage(timeline: Timeline, f0_hz: np.ndarray) -> float:
    """Share of the frames of all notes that are heard within 50 cents, whole octaves aside.

    Unlike the medians of `in_tune` it falls at once when a timeline is moved in time.
    """
    written = np.full(len(f0_hz), np.nan)
    for note in timeline.notes:
        first, last = CLOCK.frames(np.array([note.onset_s, note.end_s]))
        written[first:last] = note.midi
    on_note = np.isfinite(written)
    heard = hz_to_midi(np.where(f0_hz > 0, f0_hz, np.nan))
    off = np.abs((heard - written + 6) % 12 - 6)
    return float(np.mean(off[on_note] < 0.5)) if on_note.any() else 0.0


def octaves_off(errors: np.ndarray) -> int:
    """Whole octaves that the singer is above the score, as the median note tells."""
    return int(np.floor(np.median(errors) / 12 + 0.5)) if len(errors) else 0


def transposed(timeline: Timeline, semitones: int) -> Timeline:
    """The same timeline with every note moved."""
    notes = tuple(replace(note, midi=note.midi + semitones) for note in timeline.notes)
    return replace(timeline, notes=notes)
