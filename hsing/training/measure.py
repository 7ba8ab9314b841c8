"""Figures of trained models on the held-out songs of a training set (`hsing train measure-…`)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import torch

from hsing.align.frames import place_phones
from hsing.audio.f0 import fill_unvoiced
from hsing.codec.model import Codec
from hsing.errors import TrainingError
from hsing.evaluation.metrics import (
    codec_rows,
    log_mel_l1,
    log_mel_mae,
    mel_cepstral_distortion,
    note_accuracy,
    onset_errors_ms,
    periodicity_rmse,
    pitch_error_cents,
    track_pitch,
    trimmed,
    voiced_share,
    vuv_f1,
)
from hsing.flow import Audio, Note, Place, Sung, SungNote, Tempo, TempoMap, Timeline
from hsing.pipelines.synth import SynthOptions, sing
from hsing.pipelines.voice import Voice
from hsing.training.codec import copy_of
from hsing.training.datasets import PreparedSong, TrainingSet
from hsing.units import cents

BOOKS = (4, 8, 16, 30)
SHIFT_SEMITONES = 5


def measure_codec(data: TrainingSet, codec: Codec, *, tracker: str = "swift-f0") -> dict:
    """Copies of all held-out songs at 4, 8, 16 and 30 books; pitch and timbre of shifted copies.

    Returns `songs`, `copies` (one row per number of books) and `shifted` (one row per direction:
    over frames voiced in recording and copy, `pitch_median_cents` is the median of the deviation
    from the pitch asked for and `pitch_p90_abs_cents` the 90th percentile of its size;
    `envelope_db` is the mean change of the spectral envelope from 100 Hz to 8 kHz against the
    recording's; `0` semitones is the plain copy). Raises TrainingError if no song is held out.
    """
    songs = _held_out(data)
    rate = codec.config.sample_rate
    originals = [Audio(song.sound(), rate) for song in songs]
    books = sorted({min(n, codec.config.n_codebooks) for n in BOOKS})
    copies = {n: [Audio(copy_of(codec, s, n, "cpu"), rate) for s in songs] for n in books}
    rows = codec_rows(
        originals, copies, kbit_per_s_per_book=codec.config.kbit_per_s(1), tracker=tracker
    )
    shifts = (-SHIFT_SEMITONES, 0, SHIFT_SEMITONES)
    return {
        "songs": [song.name for song in songs],
        "tracker": tracker,
        "copies": [vars(row) for row in rows],
        "shifted": [_shifted(codec, songs, semitones, tracker) for semitones in shifts],
    }


def measure_voice(
    data: TrainingSet, voice: Voice, *, seed: int = 0, tracker: str = "swift-f0"
) -> dict:
    """The held-out songs of a voice's singer, sung again and held against recording and score.

    Three renderings: the recording's own phone times with in_tune 0 and with the default, and
    phone times predicted from the notes. Raises TrainingError if none of the singer's songs is
    held out.
    """
    songs = [song for song in _held_out(data) if song.singer == voice.singer]
    if not songs:
        raise TrainingError(
            f"{data.folder}: no song of '{voice.singer}' is held out; prepare a set in which one is"
        )
    default = SynthOptions(seed=seed)
    as_sung = SynthOptions(seed=seed, in_tune=0.0)
    predicted = [
        place_phones(sung_of(s.timeline), voice.timing, singer=voice.singer) for s in songs
    ]
    own = [song.timeline for song in songs]
    return {
        "songs": [song.name for song in songs],
        "tracker": tracker,
        "seed": seed,
        "own timing, in_tune 0": _sung_figures(songs, own, voice, as_sung, tracker),
        f"own timing, in_tune {default.in_tune:g}": _sung_figures(
            songs, own, voice, default, tracker
        ),
        f"predicted timing, in_tune {default.in_tune:g}": _sung_figures(
            songs, predicted, voice, default, tracker
        ),
    }


def sung_of(timeline: Timeline) -> Sung:
    """The notes and words of a timeline as a score in seconds (60 beats a minute)."""
    notes = []
    for index, note in enumerate(timeline.notes):
        onset, end = Fraction(note.onset_s), Fraction(note.end_s)
        place = Place("recording", 1, onset + 1)
        phones = tuple(span.phone for span in timeline.phones if span.note == index)
        notes.append(SungNote(Note(onset, end - onset, note.midi, place), phones))
    tempo = TempoMap((Tempo(Fraction(0), 60.0),))
    return Sung("recording", "ja", tuple(notes), tempo, Fraction(timeline.length_s))


def _held_out(data: TrainingSet) -> list[PreparedSong]:
    songs = data.split(validation=True)
    if not songs:
        raise TrainingError(f"{data.folder}: no song is held out for validation; prepare it anew")
    return songs


def _shifted(codec: Codec, songs: list[PreparedSong], semitones: int, tracker: str) -> dict:
    """One row of `shifted`: copies decoded at another pitch."""
    ratio = 2.0 ** (semitones / 12.0)
    deviations, changes = [], []
    for song in songs:
        copy = _decoded_at(codec, song, ratio)
        heard = track_pitch(Audio(copy, codec.config.sample_rate), tracker)
        original = track_pitch(Audio(song.sound(), codec.config.sample_rate), tracker)
        n = min(len(heard.f0_hz), len(original.f0_hz))
        both = heard.voiced[:n] & original.voiced[:n]
        wanted = original.f0_hz[:n][both] * ratio
        deviations.append(cents(heard.f0_hz[:n][both], wanted))
        changes.append(_envelope_change_db(codec, song, copy, ratio))
    pooled = np.concatenate(deviations)
    return {
        "semitones": semitones,
        "pitch_median_cents": float(np.median(pooled)),
        "pitch_p90_abs_cents": float(np.quantile(np.abs(pooled), 0.9)),
        "envelope_db": float(np.mean(changes)),
    }


@torch.inference_mode()
def _decoded_at(codec: Codec, song: PreparedSong, ratio: float) -> np.ndarray:
    f0_hz = torch.from_numpy(fill_unvoiced(song.f0_hz))
    voicing = torch.from_numpy((song.f0_hz > 0).astype(np.float32))
    latent = codec.encode(torch.from_numpy(song.sound())[None], f0_hz[None])
    return codec.decode(codec.quantizer(latent)[0][0], f0_hz * ratio, voicing).numpy()


@torch.inference_mode()
def _envelope_change_db(codec: Codec, song: PreparedSong, copy: np.ndarray, ratio: float) -> float:
    """Mean |Δ| in dB of the pitch-free envelope over voiced frames, 100 Hz to 8 kHz."""
    analysis, n_bands = codec.analysis, codec.config.n_envelope_bands
    f0_hz = fill_unvoiced(song.f0_hz)
    original = song.sound()[: len(copy)]
    rows = [
        analysis(torch.from_numpy(samples)[None], torch.from_numpy(pitch)[None])[0, :, :n_bands]
        for samples, pitch in ((original, f0_hz), (copy, (f0_hz * ratio).astype(np.float32)))
    ]
    centres = analysis.envelope_centres
    bands = (centres > 100.0) & (centres < 8000.0)
    voiced = torch.from_numpy(song.f0_hz > 0)
    # features are (ln power + 5)/5
    change = (rows[0] - rows[1])[voiced][:, bands] * 5.0 * (10.0 / np.log(10.0))
    return float(change.abs().mean())


def _sung_figures(
    songs: list[PreparedSong],
    timelines: Iterable[Timeline],
    voice: Voice,
    options: SynthOptions,
    tracker: str,
) -> dict:
    """Figures of `metrics` for songs sung on given timelines, pooled."""
    rate = voice.codec.config.sample_rate
    pairs, tracks, notes, onsets, shares = [], [], [], [], []
    for song, timeline in zip(songs, timelines):
        audio, _ = sing(timeline, voice, options)
        recording = Audio(song.sound(), rate)
        output = Audio(audio.samples[: len(recording.samples)], rate)
        pairs.append(trimmed(recording, output))
        track = track_pitch(output, tracker)
        tracks.append((track_pitch(pairs[-1][0], tracker), track))
        notes.append(note_accuracy(track.voiced_f0_hz, track.seconds, timeline.notes))
        onsets.append(onset_errors_ms(output, timeline).errors_ms)
        shares.append(voiced_share(track.voiced, track.seconds, timeline))
    errors_ms = np.abs(np.concatenate(onsets))
    deviations = np.abs(np.concatenate([accuracy.deviation_cents for accuracy in notes]))
    return {
        "pitch_error_cents": pitch_error_cents(tracks),
        "periodicity_rmse": periodicity_rmse(tracks),
        "vuv_f1": vuv_f1(tracks),
        "log_mel_l1": float(np.mean([log_mel_l1(*pair) for pair in pairs])),
        "log_mel_mae": float(np.mean([log_mel_mae(*pair) for pair in pairs])),
        "mel_cepstral_distortion_db": float(
            np.mean([mel_cepstral_distortion(*pair) for pair in pairs])
        ),
        "n_notes": len(deviations),
        "notes_within_50_cents": float(np.mean(deviations <= 50.0)),
        "notes_within_25_cents": float(np.mean(deviations <= 25.0)),
        "onset_median_ms": float(np.median(errors_ms)),
        "onset_p95_ms": float(np.quantile(errors_ms, 0.95)),
        "voiced_share": float(np.mean(shares)),
    }
