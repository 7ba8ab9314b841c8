"""The one door to scores: a file of any kind that is understood → Score."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from hsing.errors import HsingError, InputError, ScoreError
from hsing.flow import Note, Part, Score

_FORMATS = "MusicXML (.musicxml, .xml, .mxl) or MIDI (.mid)"


class ScoreWarning(UserWarning):
    """Something in a score that is not sung as a musician would, naming the measure."""


def read_score(path: str | Path) -> Score:
    """Read a MusicXML or MIDI file; its content, not its suffix, says which.

    Jumps (repeats, voltas, D.C.) are not followed, grace notes are left out and of several verses
    the first is read, each with a ScoreWarning. Accompaniments are kept in `Score.parts`.

    Raises
    ------
    InputError
        There is no such file, or it cannot be opened.
    ScoreError
        It is not a score, or no part of it can be sung: no notes, or two at once.
    LyricsError
        A syllable stands where there is no note.
    """
    path = Path(path)
    data = _bytes(path)
    try:
        score, remarks = _reader(data)(data, str(path))
        _require_singable(score)
    except HsingError as error:
        raise type(error)(f"{path}: {error}") from None
    for remark in remarks:
        warnings.warn(f"{path}: {remark}", ScoreWarning, stacklevel=2)
    return score if score.title else replace(score, title=path.stem)


def sung_part(score: Score, name: str | int | None = None) -> Part:
    """The part to sing: by name or number (from 1); else the first that has lyrics.

    If no part has lyrics, the first that is a single line of notes. Raises ScoreError if there is
    no such part or it has two notes at once, listing the parts.
    """
    if name is None:
        part = _default_part(score)
    else:
        part = _named_part(score, str(name).strip())
    if not part.notes:
        raise ScoreError(f"part '{part.name}' has no notes; choose one of {_listed(score)}")
    clash = _clash(part)
    if clash:
        raise ScoreError(clash)
    return part


def has_lyrics(part: Part) -> bool:
    """True if any note of the part has a syllable."""
    return any(note.syllable is not None for note in part.notes)


def _bytes(path: Path) -> bytes:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.is_dir():
        raise InputError(f"{path}: a folder; give a score, {_FORMATS}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from None


def _reader(data: bytes):
    """The function that reads such bytes."""
    if data[:4] == b"MThd":
        from hsing.score.midi import read_midi

        return read_midi
    start = data[:200].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    if data[:2] == b"PK" or start[:1] == b"<":
        from hsing.score.musicxml import read_musicxml

        return read_musicxml
    what = "not a score" if data else "an empty file"
    raise ScoreError(f"{what}; give {_FORMATS}")


def _require_singable(score: Score) -> None:
    """Refuse a score of which no part at all could be sung."""
    parts = [part for part in score.parts if part.notes]
    if not parts:
        raise ScoreError(f"no notes in any part{f' ({_listed(score)})' if score.parts else ''}")
    clashes = [_clash(part) for part in [p for p in parts if has_lyrics(p)] or parts]
    if all(clashes):
        raise ScoreError(clashes[0])


def _default_part(score: Score) -> Part:
    worded = [part for part in score.parts if has_lyrics(part)]
    if worded:
        return worded[0]
    sounding = [part for part in score.parts if part.notes]
    if not sounding:
        raise ScoreError("no notes in the score")
    return next((part for part in sounding if not _clash(part)), sounding[0])


def _named_part(score: Score, name: str) -> Part:
    for part in score.parts:
        if part.name == name:
            return part
    for number, part in enumerate(score.parts, start=1):
        if part.name.lower() == name.lower() or str(number) == name:
            return part
    raise ScoreError(f"no part '{name}'; the score has {_listed(score)}")


def _listed(score: Score) -> str:
    return ", ".join(f"{i} '{part.name}'" for i, part in enumerate(score.parts, start=1))


def _clash(part: Part) -> str:
    """What is wrong where two notes of a part sound at once; '' if nothing is."""
    last: Note | None = None
    for note in part.notes:
        if last is not None and note.onset_beats < last.end_beats:
            return (
                f"{note.place}: two notes at once, and a part is sung by one voice; "
                "write each voice as a part of its own"
            )
        last = note
    return ""
