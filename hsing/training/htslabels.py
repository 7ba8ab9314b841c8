"""HTS label files: phones in time, and the notes that full-context labels carry."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from hsing.errors import InputError
from hsing.flow import Phone
from hsing.lyrics.inventory import SILENCE, phone

TICKS_PER_S = 10_000_000

# The Japanese HTS phone set. Its 'j' is dʑ and its 'y' is j.
_HTS = {
    "u": "ɯ", "N": "ɴ", "ky": "kʲ", "g": "ɡ", "gy": "ɡʲ", "sh": "ɕ", "j": "dʑ", "ty": "tʲ",
    "ch": "tɕ", "dy": "dʲ", "ny": "ɲ", "hy": "ç", "f": "ɸ", "by": "bʲ", "py": "pʲ", "my": "mʲ",
    "y": "j", "r": "ɾ", "ry": "ɾʲ", "sil": "pau",
    **{s: s for s in ("a", "i", "e", "o", "cl", "k", "s", "z", "t", "ts", "d", "n", "h", "b", "p")},
    **{s: s for s in ("m", "w", "v", "pau", "br")},
}  # fmt: skip

_CONTEXT = re.compile(r"^[^@]*@[^^]*\^[^-]*-(?P<phone>[^+]*)\+")
_NOTE = re.compile(
    r"/E:(?P<pitch>[^\]]*)\][^~]*~(?P<bpm>[^!]*)![^@]*@(?P<centiseconds>[^#]*)#(?P<n96>[^+]*)\+"
)
_PITCH = re.compile(r"^(?P<step>[A-G])(?P<alter>[#b]*)(?P<octave>-?\d+)$")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Label:
    """One line of a label file. `symbol` is the phone as written, `context` the whole entry."""

    start_s: float
    end_s: float
    symbol: str
    context: str


@dataclass(frozen=True)
class LabelledNote:
    """A note of the score as full-context labels tell it: times of the score, not of the singer."""

    onset_s: float
    end_s: float
    midi: int
    quarter_bpm: float


def read_labels(path: str | Path) -> list[Label]:
    """Read a mono or full-context HTS label file (times in 100 ns). InputError names the line."""
    labels = []
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            start, end, context = line.split(maxsplit=2)
            start_s, end_s = int(start) / TICKS_PER_S, int(end) / TICKS_PER_S
        except ValueError:
            raise InputError(
                f"{path}, line {number}: '{line.strip()[:60]}' is not 'start end phone' with times "
                "in 100 ns; write it so, or leave the file out"
            ) from None
        match = _CONTEXT.match(context)
        labels.append(Label(start_s, end_s, match["phone"] if match else context, context))
    if not labels:
        raise InputError(f"{path} holds no labels; leave it out or label the recording")
    return labels


def phone_of(symbol: str) -> Phone | None:
    """The phone of the inventory for an HTS symbol; None if there is none."""
    return phone(_HTS[symbol]) if symbol in _HTS else None


def pitch_midi(name: str) -> int:
    """MIDI number of a pitch as full-context labels write it ('A4' = 69, 'Gb4' = 66)."""
    match = _PITCH.match(name)
    if match is None:
        raise InputError(f"'{name}' is not a pitch such as A4, Gb4 or C#5")
    alter = match["alter"].count("#") - match["alter"].count("b")
    return 12 * (int(match["octave"]) + 1) + _STEPS[match["step"]] + alter


def labelled_note(label: Label) -> LabelledNote | None:
    """The note a full-context label lies on, from its field E; None in rests.

    Field E holds pitch, tempo in beats per minute, and the note's length in centiseconds (@) and
    in 96ths of a whole note (#); the last two give the tempo in quarter notes.
    """
    match = _NOTE.search(label.context)
    if match is None:
        raise InputError(f"'{label.context[:60]}' has no note field /E:; give full-context labels")
    if match["pitch"] == "xx":
        return None
    try:
        quarter_bpm = 60.0 / (float(match["centiseconds"]) / 100) * float(match["n96"]) / 24
    except (ValueError, ZeroDivisionError):
        quarter_bpm = float(match["bpm"])
    return LabelledNote(label.start_s, label.end_s, pitch_midi(match["pitch"]), quarter_bpm)


def shifted(labels: list[Label], by_s: float) -> list[Label]:
    """The same labels later by `by_s` (earlier if negative); nothing starts before 0."""
    return [
        replace(label, start_s=max(label.start_s + by_s, 0.0), end_s=label.end_s + by_s)
        for label in labels
    ]


@dataclass(frozen=True)
class Segment:
    """A phone in time, not yet on a note."""

    phone: Phone
    start_s: float
    end_s: float


def tidy(labels: list[Label], length_s: float | None) -> tuple[list[Segment], list[str]]:
    """Segments without gaps from 0 to length_s (the end of the last label if None), and remarks.

    Labels are clipped at the end of the audio, gaps are filled with silence, an unknown phone is
    joined to the phone before it, overlaps go to the earlier phone, neighbouring silences are one.
    """
    length_s = labels[-1].end_s if length_s is None else length_s
    segments, remarks = [], []
    for label in labels:
        start_s = segments[-1].end_s if segments else 0.0
        end_s = min(label.end_s, length_s)
        if end_s <= start_s:
            continue
        found = phone_of(label.symbol)
        if label.start_s > start_s:
            _append(segments, SILENCE, start_s, min(label.start_s, length_s))
            start_s = min(label.start_s, length_s)
        if found is None:
            remarks.append(f"unknown phone '{label.symbol}' at {start_s:.2f} s joined to its left")
            found = segments[-1].phone if segments else SILENCE
            segments[-1:] = [Segment(found, segments[-1].start_s if segments else 0.0, end_s)]
        elif end_s > start_s:
            _append(segments, found, start_s, end_s)
    if labels[-1].end_s > length_s + 0.01:
        remarks.append(f"labels clipped by {labels[-1].end_s - length_s:.2f} s at the end")
    if segments and segments[-1].end_s < length_s:
        if length_s - segments[-1].end_s > 0.01:
            remarks.append(f"last {length_s - segments[-1].end_s:.2f} s unlabelled: silence")
        _append(segments, SILENCE, segments[-1].end_s, length_s)
    return segments, remarks


def _append(segments: list[Segment], found: Phone, start_s: float, end_s: float) -> None:
    if segments and found is SILENCE and segments[-1].phone is SILENCE:
        start_s = segments.pop().start_s
    segments.append(Segment(found, start_s, end_s))
