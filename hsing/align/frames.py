"""Phones on the score's time, and time on the frame clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hsing.errors import LyricsError, ScoreError
from hsing.flow import Frames, Note, Phone, PhoneSpan, Sung, SungNote, TimedNote, Timeline
from hsing.units import Clock

if TYPE_CHECKING:
    from hsing.align.timing import NotePhones, TimingModel

LEGATO_S = 0.03  # shorter gaps between notes are closed
SILENT_S = 0.01  # shorter silences go to the phone before
_BORROWED = 0.5  # of the note before, at most, for consonants; and of a note for its last phones
_SQUEEZED_S = 0.03  # of each consonant, where nothing can be borrowed


# --- seconds → frames ----------------------------------------------------------------------------


def to_frames(timeline: Timeline, clock: Clock) -> Frames:
    """Round a timeline onto the frame clock.

    Boundaries are rounded as cumulative time, so nothing drifts; a phone that rounds to nothing
    takes a frame from its longer neighbour. The sum is clock.frames(length_s) exactly.

    Raises
    ------
    ScoreError : more phones than frames
    """
    bounds_s = [span.start_s for span in timeline.phones] + [timeline.length_s]
    bounds = clock.frames(np.array(bounds_s))
    bounds[0] = 0
    if len(timeline.phones) > bounds[-1]:
        raise ScoreError(
            f"{len(timeline.phones)} phones do not fit into {timeline.length_s:.2f} s of "
            f"{clock.frame_rate:g} frames per second; use longer notes or a slower tempo"
        )
    phone_frames = at_least_one(np.diff(np.maximum.accumulate(bounds)))
    phone_of_frame = np.repeat(np.arange(len(phone_frames)), phone_frames)
    notes = timeline.notes
    return Frames(
        phone_ids=np.array([span.phone.index for span in timeline.phones], dtype=np.int64),
        phone_frames=phone_frames,
        note_midi=np.array([0, *(note.midi for note in notes)], dtype=np.int64),
        note_beats64=np.array([0, *(beats64(note) for note in notes)], dtype=np.int64),
        note_bpm=np.array([0, *(note.quarter_bpm for note in notes)], dtype=np.float32),
        phone_of_frame=phone_of_frame,
        note_of_frame=_note_of_frame(timeline, clock, len(phone_of_frame)),
    )


def _note_of_frame(timeline: Timeline, clock: Clock, n_frames: int) -> np.ndarray:
    """1 + the index of the note that lasts through each frame, 0 where there is none.

    By the notes' own times: a consonant before the beat belongs to the note that it is borrowed
    from, so that the melody steps where the score does.
    """
    owner = np.zeros(n_frames, dtype=np.int64)
    for index, note in enumerate(timeline.notes, start=1):
        start = clock.frames(note.onset_s)
        owner[start : max(start + 1, clock.frames(note.end_s))] = index
    return owner


def beats64(note: TimedNote) -> int:
    """Duration of a note in 64th notes at its tempo, at least 1."""
    beats = (note.end_s - note.onset_s) * note.quarter_bpm / 60.0
    return max(1, int(np.floor(beats * 16 + 0.5)))


def at_least_one(frames: np.ndarray) -> np.ndarray:
    """The same total with no entry below 1: a zero takes from its longer neighbour, or, where
    neighbours have no frame to spare, from the nearest entry that has."""
    frames = frames.astype(np.int64).copy()
    for i in np.flatnonzero(frames == 0):
        spare = np.flatnonzero(frames > 1)
        distance = np.abs(spare - i)
        nearest = spare[distance == distance.min()]
        frames[nearest[np.argmax(frames[nearest])]] -= 1
        frames[i] = 1
    return frames


# --- score → seconds -----------------------------------------------------------------------------


def place_phones(
    sung: Sung, timing: TimingModel | None = None, *, singer: str | None = None
) -> Timeline:
    """Put phones in time, so that each first nucleus lands on its note.

    - Consonants before it take their time from the note before, at most half of it, or from the
      silence before. Where there is neither (a song that starts at once), they are squeezed into
      the start of the note, 30 ms each and at most half of it, and the nucleus comes after them.
    - Further phones on a note come at its end, with at most half of it together.
    - A note without phones goes on with the last vowel, and what followed that vowel on its note
      (N, a closure, a final consonant) moves to the end of the melisma.
    - Gaps below 30 ms between notes are closed; other gaps are silence.

    Parameters
    ----------
    sung : notes with phones
    timing : lengths of phones; by rule if None
    singer : one of the singers that `timing` knows

    Returns
    -------
    Timeline : length_s is exactly the score's, sung.tempo.seconds(sung.length_beats)

    Raises
    ------
    ScoreError : a note without length, before the end of the one before or past the score's end
    LyricsError : a note without phones that has no vowel to go on with
    """
    from hsing.align.timing import lengths_s

    slots = _slots(sung)
    _carry_vowels(slots)
    lengths = lengths_s([slot.seen() for slot in slots], timing, singer)
    for slot, phone_lengths in zip(slots, lengths):
        slot.settle(phone_lengths)
    return Timeline(_spans(slots, sung), _notes(slots), sung.tempo.seconds(sung.length_beats))


@dataclass
class _Slot:
    """A note on its way into time, linked to its neighbours.

    `lead` and `core` are the phones before and from the first nucleus; `lead_s` and `tail_s` their
    lengths, the nucleus taking the rest; `nucleus_s` where the nucleus starts.
    """

    sung: SungNote
    onset_s: float
    end_s: float
    quarter_bpm: float
    before: _Slot | None
    after: _Slot | None = None
    lead: tuple[Phone, ...] = ()
    core: tuple[Phone, ...] = ()
    lead_s: tuple[float, ...] = ()
    tail_s: tuple[float, ...] = ()
    nucleus_s: float = 0.0

    @property
    def joined(self) -> bool:
        """True if the note before goes right up to this one."""
        return self.before is not None and self.before.end_s == self.onset_s

    @property
    def joins(self) -> bool:
        """True if this note goes right up to the next."""
        return self.after is not None and self.after.joined

    @property
    def start_s(self) -> float:
        """Where the first phone starts."""
        return max(self.nucleus_s - sum(self.lead_s), 0.0)

    def seen(self) -> NotePhones:
        """The note as the timing model sees it."""
        from hsing.align.timing import NotePhones

        return NotePhones(
            phones=self.lead + self.core,
            note_s=self.end_s - self.onset_s,
            before_s=self.onset_s - self._free_from_s(),
            after_silence=not self.joined,
            before_silence=not self.joins,
            quarter_bpm=self.quarter_bpm,
        )

    def _free_from_s(self) -> float:
        """Start of the note before, or of the silence before."""
        if self.before is None:
            return 0.0
        return self.before.onset_s if self.joined else self.before.end_s

    def settle(self, lengths: list[float]) -> None:
        """Fit predicted lengths into the time there is; the note before is settled already."""
        lead, tail = lengths[: len(self.lead)], lengths[len(self.lead) :]
        if self.joined:
            room_s = _BORROWED * (self.onset_s - self.before.nucleus_s)
            late_s = 0.0
        else:
            room_s = self.onset_s - self._free_from_s()
            needed_s = min(sum(lead), _SQUEEZED_S * len(lead))
            late_s = min(max(needed_s - room_s, 0.0), _BORROWED * (self.end_s - self.onset_s))
        self.lead_s = _scaled(lead, room_s + late_s)
        self.nucleus_s = self.onset_s + late_s
        self.tail_s = tuple(tail)


def _scaled(lengths: list[float], most_s: float) -> tuple[float, ...]:
    """The lengths, made smaller alike if their sum is above most_s."""
    factor = min(1.0, most_s / sum(lengths)) if lengths else 1.0
    return tuple(length * factor for length in lengths)


def _slots(sung: Sung) -> list[_Slot]:
    """Notes in seconds with small gaps closed, phones split at the nucleus."""
    from hsing.align.timing import split_at_nucleus

    slots: list[_Slot] = []
    for item in sung.notes:
        note = item.note
        _check(note, slots[-1].sung.note if slots else None, sung.length_beats)
        onset_s = sung.tempo.seconds(note.onset_beats)
        end_s = sung.tempo.seconds(note.end_beats)
        before = slots[-1] if slots else None
        slot = _Slot(item, onset_s, end_s, sung.tempo.bpm_at(note.onset_beats), before)
        if before is not None:
            before.after = slot
            if onset_s - before.end_s < LEGATO_S:
                before.end_s = onset_s
        if item.phones:
            slot.lead, slot.core = split_at_nucleus(item.phones)
        slots.append(slot)
    return slots


def _check(note: Note, before: Note | None, length_beats) -> None:
    if note.duration_beats <= 0:
        raise ScoreError(f"{note.place}: a note without length; give it one or delete it")
    if note.onset_beats < (before.end_beats if before else 0):
        raise ScoreError(f"{note.place}: a note before the end of the last; shorten one of them")
    if note.end_beats > length_beats:
        raise ScoreError(f"{note.place}: a note past the end of the score; add a measure")


def _carry_vowels(slots: list[_Slot]) -> None:
    """Give notes without phones the vowel before them, and what followed it."""
    for slot in slots:
        if slot.core:
            continue
        if slot.before is None:
            raise LyricsError(
                f"{slot.sung.note.place}: no syllable here and none before it to go on with; "
                "write a syllable under the note"
            )
        core = slot.before.core
        vowels = [i for i, phone in enumerate(core) if phone.kind == "vowel"]
        at = vowels[-1] if vowels else 0
        slot.core = core[at:] if slot.joined else core[at : at + 1]
        if slot.joined:
            slot.before.core = core[: at + 1]


def _spans(slots: list[_Slot], sung: Sung) -> tuple[PhoneSpan, ...]:
    """All phones and the silences between, each starting where the one before ends."""
    from hsing.align.timing import PAUSE

    starts: list[tuple[float, Phone, int]] = []
    if not slots or slots[0].start_s >= SILENT_S:
        starts.append((0.0, PAUSE, -1))
    for k, slot in enumerate(slots):
        at_s = slot.start_s
        for phone, length_s in zip(slot.lead, slot.lead_s):
            starts.append((at_s, phone, k))
            at_s += length_s
        stop_s = slot.after.start_s if slot.joins else slot.end_s
        tail_s = _scaled(slot.tail_s, _BORROWED * (stop_s - slot.nucleus_s))
        at_s = stop_s - sum(tail_s)
        for phone, start_s in zip(slot.core, (slot.nucleus_s, *_cumulated(at_s, tail_s))):
            starts.append((start_s, phone, k))
        if not slot.joins and (slot.after is None or slot.after.start_s >= stop_s + SILENT_S):
            starts.append((stop_s, PAUSE, -1))
    length_s = sung.tempo.seconds(sung.length_beats)
    if len(starts) > 1 and starts[-1][0] > length_s - SILENT_S:
        starts.pop()
    starts[0] = (0.0, *starts[0][1:])
    ends = [start_s for start_s, _, _ in starts[1:]] + [length_s]
    return tuple(
        PhoneSpan(phone, start_s, end_s, k) for (start_s, phone, k), end_s in zip(starts, ends)
    )


def _cumulated(from_s: float, lengths: tuple[float, ...]) -> list[float]:
    """The start of each of several lengths in a row."""
    return [from_s + sum(lengths[:i]) for i in range(len(lengths))]


def _notes(slots: list[_Slot]) -> tuple[TimedNote, ...]:
    return tuple(
        TimedNote(
            slot.nucleus_s,
            slot.after.nucleus_s if slot.joins else slot.end_s,
            slot.sung.note.midi,
            slot.quarter_bpm,
            slot.sung.note.place,
        )
        for slot in slots
    )
