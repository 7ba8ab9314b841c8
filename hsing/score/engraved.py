"""A part as it is engraved → the line of notes that is sung: ties joined, melismas marked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from hsing.flow import Note, Part, Place, Syllable
from hsing.score.tempo import TempoMark


@dataclass
class Event:
    """A note as written, its onset counted from the start of its measure."""

    measure: int
    onset: Fraction
    duration: Fraction
    midi: int
    place: Place
    lyrics: dict[str, Syllable]
    extends: bool
    extend_stops: bool
    tie_start: bool
    tie_stop: bool
    slur_starts: set[str]
    slur_stops: set[str]
    articulations: tuple[str, ...]


@dataclass
class Engraved:
    """What one part turns out to hold; measures are counted from 0, offsets in quarter notes."""

    name: str
    lengths: list[Fraction] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    tempos: list[tuple[int, TempoMark]] = field(default_factory=list)
    key_fifths: int | None = None
    jumps: list[tuple[int, str]] = field(default_factory=list)
    graces: list[int] = field(default_factory=list)


def sung_line(reading: Engraved, starts: list[Fraction], remarks: list[str]) -> Part:
    """Onsets from the start of the score, the first verse, melismas marked, ties joined."""
    for event in reading.events:
        event.onset += starts[event.measure]
    events = sorted(reading.events, key=lambda e: (e.onset, -e.midi))
    verses = list(dict.fromkeys(verse for event in events for verse in event.lyrics))
    if len(verses) > 1:
        remarks.append(
            f"part '{reading.name}', measure {events[0].place.measure}: "
            f"{len(verses)} verses; the first is sung"
        )
    verse = min(verses, key=lambda v: (not v.isdigit(), int(v) if v.isdigit() else 0), default="")
    return Part(reading.name, _joined(events, _notes(events, verse)))


def _notes(events: list[Event], verse: str) -> list[Note]:
    """A note each, `slurred` where a slur, an extender line or a hyphen reaches it."""
    notes: list[Note] = []
    slurs: set[str] = set()
    carried = False
    for event in events:
        syllable = event.lyrics.get(verse)
        touches = bool(notes) and notes[-1].end_beats >= event.onset
        slurred = syllable is None and touches and (carried or bool(slurs))
        notes.append(
            Note(event.onset, event.duration, event.midi, event.place, syllable, slurred,
                 event.articulations)
        )  # fmt: skip
        if syllable is not None:
            carried = event.extends or syllable.syllabic in ("begin", "middle")
        else:
            carried = carried and touches and not event.extend_stops
        slurs = (slurs - event.slur_stops) | event.slur_starts
    return notes


def _joined(events: list[Event], notes: list[Note]) -> tuple[Note, ...]:
    """Tied notes as one. A syllable on the second note of a tie is sung: it starts a note."""
    joined: list[Note] = []
    open_ties: dict[int, int] = {}
    for event, note in zip(events, notes):
        first = open_ties.pop(note.midi, None) if event.tie_stop else None
        if first is None or note.syllable or joined[first].end_beats != note.onset_beats:
            first = len(joined)
            joined.append(note)
        else:
            whole = joined[first]
            signs = tuple(dict.fromkeys(whole.articulations + note.articulations))
            duration = whole.duration_beats + note.duration_beats
            joined[first] = replace(whole, duration_beats=duration, articulations=signs)
        if event.tie_start:
            open_ties[note.midi] = first
    return tuple(joined)
