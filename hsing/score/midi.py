"""MIDI files with lyric events → Score (mido).

Standard MIDI files know no slurs: a note without a lyric event that directly follows another note
is a melisma, and so is a note whose lyric is '-', '+' or 'ー'.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from hsing.errors import LyricsError, ScoreError
from hsing.flow import Note, Part, Place, Score, Syllable
from hsing.score.tempo import TempoMark, tempo_map

# Players' files end a note a little before or after the next begins: gaps and overlaps up to a
# 64th note are closed, and a lyric event this near to an onset belongs to it.
_SEAM = Fraction(1, 16)
_CONTINUES = {"-", "+", "ー"}
_ENCODINGS = ("utf-8", "shift_jis", "cp949", "gb18030")
_HANGUL = re.compile(r"[가-힣\x00-\x7f]+")
_HALF_KANA = re.compile(r"[｡-ﾟ]")


@dataclass
class _Line:
    """The notes of one channel of one track, times in quarter notes."""

    track: int
    name: str
    notes: list[tuple[Fraction, Fraction, int]] = field(default_factory=list)
    lyrics: dict[Fraction, str] = field(default_factory=dict)


def read_midi(data: bytes, source: str) -> tuple[Score, list[str]]:
    """Score of the bytes of a .mid file, and remarks on what had to be assumed.

    Raises ScoreError for a file that is not MIDI, LyricsError for a lyric event without a note.
    """
    tracks = _tracks(data)
    bars = _Bars(tracks)
    lines = [line for i, track in enumerate(tracks) for line in _lines(i, track)]
    _give_lyrics(tracks, lines, bars)
    marks = [
        TempoMark(at, round(60e6 / message.tempo, 3))
        for track in tracks
        for at, message in track
        if message.type == "set_tempo" and message.tempo > 0
    ]
    end = max((track[-1][0] for track in tracks if track), default=Fraction(0))
    score = Score(
        title=next((_text(m.name) for t in tracks[:1] for _, m in t if m.type == "track_name"), ""),
        parts=tuple(_part(line, bars) for line in lines),
        tempo=tempo_map(marks),
        length_beats=bars.end_of_measure(end),
        key_fifths=next(
            (_fifths(m.key) for t in tracks for _, m in t if m.type == "key_signature"), 0
        ),
        source=source,
    )
    remarks = [] if marks else ["measure 1: no tempo event, so 120 quarter notes per minute"]
    return score, remarks


def _tracks(data: bytes) -> list[list[tuple]]:
    """For each track its (time in quarter notes, message) pairs."""
    import mido
    from mido.midifiles.meta import KeySignatureError

    damage = (OSError, EOFError, ValueError, KeyError, IndexError, KeySignatureError)
    try:
        midi = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except damage as error:
        raise ScoreError(
            f"a damaged MIDI file ({str(error) or 'it ends early'}); export it again"
        ) from None
    if midi.ticks_per_beat <= 0 or midi.ticks_per_beat >= 0x8000:
        raise ScoreError("a MIDI file timed in film frames; export it with ticks per quarter note")
    timed = []
    for track in midi.tracks:
        ticks, messages = 0, []
        for message in track:
            ticks += message.time
            messages.append((Fraction(ticks, midi.ticks_per_beat), message))
        timed.append(messages)
    return timed


def _fifths(key: str) -> int:
    """Sharps (flats negative) of a key such as 'Bb' or 'F#m'."""
    sharps = "CGDAEB".find(key[0]) if key[0] != "F" else -1
    return sharps + 7 * (key.count("#") - key[1:].count("b")) - 3 * key.endswith("m")


class _Bars:
    """Measures by the time signatures of all tracks; 4/4 until the first."""

    def __init__(self, tracks: list[list[tuple]]):
        changes = {Fraction(0): Fraction(4)}
        for track in tracks:
            for at, message in track:
                if message.type == "time_signature" and message.numerator > 0:
                    changes[at] = Fraction(4 * message.numerator, message.denominator)
        self._spans: list[tuple[Fraction, Fraction, int]] = []
        measure = 1
        for at, beats in sorted(changes.items()):
            if self._spans:
                start, length, _ = self._spans[-1]
                measure += -(-(at - start) // length)
            self._spans.append((at, beats, measure))

    def _span(self, at: Fraction) -> tuple[Fraction, Fraction, int]:
        return [span for span in self._spans if span[0] <= at][-1]

    def place(self, part: str, at: Fraction) -> Place:
        start, length, measure = self._span(at)
        whole, rest = divmod(at - start, length)
        return Place(part, measure + int(whole), rest + 1)

    def end_of_measure(self, at: Fraction) -> Fraction:
        start, length, _ = self._span(at)
        return start + -(-(at - start) // length) * length


# --- notes ---------------------------------------------------------------------------------------


def _lines(index: int, track: list[tuple]) -> list[_Line]:
    """One line for each channel of a track that has notes."""
    name = next((_text(m.name) for _, m in track if m.type == "track_name"), "")
    name = name or f"Track {index + 1}"
    sounding: dict[tuple[int, int], Fraction] = {}
    notes: dict[int, list] = defaultdict(list)
    for at, message in track:
        if message.type not in ("note_on", "note_off"):
            continue
        key = (message.channel, message.note)
        onset = sounding.pop(key, at)  # a key struck again ends its own note before
        if at > onset:
            notes[message.channel].append((onset, at, message.note))
        if message.type == "note_on" and message.velocity > 0:
            sounding[key] = at
    several = len(notes) > 1
    return [
        _Line(index, f"{name} (channel {channel + 1})" if several else name, _seamless(line))
        for channel, line in sorted(notes.items())
    ]


def _seamless(notes: list[tuple]) -> list[tuple]:
    """Sorted by onset; small gaps and overlaps between neighbours closed."""
    notes = sorted(notes)
    for i, ((onset, end, midi), following) in enumerate(pairwise(notes)):
        if onset < following[0] and abs(following[0] - end) <= _SEAM:
            notes[i] = (onset, following[0], midi)
    return notes


def _part(line: _Line, bars: _Bars) -> Part:
    notes: list[Note] = []
    for onset, end, midi in line.notes:
        text = line.lyrics.get(onset)
        touches = bool(notes) and notes[-1].end_beats >= onset
        slurred = touches and bool(line.lyrics) and (text is None or text in _CONTINUES)
        syllable = None if text is None or slurred else Syllable(text)
        place = bars.place(line.name, onset)
        notes.append(Note(onset, end - onset, midi, place, syllable, slurred))
    return Part(line.name, _hyphenated(notes))


def _hyphenated(notes: list[Note]) -> tuple[Note, ...]:
    """'sa-' 'ku-' 'ra' → begin, middle, end."""
    inside = False
    for i, note in enumerate(notes):
        if note.syllable is None:
            continue
        text = note.syllable.text
        goes_on = len(text) > 1 and text.endswith("-")
        syllabic = {(0, 0): "single", (0, 1): "begin", (1, 1): "middle", (1, 0): "end"}
        syllable = Syllable(text.rstrip("-") or text, syllabic[inside, goes_on])
        notes[i] = replace(note, syllable=syllable)
        inside = goes_on
    return tuple(notes)


# --- lyrics --------------------------------------------------------------------------------------


def _text(latin: str) -> str:
    """mido decodes text as latin-1; back to bytes, then the first encoding that fits."""
    raw = latin.encode("latin-1", errors="replace")
    decoded = {encoding: _decoded(raw, encoding) for encoding in _ENCODINGS}
    korean = decoded["cp949"] or ""
    if _HANGUL.fullmatch(korean) and _HALF_KANA.search(decoded["shift_jis"] or ""):
        decoded["shift_jis"] = None  # Korean bytes are half-width kana in Shift-JIS
    text = next((text for text in decoded.values() if text is not None), latin)
    return text.strip(" \t\r\n\0/\\")


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _texts(track: list[tuple]) -> list[tuple[Fraction, str]]:
    """Lyric events of a track, decoded together so that all get the same encoding."""
    events = [(at, message.text) for at, message in track if message.type == "lyrics"]
    texts = _text("\n".join(text.replace("\n", " ") for _, text in events) + "\n.").split("\n")
    return [(at, text.strip(" \t\r/\\")) for (at, _), text in zip(events, texts) if text.strip()]


def _give_lyrics(tracks: list[list[tuple]], lines: list[_Line], bars: _Bars) -> None:
    """Each track's lyrics go to its own line, or to the line that begins notes where they stand."""
    for index, track in enumerate(tracks):
        texts = _texts(track)
        own = [line for line in lines if line.track == index] or lines
        if not texts or not own:
            continue
        times = {at for at, _ in texts}
        line = max(own, key=lambda line: len(times & {onset for onset, _, _ in line.notes}))
        for at, text in texts:
            _give(line, at, text, bars)


def _give(line: _Line, at: Fraction, text: str, bars: _Bars) -> None:
    onset = min((onset for onset, _, _ in line.notes), key=lambda onset: abs(onset - at))
    if abs(onset - at) > _SEAM:
        raise LyricsError(
            f"{bars.place(line.name, at)}: no note begins with the syllable '{text}'; "
            "move the lyric event to a note"
        )
    line.lyrics[onset] = line.lyrics.get(onset, "") + text
