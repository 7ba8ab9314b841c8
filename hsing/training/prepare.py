"""Recordings and scores → a training set (`hsing prepare`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from hsing.audio.f0 import track_f0
from hsing.audio.io import read_audio
from hsing.errors import HsingError, InputError, TrainingError
from hsing.evaluation.onsets import onset_errors_ms
from hsing.files import atomic_path
from hsing.flow import Audio, Timeline
from hsing.training.corpora import Song, read_corpus
from hsing.training.datasets import PreparedSong, write_index, write_song
from hsing.units import Clock, hz_to_midi

PEAK_DBFS = -1.0
DEFAULT_CLOCK = Clock(44_100, 512)
_LARGEST_SHIFT_S, _SMALLEST_SHIFT_S, _FEWEST_ONSETS = 0.08, 0.008, 6
_LARGEST_SNAP_S, _SHORTEST_PHONE_S = 0.05, 0.02
# songs that no shipped model is trained on
VALIDATION = (
    "pjs090",
    "pjs091",
    "pjs092",
    "pjs093",
    "pjs094",
    "nitech_jp_song070_f001_055",
    "nitech_jp_song070_f001_059",
)


@dataclass(frozen=True)
class PrepareReport:
    """What went into the set, and one line for each thing left out or changed."""

    songs: list[PreparedSong]
    remarks: list[str]
    statistics: dict


def prepare(
    folders: list[Path],
    out: Path,
    *,
    clock: Clock = DEFAULT_CLOCK,
    validation: list[str] | None = None,
    progress: Callable = lambda songs: songs,
) -> PrepareReport:
    """Read corpora, track pitch, put everything on one clock, write the training set to `out`.

    Parameters
    ----------
    folders : each a PJS or NIT-SONG070 folder, or any folder of audio + MusicXML/MIDI
        (+ optional HTS labels); the folder's name is the singer's
    validation : names of songs to hold out; None takes the default names, and where none of a
        singer's songs is among them, every tenth of that singer's songs

    Raises
    ------
    TrainingError : nothing usable was found, or all of it is held out
    """
    if (out / "index.json").exists():
        raise InputError(f"{out} already holds a training set; give another folder or remove it")
    sources, remarks = _collect(folders)
    held_out = _held_out(sources, validation)
    if sources and held_out.issuperset(source.name for source in sources):
        raise TrainingError("all songs are held out: none is left to train on; hold out fewer")
    out.mkdir(parents=True, exist_ok=True)
    songs = []
    for source in progress(sources):
        try:
            song = _prepare_song(source, source.name in held_out, clock)
        except HsingError as error:
            remarks.append(f"{source.name}: left out: {error}")
            continue
        song, late_s = _with_heard_onsets(song, clock)
        song, _ = _with_heard_onsets(_snapped(song, clock), clock)
        if late_s:
            remarks.append(f"{song.name}: labels moved {late_s:+.3f} s, to the vowels as heard")
        write_song(out, song)
        songs.append(song)
    if all(song.validation for song in songs):
        raise TrainingError(
            f"no song of {', '.join(map(str, folders))} could be prepared to train on"
        )
    singers = sorted({song.singer for song in songs})
    statistics = {singer: _statistics(songs, singer, clock.sample_rate) for singer in singers}
    write_index(out, clock, songs, {"statistics": statistics})
    _write_report(out, songs, remarks, statistics)
    return PrepareReport(songs, remarks, statistics)


def _collect(folders: list[Path]) -> tuple[list[Song], list[str]]:
    """All songs with audio; of songs of one name, which would share a file, the first."""
    sources, remarks, homes = [], [], {}
    for folder in folders:
        found, said = read_corpus(folder)
        remarks.extend(said)
        for song in found:
            if song.audio is None:
                remarks.append(f"{song.name}: no audio: left out here")
            elif homes.setdefault(song.name, folder) is not folder:
                remarks.append(
                    f"{song.name}: that of {folder} left out: {homes[song.name]} has a song of the"
                    " same name; rename one"
                )
            else:
                sources.append(song)
    return sources, remarks


def _held_out(sources: list[Song], validation: list[str] | None) -> set[str]:
    if validation is not None:
        unknown = set(validation) - {song.name for song in sources}
        if unknown:
            raise InputError(f"no song is called {', '.join(sorted(unknown))}: cannot hold it out")
        return set(validation)
    chosen = set(VALIDATION)
    for singer in {song.singer for song in sources}:
        names = sorted(song.name for song in sources if song.singer == singer)
        if not chosen & set(names):
            chosen |= set(names[::10]) if len(names) > 1 else set()
    return chosen


def _prepare_song(source: Song, validation: bool, clock: Clock) -> PreparedSong:
    audio = read_audio(source.audio, clock.sample_rate)
    peak = float(np.abs(audio.samples).max())
    if peak == 0.0:
        raise TrainingError("the audio is silent")
    samples = audio.samples * (10 ** (PEAK_DBFS / 20) / peak)
    f0_hz, confidence = track_f0(Audio(samples, clock.sample_rate), clock)
    return PreparedSong(
        name=source.name,
        singer=source.singer,
        validation=validation,
        samples=np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16),
        f0_hz=f0_hz,
        confidence=confidence,
        timeline=source.timeline,
    )


def _with_heard_onsets(song: PreparedSong, clock: Clock) -> tuple[PreparedSong, float]:
    """The song with its labels where its vowels are heard to start, and by how much they moved.

    Some corpora put the start of a vowel well inside it, each song by an amount of its own. A
    singer who learnt from that would come in early, so the song's median offset is taken out.
    """
    heard = onset_errors_ms(Audio(song.sound(), clock.sample_rate), song.timeline)
    shift_s = float(np.clip(heard.median_ms / 1000.0, -_LARGEST_SHIFT_S, _LARGEST_SHIFT_S))
    if len(heard.errors_ms) < _FEWEST_ONSETS or abs(shift_s) < _SMALLEST_SHIFT_S:
        return song, 0.0
    return replace(song, timeline=_shifted(song.timeline, shift_s)), round(shift_s, 3)


def _snapped(song: PreparedSong, clock: Clock) -> PreparedSong:
    """The song with the boundaries between voiced and voiceless phones where its voicing changes.

    Labels scatter by tens of ms round the sound; a boundary moves to the nearest change in the
    right direction, at most _LARGEST_SNAP_S away, and leaves _SHORTEST_PHONE_S on either side.
    """
    voiced = np.concatenate(([False], song.f0_hz > 0, [False]))
    changes = np.diff(voiced.astype(np.int8))
    times = {s: clock.seconds(np.flatnonzero(changes == s) - 0.5) for s in (1, -1)}
    phones = song.timeline.phones
    starts = [span.start_s for span in phones]
    for i, (before, after) in enumerate(pairwise(phones), start=1):
        if before.phone.voiced == after.phone.voiced:
            continue
        near = times[1 if after.phone.voiced else -1]
        near = near[np.abs(near - after.start_s) <= _LARGEST_SNAP_S]
        if len(near):
            wanted = near[np.argmin(np.abs(near - after.start_s))]
            low, high = starts[i - 1] + _SHORTEST_PHONE_S, after.end_s - _SHORTEST_PHONE_S
            starts[i] = float(np.clip(wanted, low, high)) if low <= high else after.start_s
    moved = {span.start_s: start for span, start in zip(phones, starts)}
    ends = [*starts[1:], song.timeline.length_s]
    spans = tuple(replace(p, start_s=a, end_s=b) for p, a, b in zip(phones, starts, ends))
    notes = tuple(
        replace(n, onset_s=moved.get(n.onset_s, n.onset_s), end_s=moved.get(n.end_s, n.end_s))
        for n in song.timeline.notes
    )
    return replace(song, timeline=Timeline(spans, notes, song.timeline.length_s))


def _shifted(timeline: Timeline, shift_s: float) -> Timeline:
    """All times moved, but for the two ends of the song."""
    end = timeline.length_s

    def moved(time_s: float) -> float:
        return time_s if time_s in (0.0, end) else min(max(time_s + shift_s, 0.0), end)

    phones = tuple(
        replace(p, start_s=moved(p.start_s), end_s=moved(p.end_s)) for p in timeline.phones
    )
    notes = tuple(
        replace(n, onset_s=moved(n.onset_s), end_s=moved(n.end_s)) for n in timeline.notes
    )
    return Timeline(phones, notes, end)


def _statistics(songs: list[PreparedSong], singer: str, rate: int) -> dict:
    """Minutes, range of the notes, pitch quantiles of one singer's training songs."""
    own = [song for song in songs if song.singer == singer and not song.validation]
    if not own:
        return {"songs": 0}
    f0 = np.concatenate([song.f0_hz for song in own])
    notes = [note.midi for song in own for note in song.timeline.notes]
    voiced = hz_to_midi(f0[f0 > 0])
    return {
        "songs": len(own),
        "minutes": round(sum(len(s.samples) for s in own) / rate / 60, 2),
        "voiced_share": round(float((f0 > 0).mean()), 4),
        "note_midi_low": int(min(notes)),
        "note_midi_high": int(max(notes)),
        "pitch_midi_quantiles": [
            round(float(q), 2) for q in np.quantile(voiced, [0.01, 0.1, 0.5, 0.9, 0.99])
        ],
    }


def _write_report(out: Path, songs: list[PreparedSong], remarks: list[str], facts: dict) -> None:
    lines = ["# Training set", ""]
    for singer, row in sorted(facts.items()):
        lines.append(f"- {singer}: " + ", ".join(f"{key} {value}" for key, value in row.items()))
    held = " ".join(song.name for song in songs if song.validation)
    lines += ["", f"Held out for validation: {held}", "", "## Left out or changed", ""]
    lines += [f"- {remark}" for remark in remarks] or ["- nothing"]
    with atomic_path(out / "report.md", force=True) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
