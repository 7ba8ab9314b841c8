"""Songs as the singer's recipes read them: tokens, pitch curves, and clips cut from both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hsing.align.frames import to_frames
from hsing.audio.f0 import fill_unvoiced
from hsing.condition.features import Tokens, tokens_of
from hsing.flow import Frames
from hsing.melody.curve import baseline, decimate, decompose, interpolate
from hsing.training.datasets import PreparedSong, TrainingSet
from hsing.units import Clock, hz_to_midi

PITCH_POOL = 2  # frames per number of the pitch curve: 23 ms at 44.1 kHz and hop 512


@dataclass(frozen=True)
class SungClip:
    """A song, or a window of one; arrays are float32 with n_frames rows.

    shape, bias : semitones; trusted, voiced : 0 or 1; smooth_midi : the slow part of the sung
    pitch, as the pitch model will give it
    """

    name: str
    singer: int
    frames: Frames
    tokens: Tokens
    shape: np.ndarray
    bias: np.ndarray
    trusted: np.ndarray
    voiced: np.ndarray
    smooth_midi: np.ndarray


def sung_clip(song: PreparedSong, singer: int, clock: Clock, pool: int = PITCH_POOL) -> SungClip:
    """Everything that the pitch and latent models learn from, but the latents.

    pool : frames per number of the pitch model that `smooth_midi` is to resemble
    """
    frames = to_frames(song.timeline, clock)
    n_frames = min(frames.n_frames, len(song.f0_hz))
    f0_hz = np.pad(song.f0_hz, (0, max(0, frames.n_frames - n_frames)))[: frames.n_frames]
    voiced = f0_hz > 0
    midi = hz_to_midi(fill_unvoiced(f0_hz))
    shape, bias, trusted = decompose(midi, voiced, frames, clock.frame_rate)
    slow = interpolate(decimate(shape, pool), pool, frames.n_frames)
    return SungClip(
        name=song.name,
        singer=singer,
        frames=frames,
        tokens=tokens_of(frames, clock),
        shape=shape.astype(np.float32),
        bias=bias.astype(np.float32),
        trusted=trusted.astype(np.float32),
        voiced=voiced.astype(np.float32),
        smooth_midi=(baseline(frames, clock.frame_rate) + bias + slow).astype(np.float32),
    )


def clips_of(data: TrainingSet, *, validation: bool, pool: int = PITCH_POOL) -> list[SungClip]:
    """All songs of one side of the split; `pool` as for `sung_clip`."""
    return [
        sung_clip(song, data.singers.index(song.singer), data.clock, pool)
        for song in data.split(validation=validation)
    ]


class Drawer:
    """Draws windows: songs by length, singers with little material a little more often."""

    def __init__(self, clips: list[SungClip]):
        self.clips = clips
        lengths = np.array([clip.frames.n_frames for clip in clips], dtype=np.float64)
        singers = np.array([clip.singer for clip in clips])
        share = {s: lengths[singers == s].sum() / lengths.sum() for s in set(singers)}
        weights = lengths * np.array([share[s] ** -0.5 for s in singers])
        self.weights = weights / weights.sum()

    def draw(self, rng, n_clips: int, n_frames: int) -> list[tuple[int, int]]:
        """(index of the song, first frame) for each clip of a batch; songs may be too short."""
        songs = rng.choice(len(self.clips), n_clips, p=self.weights)
        room = [max(0, self.clips[song].frames.n_frames - n_frames) for song in songs]
        return [(int(song), int(rng.integers(0, free + 1))) for song, free in zip(songs, room)]


def cut(values: np.ndarray, start: int, n_frames: int) -> np.ndarray:
    """Rows start… of an array, the last row repeated where the song is too short."""
    window = values[start : start + n_frames]
    short = n_frames - len(window)
    return window if short == 0 else np.concatenate([window, np.repeat(window[-1:], short, 0)])


def cut_tokens(tokens: Tokens, start: int, n_frames: int) -> Tokens:
    """The token window of `cut`."""
    total = len(tokens.phone_of_frame)
    window = tokens.window(start, min(start + n_frames, total))
    if start + n_frames <= total:
        return window
    parts = {
        name: cut(getattr(window, name), 0, n_frames)
        for name in ("phone_of_frame", "note_of_frame", "positions")
    }
    return Tokens(**{**vars(window), **parts})
