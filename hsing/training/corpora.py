"""Folders of recordings, labels and scores → songs: one Timeline each, as synthesis makes them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from hsing.align.frames import place_phones
from hsing.audio.io import read_audio
from hsing.errors import HsingError, InputError, TrainingError
from hsing.flow import Part, PhoneSpan, Score, Timeline
from hsing.lyrics.attach import attach
from hsing.lyrics.inventory import SILENCE
from hsing.score.read import ScoreWarning, read_score, sung_part
from hsing.training.alignment import Alignment, align, assign, build_timeline
from hsing.training.htslabels import (
    LabelledNote,
    Segment,
    labelled_note,
    read_labels,
    shifted,
    tidy,
)
from hsing.training.pitchcheck import (
    coverage,
    errors_semitones,
    heard_f0,
    in_tune,
    octaves_off,
    transposed,
)

_AUDIO = (".wav", ".flac")
_SCORES = (".mid", ".midi", ".musicxml", ".mxl", ".xml")
_WORST_MISFIT_S = 0.06  # mean distance of labelled and scored onsets
_MOST_ASTRAY = 0.15  # share of nuclei that share a note, and of notes without a nucleus
_LARGE_OFFSET_S = 0.05
_LEAST_IN_TUNE = 0.3  # share of notes within 50 cents; by chance it would be a twelfth


@dataclass(frozen=True)
class Song:
    """A recording in time. `audio` is None where there are labels only (good for timing);
    `labelled` is false where phones were timed by rule (no good for timing)."""

    name: str
    singer: str
    audio: Path | None
    timeline: Timeline
    notes: tuple[str, ...] = ()
    labelled: bool = True


def read_corpus(folder: str | Path, singer: str | None = None) -> tuple[list[Song], list[str]]:
    """Read a folder of recordings, recognised by its content.

    Either `labels/full` and `labels/mono` with HTS labels of the same names and recordings in
    `wav/` (NIT-SONG070), or files X.lab, X.mid or X.musicxml and X.wav, X.flac or X_song.flac in
    the folder or folders below it (PJS, and anybody's own). Recordings without labels are timed by
    rule from the words of their score.

    Parameters
    ----------
    folder : where the files are
    singer : the singer's name; the folder's own name if None

    Returns
    -------
    songs : sorted by name
    remarks : one line per thing left out, clipped or guessed, and why

    Raises
    ------
    InputError : no such folder
    TrainingError : nothing in it that can be learnt from
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    singer = singer or folder.resolve().name
    hts = (folder / "labels" / "full").is_dir() and (folder / "labels" / "mono").is_dir()
    songs, remarks = [], []
    for name, read in (_hts_songs if hts else _scored_songs)(folder, singer):
        try:
            song = read()
        except HsingError as error:
            remarks.append(f"{name}: left out: {error}")
            continue
        if any(song.name == other.name for other in songs):
            remarks.append(f"{name}: left out: another song has this name; rename its files")
            continue
        songs.append(song)
        remarks.extend(f"{name}: {remark}" for remark in song.notes)
    if not songs:
        raise TrainingError(
            f"{folder} holds nothing to learn from; put X.wav or X.flac beside X.musicxml or X.mid "
            "(and X.lab, if the phones are labelled)" + "".join(f"; {r}" for r in remarks[:1])
        )
    return songs, remarks


# --- layouts -------------------------------------------------------------------------------------


def _hts_songs(folder: Path, singer: str):
    for mono in sorted((folder / "labels" / "mono").glob("*.lab")):
        full = folder / "labels" / "full" / mono.name
        audio = next(
            (p for s in _AUDIO if (p := folder / "wav" / f"{mono.stem}{s}").is_file()), None
        )
        yield mono.stem, partial(_hts_song, mono, full, audio, singer)


def _hts_song(mono: Path, full: Path, audio: Path | None, singer: str) -> Song:
    """Times from the mono labels, notes from the full-context labels, line by line."""
    labels = read_labels(mono)
    contexts = read_labels(full) if full.is_file() else []
    if [label.symbol for label in labels] != [label.symbol for label in contexts]:
        raise InputError(f"{mono} and {full} do not hold the same phones; label both alike")
    notes: list[LabelledNote] = []
    note_of_line = []
    for context in contexts:
        note = labelled_note(context)
        if note is not None and (not notes or notes[-1] != note):
            notes.append(note)
        note_of_line.append(-1 if note is None else len(notes) - 1)
    sound = read_audio(audio) if audio else None
    segments, remarks = tidy(labels, sound.seconds if sound else None)
    owners = _owners_by_time(segments, labels, note_of_line)
    timeline = build_timeline(segments, owners, [(n.midi, n.quarter_bpm) for n in notes])
    timeline, heard = _as_heard(timeline, heard_f0(sound) if sound else None)
    return Song(mono.stem, singer, audio, timeline, (*remarks, *heard))


def _owners_by_time(segments: list[Segment], labels, note_of_line: list[int]) -> list[int]:
    """The note of each segment: that of the label it came from; −1 for silence."""
    owners, line = [], 0
    for segment in segments:
        middle_s = (segment.start_s + segment.end_s) / 2
        while line + 1 < len(labels) and labels[line].end_s <= middle_s:
            line += 1
        owners.append(-1 if segment.phone.kind == "silence" else note_of_line[line])
    return owners


def _scored_songs(folder: Path, singer: str):
    files = {p for p in folder.rglob("*") if p.is_file()}
    for stem in sorted({p.with_suffix("") for p in files if p.suffix.lower() in _SCORES}):
        scores = [p for s in _SCORES if (p := stem.with_name(stem.name + s)) in files]
        names = [stem.name + tail + s for tail in ("", "_song") for s in _AUDIO]
        audio = next((p for n in names if (p := stem.with_name(n)) in files), None)
        labels = stem.with_name(stem.name + ".lab")
        if labels in files:
            yield stem.name, partial(_labelled_song, stem.name, singer, audio, labels, scores)
        elif audio is not None:
            yield stem.name, partial(_unlabelled_song, stem.name, singer, audio, scores)


def _labelled_song(
    name: str, singer: str, audio: Path | None, lab: Path, scores: list[Path]
) -> Song:
    """Times from the labels, pitches from whichever score fits them best."""
    labels = read_labels(lab)
    sound = read_audio(audio) if audio else None
    f0_hz = heard_f0(sound) if sound else None
    length_s = sound.seconds if sound else None
    score, remarks = _best_score(tidy(labels, length_s)[0], scores, lab)
    timeline, found = _on_notes(labels, score, length_s)
    if sound is None:
        remarks.append("no recording: good for timing only")
    if abs(score.fit.offset_s) > _LARGE_OFFSET_S:
        there = "as the recording has it" if sound else "no recording to ask"
        moved = shifted(labels, -score.fit.offset_s)
        other = _on_notes(moved, score, length_s)
        if sound and coverage(other[0], f0_hz) > coverage(timeline, f0_hz):
            timeline, found = other
            there = "moved there, where the recording is"
        remarks.append(f"labels lie {score.fit.offset_s:+.2f} s from {score.path.name}; {there}")
    timeline, heard = _as_heard(timeline, f0_hz)
    return Song(name, singer, audio, timeline, (*remarks, *found, *heard))


@dataclass(frozen=True)
class _Score:
    """The notes of a score, and how they fit the labels."""

    path: Path
    notes: list[tuple[float, int, float]]
    fit: Alignment

    @property
    def onsets_s(self) -> list[float]:
        return [onset_s for onset_s, _, _ in self.notes]

    @property
    def astray(self) -> float:
        """The share of nuclei and notes without a partner."""
        n_nuclei = len(self.fit.note_of_nucleus)
        joined = n_nuclei - len(set(self.fit.note_of_nucleus))
        single = joined + len(self.fit.lost) + len(self.fit.melismas)
        return single / (n_nuclei + len(self.notes))

    @property
    def fits(self) -> bool:
        return self.fit.misfit_s <= _WORST_MISFIT_S and self.astray <= _MOST_ASTRAY


def _best_score(segments: list[Segment], paths: list[Path], lab: Path) -> tuple[_Score, list[str]]:
    """The first score that fits the labels, and remarks. TrainingError if none does."""
    remarks = []
    for path in paths:
        try:
            notes = scored_notes(path)
            score = _Score(path, notes, align(segments, [onset_s for onset_s, _, _ in notes]))
        except HsingError as error:
            remarks.append(f"{path.name} is not used: {error}")
            continue
        if score.fits:
            return score, remarks
        remarks.append(
            f"{path.name} does not fit {lab.name}: onsets {1000 * score.fit.misfit_s:.0f} ms apart, "
            f"{100 * score.astray:.0f} % of phones or notes alone"
        )
    raise TrainingError(f"{'; '.join(remarks)}; correct the score's tempo and notes or the labels")


def scored_notes(path: Path) -> list[tuple[float, int, float]]:
    """(onset in seconds, MIDI number, quarter notes per minute) of the notes of a score."""
    score, part = _read_part(path)
    tempo = score.tempo
    return [
        (tempo.seconds(note.onset_beats), note.midi, tempo.bpm_at(note.onset_beats))
        for note in part.notes
    ]


def _read_part(path: Path) -> tuple[Score, Part]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        score = read_score(path)
    return score, sung_part(score)


def _on_notes(labels, score: _Score, length_s: float | None) -> tuple[Timeline, list[str]]:
    segments, remarks = tidy(labels, length_s)
    fit = align(segments, score.onsets_s)
    if fit.lost:
        remarks.append(f"{len(fit.lost)} notes of {score.path.name} lie on nothing sung; dropped")
    segments, owners = assign(segments, fit, score.onsets_s)
    return build_timeline(segments, owners, [(m, bpm) for _, m, bpm in score.notes]), remarks


def _as_heard(timeline: Timeline, f0_hz: np.ndarray | None) -> tuple[Timeline, list[str]]:
    """The timeline in the octave that was sung, and a remark where it is not the score's.

    TrainingError if the recording does not sing these notes.
    """
    if f0_hz is None:
        return timeline, []
    errors = errors_semitones(timeline, f0_hz)
    if in_tune(errors) < _LEAST_IN_TUNE:
        raise TrainingError(
            f"only {100 * in_tune(errors):.0f} % of the notes are heard within 50 cents of the "
            "score; recording, labels and score do not belong together"
        )
    octaves = octaves_off(errors)
    if octaves == 0:
        return timeline, []
    remark = f"sung {octaves:+d} octave from the score; notes moved there"
    return transposed(timeline, 12 * octaves), [remark]


def _unlabelled_song(name: str, singer: str, audio: Path, scores: list[Path]) -> Song:
    """Times by rule from the words of the score (MusicXML first), cut or filled to the audio."""
    path = scores[-1]
    score, part = _read_part(path)
    timeline = place_phones(attach(part, score))
    sound = read_audio(audio)
    if timeline.notes and timeline.notes[-1].end_s > sound.seconds + _LARGE_OFFSET_S:
        raise TrainingError(
            f"{path.name} is {timeline.notes[-1].end_s - sound.seconds:.2f} s longer than "
            f"{audio.name}; the recording must follow the score's tempo from its first measure on"
        )
    remark = f"no labels; phones timed by rule from {path.name}"
    timeline, heard = _as_heard(_with_length(timeline, sound.seconds), heard_f0(sound))
    return Song(name, singer, audio, timeline, (remark, *heard), labelled=False)


def _with_length(timeline: Timeline, length_s: float) -> Timeline:
    """Cut or filled with silence at the end."""
    spans = [
        replace(span, end_s=min(span.end_s, length_s))
        for span in timeline.phones
        if span.start_s < length_s
    ]
    if spans[-1].end_s < length_s and spans[-1].phone == SILENCE:
        spans[-1] = replace(spans[-1], end_s=length_s)
    elif spans[-1].end_s < length_s:
        spans.append(PhoneSpan(SILENCE, spans[-1].end_s, length_s, -1))
    notes = tuple(replace(n, end_s=min(n.end_s, length_s)) for n in timeline.notes)
    return Timeline(tuple(spans), notes, length_s)
