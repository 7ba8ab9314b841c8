"""A score becomes singing: the whole journey, in numbered steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from hsing.align.frames import place_phones, to_frames
from hsing.audio.f0 import fill_unvoiced
from hsing.audio.filters import highpass
from hsing.condition.features import Tokens, pitch_curves, tokens_of
from hsing.condition.model import batch_of
from hsing.errors import HsingError, InputError, LyricsError
from hsing.flow import Audio, Frames, PhoneSpan, Score, Sung, Timeline, note_name
from hsing.latent.samplers import sample
from hsing.lyrics.attach import attach
from hsing.lyrics.inventory import SILENCE
from hsing.melody.curve import compose, interpolate
from hsing.pipelines.voice import DEFAULT_VOICE, Voice, load_voice
from hsing.score.read import read_score, sung_part
from hsing.units import db_to_gain, hz_to_midi, midi_to_hz

TAIL_S = 0.25  # after the score's end, for the last vowel to die away
PEAK_DBFS = -1.0
RUMBLE_HZ = 50.0  # below any singer; the recordings have hum and steps there
# Rests, in frames of the codec (11.6 ms at 44.1 kHz): how long a vowel dies away, how long before
# singing goes on a breath may begin, and how short it may be.
RELEASE_FRAMES, BREATH_LONGEST_FRAMES, BREATH_SHORTEST_FRAMES = 8, 70, 8
BREATH_FLOOR_DBFS, BREATH_DBFS = -58.0, -44.0
# The pitch curve is drawn at this many times the temperature. A small model's draws wander more than
# a singer does: the pitch error of pjs (measure-voice, own timing, in_tune 0) is 88 cents at 1 and
# 84 at 2.
PITCH_CALM = 2.0
_RANGE_MARGIN = 2  # semitones beyond the singer's notes that the timbre is asked for


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        given, least, most = (f"{x:g}" if isinstance(x, float) else x for x in (value, low, high))
        raise InputError(f"{name} {given} is out of range; give {least} to {most}")


@dataclass(frozen=True)
class SynthOptions:
    """`temperature` is the paper's τ (higher is calmer), `in_tune` the share of each note's
    deviation from the score that is taken out, `tempo` a factor on the score's own."""

    part: str | None = None
    language: str | None = None
    default_lyric: str | None = None
    transpose: int = 0
    tempo: float = 1.0
    in_tune: float = 0.95
    temperature: float = 1.5
    steps: int = 8
    sampler: str = "second-order"
    seed: int = 0

    def __post_init__(self):
        _within("--in-tune", self.in_tune, 0.0, 1.0)
        _within("--tempo", self.tempo, 0.1, 10.0)
        _within("--temperature", self.temperature, 0.1, 100.0)
        _within("--steps", self.steps, 0, 1000)
        _within("--transpose", self.transpose, -48, 48)
        _within("--seed", self.seed, 0, 2**31 - 1)


@dataclass(frozen=True)
class Take:
    """One rendering, with what it was made from.

    f0_hz : float32 [n_frames], 0 where unvoiced
    """

    audio: Audio
    timeline: Timeline
    f0_hz: np.ndarray
    remarks: tuple[str, ...]


def read_sung(score: str | Path | Score, options: SynthOptions = SynthOptions()) -> Sung:
    """A score's part with its words as phones, transposed and at the tempo asked for.

    Raises ScoreError or LyricsError if it cannot be sung; the message names file, part, measure
    and beat.
    """
    score = score if isinstance(score, Score) else read_score(score)
    try:
        part = sung_part(score, options.part)
        sung = attach(part, score, language=options.language, default_lyric=options.default_lyric)
        return _changed(sung, options)
    except HsingError as error:
        raise type(error)(f"{score.source}: {error}" if score.source else str(error)) from None


def synth(
    score: str | Path | Score | Sung,
    voice: Voice | str = DEFAULT_VOICE,
    options: SynthOptions = SynthOptions(),
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Take:
    """Sing one part of a score.

    Parameters
    ----------
    score : a file, a Score, or what `read_sung` made of one
    voice : from `load_voice`, or a name for it
    progress : called with (steps done, steps in all)

    Returns
    -------
    Take : the audio lasts the score's length to within a frame, plus TAIL_S; its peak is at most
        PEAK_DBFS

    Raises
    ------
    ScoreError, LyricsError : the score cannot be sung; the message names part, measure and beat
    """
    done, total = 0, 2 * options.steps + 2

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    voice = load_voice(voice) if isinstance(voice, str) else voice
    # 1. score → words on notes
    sung = score if isinstance(score, Sung) else read_sung(score, options)
    _check_language(sung, voice)
    # 2. notes and words → phones in seconds
    timeline = place_phones(sung, voice.timing, singer=voice.singer)
    # 3. … → sound
    audio, f0_hz = sing(timeline, voice, options, step=step)
    return Take(audio, timeline, f0_hz, _remarks(sung, voice, options.transpose))


@torch.inference_mode()
def sing(
    timeline: Timeline,
    voice: Voice,
    options: SynthOptions,
    *,
    f0_hz: np.ndarray | None = None,
    step: Callable[[], None] = lambda: None,
) -> tuple[Audio, np.ndarray]:
    """Phones in time → (audio, f0_hz [n_frames]), from the point where timing is settled.

    f0_hz : a pitch curve to sing instead of the model's, Hz, 0 where unvoiced
    """
    clock = voice.codec.config.clock
    # 1. phones → frames, with a tail
    frames = to_frames(_with_tail(timeline), clock)
    tokens = tokens_of(frames, clock)
    # 2. the pitch curve and voicing
    if f0_hz is None:
        midi, voiced = _draw_pitch(frames, tokens, voice, options, step)
    else:
        midi, voiced = _given_pitch(f0_hz, frames)
    step()
    # 3. the codec's latents
    latent = _draw_latent(tokens, midi, voiced, voice, options, step)
    # 4. latents → sound
    decoded = voice.codec.decode(
        latent,
        torch.from_numpy(midi_to_hz(midi).astype(np.float32)),
        torch.from_numpy(voiced.astype(np.float32)),
        seed=options.seed,
    )
    step()
    samples = _finished(decoded.cpu().numpy(), frames, clock.hop, clock.sample_rate)
    curve = np.where(voiced, midi_to_hz(midi), 0.0).astype(np.float32)
    return Audio(samples, clock.sample_rate), curve


def _changed(sung: Sung, options: SynthOptions) -> Sung:
    """Transposed and at another tempo."""
    notes = tuple(
        replace(n, note=replace(n.note, midi=n.note.midi + options.transpose)) for n in sung.notes
    )
    for changed in notes:
        if not 12 <= changed.note.midi <= 108:
            raise InputError(
                f"{changed.note.place}: --transpose {options.transpose} moves the note to MIDI"
                f" {changed.note.midi}, where nobody sings; keep it within 12 to 108"
            )
    return replace(sung, notes=notes, tempo=sung.tempo.scaled(options.tempo))


def _check_language(sung: Sung, voice: Voice) -> None:
    if sung.language not in voice.languages:
        raise LyricsError(
            f"part '{sung.part}' is in '{sung.language}', which {voice.name} does not sing; it sings"
            f" {', '.join(voice.languages)}"
        )


def _remarks(sung: Sung, voice: Voice, transposed: int) -> tuple[str, ...]:
    """One line if the part leaves the voice's range, with the transposition that would fit."""
    low, high = voice.note_range
    span = f"{note_name(low)}–{note_name(high)}"
    notes = [n.note.midi for n in sung.notes]
    outside = sum(not low <= midi <= high for midi in notes)
    if not outside:
        return ()
    line = f"{outside} of {len(notes)} notes lie outside {voice.name}'s range ({span})"
    steps = [o for o in (-transposed, -12, 12, -24, 24)
             if low <= min(notes) + o and max(notes) + o <= high]  # fmt: skip
    if not steps:
        return (line,)
    wanted = transposed + steps[0]
    return (f"{line}; {f'--transpose {wanted:+d}' if wanted else 'without --transpose it'} fits",)


def _with_tail(timeline: Timeline) -> Timeline:
    """With TAIL_S of silence at the end, one with the rest that may stand there."""
    end, phones = timeline.length_s, timeline.phones
    tail = PhoneSpan(SILENCE, end, end + TAIL_S, -1)
    if phones and phones[-1].phone == SILENCE:
        tail, phones = replace(phones[-1], end_s=tail.end_s), phones[:-1]
    return replace(timeline, phones=(*phones, tail), length_s=tail.end_s)


def _draw_pitch(frames: Frames, tokens: Tokens, voice: Voice, options: SynthOptions, step):
    """Pitch in MIDI, float64 [n_frames], defined everywhere; voicing, bool [n_frames]."""
    model = voice.pitch
    given = batch_of([tokens], None, [voice.singer_index]).to(voice.device)
    condition = model.condition(given)
    drawn = sample(
        model.generator,
        condition.prior_mean,
        condition.h,
        n_steps=options.steps,
        temperature=PITCH_CALM * options.temperature,
        seed=options.seed,
        sampler=options.sampler,
        progress=step,
    )
    slow = model.generator.denormalise(drawn)[0, :, 0].cpu().double().numpy()
    shape = interpolate(slow, model.condition.config.pool, frames.n_frames)
    bias, voicing = condition.regressed[0].cpu().double().numpy().T
    rate = voice.codec.config.clock.frame_rate
    voiced = voicing > 0.0
    return compose(shape, bias, voiced, frames, rate, in_tune=options.in_tune), voiced


def _given_pitch(f0_hz: np.ndarray, frames: Frames):
    """The same from a curve in Hz, 0 where unvoiced."""
    f0_hz = np.pad(f0_hz, (0, max(0, frames.n_frames - len(f0_hz))))[: frames.n_frames]
    return hz_to_midi(fill_unvoiced(f0_hz)), f0_hz > 0


def _draw_latent(tokens: Tokens, midi, voiced, voice: Voice, options: SynthOptions, step):
    """Latents [shape=(n_frames, latent_dim)] for the codec's decoder."""
    low, high = voice.note_range[0] - _RANGE_MARGIN, voice.note_range[1] + _RANGE_MARGIN
    known = np.where(tokens.note_midi > 0, np.clip(tokens.note_midi, low, high), 0)
    curves = pitch_curves(np.clip(midi, low, high), voiced)[None]
    given = batch_of([replace(tokens, note_midi=known)], curves, [voice.singer_index])
    condition = voice.timbre.condition(given.to(voice.device))
    generator = voice.timbre.generator
    drawn = sample(
        generator,
        condition.prior_mean,
        condition.h,
        n_steps=options.steps,
        temperature=options.temperature,
        seed=options.seed + 1,
        sampler=options.sampler,
        progress=step,
    )
    latent = generator.denormalise(drawn).to(voice.codec.device)
    return voice.codec.quantizer(latent)[0][0]


def _finished(samples: np.ndarray, frames: Frames, hop: int, sample_rate: int) -> np.ndarray:
    """Rumble removed, rests silenced, the peak brought down to PEAK_DBFS."""
    samples = highpass(samples, sample_rate, RUMBLE_HZ)
    samples = samples * _rest_gain(samples, frames, hop)
    peak = float(np.abs(samples).max(initial=0.0))
    ceiling = float(db_to_gain(PEAK_DBFS))
    return (samples * (ceiling / peak) if peak > ceiling else samples).astype(np.float32)


def _rest_gain(samples: np.ndarray, frames: Frames, hop: int) -> np.ndarray:
    """Gain per sample: digital silence in rests, but for the vowel's release and a breath.

    A breath is what sounds above BREATH_FLOOR_DBFS, long enough, shortly before singing goes on;
    it is held below BREATH_DBFS. Slopes last a frame.
    """
    level = np.sqrt(np.mean(samples.reshape(-1, hop) ** 2, axis=1))
    gain = np.ones(frames.n_frames)
    ends = np.cumsum(frames.phone_frames)
    for index in np.flatnonzero(frames.phone_ids == SILENCE.index):
        end = ends[index]
        start = end - frames.phone_frames[index]
        # a song that opens with a rest has no vowel to let go of
        released = start if start == 0 else min(end, start + RELEASE_FRAMES)
        gain[start:released] = np.linspace(1.0, 0.0, released - start + 1)[1:]
        gain[released:end] = 0.0
        if end < frames.n_frames:
            first = max(released, end - BREATH_LONGEST_FRAMES)
            gain[first:end] = _breath_gain(level[first:end])
    at = np.arange(len(samples)) / hop
    return np.interp(at, np.arange(len(gain)) + 0.5, gain)


def _breath_gain(level: np.ndarray) -> np.ndarray:
    """Gain of the frames before singing goes on; what reaches into it may be a first consonant."""
    if len(level) == 0:
        return level
    smooth = np.convolve(np.pad(level, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    open_ = smooth > db_to_gain(BREATH_FLOOR_DBFS)
    edges = np.flatnonzero(np.diff(open_.astype(int), prepend=0, append=0))
    for start, end in zip(edges[::2], edges[1::2]):
        if end - start < BREATH_SHORTEST_FRAMES and end < len(level):
            open_[start:end] = False
    return open_ * np.minimum(1.0, db_to_gain(BREATH_DBFS) / np.maximum(smooth, 1e-9))
