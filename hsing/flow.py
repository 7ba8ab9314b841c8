"""The records that travel: Score → Sung → Timeline → Frames → Audio. Each stage is a function
from one to the next; none of them changes a record.

Onsets and durations of notes are exact fractions of quarter notes (`_beats`) until the tempo map
has turned them into seconds (`_s`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


_NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def note_name(midi: int) -> str:
    """Scientific name of a MIDI note: 60 is C4, 61 is C#4."""
    return f"{_NOTE_NAMES[midi % 12]}{midi // 12 - 1}"


# --- the score -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where in the source a note stands. `beat` counts from 1 in quarter notes in the measure."""

    part: str
    measure: int
    beat: Fraction

    def __str__(self) -> str:
        beat = float(self.beat)
        return f"part '{self.part}', measure {self.measure}, beat {beat:g}"


@dataclass(frozen=True)
class Syllable:
    """One syllable as engraved. `syllabic` is 'single', 'begin', 'middle' or 'end'."""

    text: str
    syllabic: str = "single"


@dataclass(frozen=True)
class Note:
    """A sounding note, ties already joined.

    A note without a syllable that is `slurred` (it lies under a slur, an extender line or a
    hyphen) continues the syllable before it: a melisma.
    """

    onset_beats: Fraction
    duration_beats: Fraction
    midi: int
    place: Place
    syllable: Syllable | None = None
    slurred: bool = False
    articulations: tuple[str, ...] = ()

    @property
    def end_beats(self) -> Fraction:
        return self.onset_beats + self.duration_beats


@dataclass(frozen=True)
class Tempo:
    """From `onset_beats` on, `quarter_bpm` quarter notes per minute."""

    onset_beats: Fraction
    quarter_bpm: float


@dataclass(frozen=True)
class TempoMap:
    """Piecewise constant tempo, from beat 0 on, sorted by onset."""

    tempos: tuple[Tempo, ...]

    def seconds(self, beats) -> float:
        """Time in seconds of a position in quarter notes from the start of the score."""
        seconds = 0.0
        for tempo, following in zip(self.tempos, (*self.tempos[1:], None)):
            end = beats if following is None else min(beats, following.onset_beats)
            if end <= tempo.onset_beats:
                break
            seconds += float(end - tempo.onset_beats) * 60.0 / tempo.quarter_bpm
        return seconds

    def bpm_at(self, beats) -> float:
        """Quarter notes per minute in force at a position."""
        current = self.tempos[0]
        for tempo in self.tempos:
            if tempo.onset_beats <= beats:
                current = tempo
        return current.quarter_bpm

    def scaled(self, factor: float) -> TempoMap:
        """The same map `factor` times as fast."""
        return TempoMap(tuple(Tempo(t.onset_beats, t.quarter_bpm * factor) for t in self.tempos))


@dataclass(frozen=True)
class Part:
    """One line of notes, sorted by onset, no two at once."""

    name: str
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Score:
    """`length_beats` is the end of the last measure: rests at the end count."""

    title: str
    parts: tuple[Part, ...]
    tempo: TempoMap
    length_beats: Fraction
    key_fifths: int = 0
    source: str = ""


# --- words on notes ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Phone:
    """One entry of the inventory (`hsing.lyrics.inventory`).

    `kind` is 'vowel', 'consonant', 'moraic' (sung on a note of its own, or at the end of one:
    the Japanese N and the closure before a long consonant), or 'silence'. `manner` is the
    duration class. `voiced` phones carry a pitch.
    """

    index: int
    symbol: str
    kind: str
    voiced: bool
    manner: str

    @property
    def nucleus(self) -> bool:
        """True for what can carry a note."""
        return self.kind in ("vowel", "moraic")


@dataclass(frozen=True)
class SungNote:
    """A note and the phones that begin on it.

    Consonants before the first nucleus are sung before the beat, the first nucleus falls on it.
    A melisma note has no phones: the last nucleus goes on.
    """

    note: Note
    phones: tuple[Phone, ...]


@dataclass(frozen=True)
class Sung:
    """One part with its words as phones."""

    part: str
    language: str
    notes: tuple[SungNote, ...]
    tempo: TempoMap
    length_beats: Fraction


# --- seconds -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PhoneSpan:
    """A phone in time. `note` indexes Timeline.notes; -1 for silence."""

    phone: Phone
    start_s: float
    end_s: float
    note: int


@dataclass(frozen=True)
class TimedNote:
    """A note in seconds. `onset_s` is where its nucleus starts."""

    onset_s: float
    end_s: float
    midi: int
    quarter_bpm: float
    place: Place | None = None


@dataclass(frozen=True)
class Timeline:
    """Phones without gaps from 0 to length_s, and the notes that they are sung on.

    Made from a score by `hsing.align`, or from a labelled recording by `hsing prepare`: synthesis
    and training see the same record.
    """

    phones: tuple[PhoneSpan, ...]
    notes: tuple[TimedNote, ...]
    length_s: float


# --- frames --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frames:
    """A timeline on the frame clock: tokens, and for each frame the token it belongs to.

    phone_ids : int64 [n_phones]           index into the inventory
    phone_frames : int64 [n_phones]        duration of each phone, ≥ 1, sums to n_frames
    note_midi : int64 [n_notes]            MIDI pitch; entry 0 is «no note»
    note_beats64 : int64 [n_notes]         duration in 64th notes
    note_bpm : float32 [n_notes]           quarter notes per minute
    phone_of_frame : int64 [n_frames]
    note_of_frame : int64 [n_frames]       by the notes' own times; 0 in rests
    """

    phone_ids: np.ndarray
    phone_frames: np.ndarray
    note_midi: np.ndarray
    note_beats64: np.ndarray
    note_bpm: np.ndarray
    phone_of_frame: np.ndarray
    note_of_frame: np.ndarray

    @property
    def n_frames(self) -> int:
        return len(self.phone_of_frame)


# --- sound ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Audio:
    """samples : float32 [shape=(n_samples,)], mono, in −1…1."""

    samples: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate
