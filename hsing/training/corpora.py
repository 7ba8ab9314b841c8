"""Folders of recordings, labels and scores → songs: one Timeline each, as synthesis makes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hsing.errors import HsingError, InputError, TrainingError
from hsing.flow import PhoneSpan, TimedNote, Timeline
from hsing.training.alignment import Alignment, align
from hsing.training.htslabels import LabelledNote, Segment, labelled_note, read_labels, tidy

_AUDIO = (".wav", ".flac")
_SCORES = (".mid", ".midi", ".musicxml", ".mxl", ".xml")
_SHORTEST_S = 0.03  # of the pieces that a melisma cuts a vowel into
_SAME_ONSET_S = 0.02  # scored notes closer than this are one note engraved twice
_WORST_MISFIT_S = 0.06
_LEAST_MATCHED = 0.85


@dataclass(frozen=True)
class Song:
    """A labelled recording. `audio` is None where there are labels only (good for timing)."""

    name: str
    singer: str
    audio: Path | None
    timeline: Timeline
    notes: tuple[str, ...] = ()


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
        songs.append(song)
        remarks.extend(f"{name}: {remark}" for remark in song.notes)
    if not songs:
        raise TrainingError(
            f"{folder} holds nothing to learn from; put X.wav or X.flac beside X.musicxml or X.mid "
            "(and X.lab, if the phones are labelled)" + "".join(f"; {r}" for r in remarks[:1])
        )
    return songs, remarks


def audio_seconds(path: Path) -> float:
    """Length of an audio file in seconds."""
    from hsing.audio.io import read_audio

    return read_audio(path).seconds


# --- layouts -------------------------------------------------------------------------------------


def _hts_songs(folder: Path, singer: str):
    for mono in sorted((folder / "labels" / "mono").glob("*.lab")):
        full = folder / "labels" / "full" / mono.name
        audio = next((p for s in _AUDIO if (p := folder / "wav" / f"{mono.stem}{s}").is_file()), None)
        yield mono.stem, lambda m=mono, f=full, a=audio: _hts_song(m, f, a, singer)


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
    segments, remarks = tidy(labels, audio_seconds(audio) if audio else None)
    owners = _owners_by_time(segments, labels, note_of_line)
    pitches = [(note.midi, note.quarter_bpm) for note in notes]
    return Song(mono.stem, singer, audio, build_timeline(segments, owners, pitches), tuple(remarks))


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
    scored = sorted({p.with_suffix("") for p in files if p.suffix.lower() in _SCORES})
    for stem in scored:
        scores = [p for s in _SCORES if (p := stem.with_name(stem.name + s)) in files]
        names = [stem.name + tail + s for tail in ("", "_song") for s in _AUDIO]
        audio = next((p for n in names if (p := stem.with_name(n)) in files), None)
        labels = stem.with_name(stem.name + ".lab")
        if labels in files:
            yield stem.name, lambda n=stem.name, a=audio, b=labels, c=scores: _labelled_song(
                n, singer, a, b, c
            )
        elif audio is not None:
            yield stem.name, lambda n=stem.name, a=audio, c=scores: _unlabelled_song(n, singer, a, c)


def _labelled_song(name: str, singer: str, audio: Path | None, lab: Path, scores) -> Song:
    """Times from the labels, pitches from whichever score fits them best."""
    segments, remarks = tidy(read_labels(lab), audio_seconds(audio) if audio else None)
    if audio is None:
        remarks.append("no recording: good for timing only")
    fits = []
    for path in scores[:1]:
        notes = scored_notes(path)
        fit = align(segments, [onset_s for onset_s, _, _ in notes])
        fits.append((_quality(fit, len(notes)), path, notes, fit))
        if fits[-1][0][0]:
            break
    (good, badness), path, notes, fit = min(fits, key=lambda f: (not f[0][0], f[0][1]))
    if not good:
        raise TrainingError(
            f"{lab.name} and {path.name} do not fit each other (onsets {1000 * fit.misfit_s:.0f} ms "
            f"apart, {100 * badness:.0f} % astray); correct the tempo of the score or the labels"
        )
    if path != scores[0]:
        remarks.append(f"{scores[0].name} does not fit the labels; {path.name} does")
    if abs(fit.offset_s) > 0.05:
        remarks.append(f"labels lie {fit.offset_s:+.2f} s from {path.name}; taken out")
    if fit.lost:
        remarks.append(f"{len(fit.lost)} notes of {path.name} lie on nothing sung; dropped")
    segments, owners = assign(segments, fit, [onset_s for onset_s, _, _ in notes])
    pitches = [(midi, bpm) for _, midi, bpm in notes]
    return Song(name, singer, audio, build_timeline(segments, owners, pitches), tuple(remarks))


def _quality(fit: Alignment, n_notes: int) -> tuple[bool, float]:
    """Whether labels and score belong together, and the share of nuclei and notes astray."""
    n_nuclei = len(fit.note_of_nucleus)
    joined = n_nuclei - len(set(fit.note_of_nucleus))
    astray = (joined + len(fit.lost) + len(fit.melismas)) / max(n_nuclei + n_notes, 1)
    return fit.misfit_s <= _WORST_MISFIT_S and astray <= 1 - _LEAST_MATCHED, astray + fit.misfit_s


def scored_notes(path: Path) -> list[tuple[float, int, float]]:
    """(onset in seconds, MIDI number, quarter notes per minute) of the notes of a score."""
    import pretty_midi

    if path.suffix != ".mid":
        raise InputError(f"{path}: only MIDI scores are read for labelled recordings")
    midi = pretty_midi.PrettyMIDI(str(path))
    bpm = float(midi.get_tempo_changes()[1][0])
    found = sorted((n.start, n.pitch, bpm) for i in midi.instruments for n in i.notes)
    notes = found[:1]
    for note in found[1:]:
        if note[0] - notes[-1][0] > _SAME_ONSET_S:
            notes.append(note)
    return notes


# --- notes onto phones ---------------------------------------------------------------------------


def assign(
    segments: list[Segment], fit: Alignment, onsets_s: list[float]
) -> tuple[list[Segment], list[int]]:
    """The note of each segment, −1 for silence; melismas cut their vowel where the note starts.

    Consonants belong to the note of the nucleus that follows; those with none before the next
    silence, to the note before.
    """
    pieces, owners = [], []
    nucleus = -1
    for segment in segments:
        owner = None
        if segment.phone.kind == "silence":
            owner = -1
        elif segment.phone.nucleus:
            nucleus += 1
            owner = fit.note_of_nucleus[nucleus]
            on_it = sorted(j for j, i in fit.melismas.items() if i == nucleus)
            for note in on_it:
                left, segment = _cut(segment, onsets_s[note] + fit.offset_s)
                if left is not None:
                    pieces.append(left)
                    owners.append(owner)
                owner = note
        pieces.append(segment)
        owners.append(owner)
    return pieces, _with_following(owners)


def _cut(segment: Segment, at_s: float) -> tuple[Segment | None, Segment]:
    """A vowel in two at a time, neither piece too short; no left piece if it is too short to cut."""
    if segment.end_s - segment.start_s < 2 * _SHORTEST_S:
        return None, segment
    at_s = min(max(at_s, segment.start_s + _SHORTEST_S), segment.end_s - _SHORTEST_S)
    left = Segment(segment.phone, segment.start_s, at_s)
    return left, Segment(segment.phone, at_s, segment.end_s)


def _with_following(owners: list[int | None]) -> list[int]:
    """Fill each None from the right, or from the left where a silence or the end follows."""
    filled: list[int] = []
    for place, owner in enumerate(owners):
        if owner is None:
            owner = next((o for o in owners[place:] if o is not None), -1)
            if owner == -1:
                owner = filled[-1] if filled else -1
        filled.append(owner)
    return filled


def build_timeline(
    segments: list[Segment], owners: list[int], pitches: list[tuple[int, float]]
) -> Timeline:
    """A Timeline whose notes start where their first nucleus does, as it was sung.

    Parameters
    ----------
    segments : phones without gaps
    owners : for each segment the index of its note in `pitches`, −1 for silence
    pitches : (MIDI number, quarter notes per minute) of each note of the score; a note on which
        nothing is sung is dropped, one that goes on after a silence becomes two
    """
    spans: list[PhoneSpan] = []
    runs: list[tuple[int, list[Segment]]] = []  # note of the score, its segments
    broken = True
    for segment, owner in zip(segments, owners):
        if owner < 0:
            broken = True
        elif broken or runs[-1][0] != owner:
            runs.append((owner, []))
            broken = False
        if owner >= 0:
            runs[-1][1].append(segment)
        note = len(runs) - 1 if owner >= 0 else -1
        spans.append(PhoneSpan(segment.phone, segment.start_s, segment.end_s, note))
    onsets = [_onset(run) for _, run in runs]
    notes = []
    for k, (owner, run) in enumerate(runs):
        last_s = run[-1].end_s
        follows = k + 1 < len(runs) and runs[k + 1][1][0].start_s == last_s
        midi, bpm = pitches[owner]
        notes.append(TimedNote(onsets[k], onsets[k + 1] if follows else last_s, midi, bpm))
    return Timeline(tuple(spans), tuple(notes), segments[-1].end_s if segments else 0.0)


def _onset(run: list[Segment]) -> float:
    return next((s.start_s for s in run if s.phone.nucleus), run[0].start_s)
