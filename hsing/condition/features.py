"""Frames → the numbers that the condition encoder reads: tokens, and positions within them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from hsing.flow import Frames
from hsing.units import Clock

N_POSITIONS = 9
LOWEST_TEMPO, HIGHEST_TEMPO = 16, 256
LONGEST_NOTE_64THS = 256


@dataclass(frozen=True)
class Tokens:
    """One clip's input, numpy; `positions` is float32 [n_frames, N_POSITIONS]."""

    phone_ids: np.ndarray
    note_midi: np.ndarray
    note_beats64: np.ndarray
    note_bpm: np.ndarray
    phone_of_frame: np.ndarray
    note_of_frame: np.ndarray
    positions: np.ndarray

    def window(self, start: int, end: int, context: int = 8) -> Tokens:
        """Frames start…end, and the tokens they touch with `context` more on either side."""
        phones = self.phone_of_frame[start:end]
        first_phone = max(0, int(phones.min()) - context)
        last_phone = int(phones.max()) + context + 1
        notes = self.note_of_frame[start:end]
        # entry 0 is «no note», so it stays at the front
        sounding = notes[notes > 0]
        low = max(1, int(sounding.min()) - context) if len(sounding) else 1
        high = int(sounding.max()) + context + 1 if len(sounding) else 1
        kept = np.concatenate(([0], np.arange(low, min(high, len(self.note_midi)))))
        return replace(
            self,
            phone_ids=self.phone_ids[first_phone:last_phone],
            note_midi=self.note_midi[kept],
            note_beats64=self.note_beats64[kept],
            note_bpm=self.note_bpm[kept],
            phone_of_frame=phones - first_phone,
            note_of_frame=np.where(notes > 0, notes - low + 1, 0),
            positions=self.positions[start:end],
        )


def tokens_of(frames: Frames, clock: Clock) -> Tokens:
    """Tokens of a whole song, with each frame's place in its phone and note."""
    own = {field.name for field in fields(Tokens)} - {"positions"}
    phone = _places(frames.phone_of_frame, clock)
    note = _places(frames.note_of_frame, clock)
    rest = (frames.note_of_frame == 0).astype(np.float32)[:, None]
    steps = _intervals(frames)
    positions = np.concatenate([phone, note, rest, steps], axis=1).astype(np.float32)
    return Tokens(positions=positions, **{name: getattr(frames, name) for name in own})


def _places(owner: np.ndarray, clock: Clock) -> np.ndarray:
    """Per frame: share of the token gone, log seconds gone, log seconds to go [(n_frames, 3)]."""
    edges = np.flatnonzero(np.diff(owner)) + 1
    starts = np.concatenate(([0], edges))
    ends = np.concatenate((edges, [len(owner)]))
    run = np.repeat(np.arange(len(starts)), ends - starts)
    gone = np.arange(len(owner)) - starts[run] + 0.5
    total = (ends - starts)[run]
    seconds = np.log1p(10.0 * np.stack([gone, total - gone], axis=1) / clock.frame_rate)
    return np.concatenate([(gone / total)[:, None], seconds], axis=1)


def _intervals(frames: Frames) -> np.ndarray:
    """Per frame: the steps in octaves from the note before and to the note after [(n_frames, 2)].

    0 in rests, and at the ends of the song.
    """
    steps = np.clip(np.diff(frames.note_midi[1:]) / 12.0, -2.0, 2.0)
    from_before = np.concatenate(([0.0, 0.0], steps))[: len(frames.note_midi)]
    to_after = np.concatenate(([0.0], steps, [0.0]))[: len(frames.note_midi)]
    return np.stack([from_before, to_after], axis=1)[frames.note_of_frame]


def pitch_curves(midi: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """What the latent model is told of the pitch: octaves from C4, and voicing.

    midi, voiced : [shape=(n_frames,)] → float32 [shape=(n_frames, 2)]
    """
    return np.stack([(midi - 60.0) / 12.0, voiced], axis=-1).astype(np.float32)
