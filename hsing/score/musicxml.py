"""MusicXML (partwise, plain or zipped) → Score.

The tree is walked directly: score libraries drop extender lines, `<sound tempo>`, lyrics on rests
and the exact lengths of rounded tuplets, and a singer needs all four.

Reference: MusicXML 4.0, W3C Music Notation Community Group.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

from hsing.errors import LyricsError, ScoreError
from hsing.flow import Place, Score, Syllable
from hsing.score.engraved import Engraved, Event, sung_line
from hsing.score.tempo import TempoMark, tempo_map

_TYPE_BEATS = {
    "maxima": Fraction(32), "long": Fraction(16), "breve": Fraction(8), "whole": Fraction(4),
    "half": Fraction(2), "quarter": Fraction(1), "eighth": Fraction(1, 2),
    "16th": Fraction(1, 4), "32nd": Fraction(1, 8), "64th": Fraction(1, 16),
    "128th": Fraction(1, 32), "256th": Fraction(1, 64),
}  # fmt: skip
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_JUMP_WORDS = re.compile(r"\s*(D\.? ?[CS]\b|Da Capo|Dal Segno|To Coda)", re.IGNORECASE)


def read_musicxml(data: bytes, source: str) -> tuple[Score, list[str]]:
    """Score of the bytes of a .musicxml or .mxl file, and remarks on what is not sung as written.

    Raises ScoreError for what is not partwise MusicXML, LyricsError for a syllable on a rest.
    """
    root = _root(_unzipped(data) if data[:2] == b"PK" else data)
    names = _part_names(root)
    readings = [
        _PartReader(names.get(part.get("id"), f"Part {i}")).read(part)
        for i, part in enumerate(root.findall("part"), start=1)
    ]
    _tell_apart(readings)
    n_measures = max((len(r.lengths) for r in readings), default=0)
    starts = [Fraction(0)]
    for i in range(n_measures):
        starts.append(starts[-1] + max(r.lengths[i] for r in readings if i < len(r.lengths)))
    marks = [
        replace(mark, onset_beats=starts[measure] + mark.onset_beats)
        for reading in readings
        for measure, mark in reading.tempos
    ]
    remarks = _remarks(readings)
    score = Score(
        title=_title(root),
        parts=tuple(sung_line(reading, starts, remarks) for reading in readings),
        tempo=tempo_map(marks),
        length_beats=starts[-1],
        key_fifths=next((r.key_fifths for r in readings if r.key_fifths is not None), 0),
        source=source,
    )
    if not any(mark.quarter_bpm for mark in marks):
        remarks.append("measure 1: no tempo mark, so 120 quarter notes per minute")
    return score, remarks


# --- the file ------------------------------------------------------------------------------------


def _unzipped(data: bytes) -> bytes:
    """The score inside an .mxl archive, found by META-INF/container.xml."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
            rootfile = next(e for e in container.iter() if e.tag.endswith("rootfile"))
            return archive.read(rootfile.get("full-path", ""))
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        StopIteration,
        EOFError,
        ValueError,
        RuntimeError,  # encrypted; NotImplementedError: a compression that nobody has
        ElementTree.ParseError,
    ):
        raise ScoreError("a zip archive without a MusicXML score; export it again") from None


def _root(data: bytes) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ScoreError(f"not well-formed XML ({error}); export the score again") from None
    if root.tag == "score-timewise":
        raise ScoreError("timewise MusicXML; export the score as partwise MusicXML")
    if root.tag != "score-partwise":
        raise ScoreError(f"XML, but not a score (<{root.tag}>); give a MusicXML or MIDI file")
    return root


def _title(root: ElementTree.Element) -> str:
    return root.findtext("work/work-title") or root.findtext("movement-title") or ""


def _part_names(root: ElementTree.Element) -> dict[str | None, str]:
    names = {}
    for score_part in root.iter("score-part"):
        name = " ".join((score_part.findtext("part-name") or "").split())
        if name:
            names[score_part.get("id")] = name
    return names


def _tell_apart(readings: list[Engraved]) -> None:
    """Number parts that share a name: 'Voice', 'Voice 2'. Places follow."""
    seen: set[str] = set()
    for reading in readings:
        name, count = reading.name, 1
        while name in seen:
            count += 1
            name = f"{reading.name} {count}"
        seen.add(name)
        if name != reading.name:
            reading.name = name
            for event in reading.events:
                event.place = replace(event.place, part=name)


def _remarks(readings: list[Engraved]) -> list[str]:
    jumps = sorted({jump for reading in readings for jump in reading.jumps})
    remarks = []
    if jumps:
        where = ", ".join(f"measure {measure} ({sign})" for measure, sign in jumps)
        remarks.append(f"{where}: jumps are not followed, the score is sung once as written")
    for reading in readings:
        if reading.graces:
            measures = ", ".join(map(str, sorted(set(reading.graces))))
            remarks.append(f"part '{reading.name}', measure {measures}: grace notes are left out")
    return remarks


# --- one part, as written ------------------------------------------------------------------------


class _PartReader:
    """Walks the measures of one part; holds what carries over from measure to measure."""

    def __init__(self, name: str):
        self.out = Engraved(name)
        self.divisions = Fraction(1)
        self.transpose = 0
        self.bar_beats = Fraction(4)
        self.index = 0
        self.number = 1
        self.at = Fraction(0)
        self.onset = Fraction(0)

    def read(self, part: ElementTree.Element) -> Engraved:
        for self.index, measure in enumerate(part.findall("measure")):
            digits = re.search(r"\d+", measure.get("number", ""))
            self.number = int(digits.group()) if digits else self.index + 1
            self.at = end = Fraction(0)
            for element in measure:
                self._element(element)
                end = max(end, self.at)
            self.out.lengths.append(end or self.bar_beats)
        return self.out

    def _element(self, element: ElementTree.Element) -> None:
        if element.tag == "note":
            self._note(element)
        elif element.tag == "backup":
            self.at = max(self.at - self._beats(element), Fraction(0))
        elif element.tag == "forward":
            self.at += self._beats(element)
        elif element.tag == "attributes":
            self._attributes(element)
        elif element.tag in ("direction", "sound"):
            self._direction(element)
        elif element.tag == "barline":
            self._barline(element)

    def _place(self) -> Place:
        return Place(self.out.name, self.number, self.onset + 1)

    def _number(self, element: ElementTree.Element, path: str, default: str = "") -> Fraction:
        text = (element.findtext(path) or default).strip()
        try:
            return Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise ScoreError(
                f"{self._place()}: <{path}> is '{text}', not a number; export the score again"
            ) from None

    def _positive(self, element: ElementTree.Element, path: str, default: str = "") -> Fraction:
        number = self._number(element, path, default)
        if number <= 0:
            raise ScoreError(f"{self._place()}: <{path}> must be above 0; export the score again")
        return number

    def _attributes(self, attributes: ElementTree.Element) -> None:
        if attributes.find("divisions") is not None:
            self.divisions = self._positive(attributes, "divisions")
        if attributes.find("key/fifths") is not None and self.out.key_fifths is None:
            self.out.key_fifths = int(self._number(attributes, "key/fifths"))
        if attributes.find("transpose") is not None:
            octaves = self._number(attributes, "transpose/octave-change", "0")
            self.transpose = int(
                self._number(attributes, "transpose/chromatic", "0") + 12 * octaves
            )
        time = attributes.find("time")
        if time is not None and time.find("beats") is not None:
            beats = sum(int(n) for n in re.findall(r"\d+", time.findtext("beats") or "4"))
            self.bar_beats = Fraction(4 * beats) / self._positive(time, "beat-type", "4")

    def _beats(self, element: ElementTree.Element) -> Fraction:
        """Length in quarter notes. Of a tuplet that was rounded to divisions, the exact one."""
        beats = self._number(element, "duration") / self.divisions
        if beats < 0:
            raise ScoreError(f"{self._place()}: <duration> is below 0; export the score again")
        kind, tuplet = element.findtext("type"), element.find("time-modification")
        if tuplet is None or kind not in _TYPE_BEATS:
            return beats
        dots = len(element.findall("dot"))
        written = _TYPE_BEATS[kind] * (2 - Fraction(1, 2**dots))
        written *= self._positive(tuplet, "normal-notes") / self._positive(tuplet, "actual-notes")
        return written if abs(written - beats) < 1 / self.divisions else beats

    def _note(self, note: ElementTree.Element) -> None:
        beats = Fraction(0) if note.find("grace") is not None else self._beats(note)
        if beats == 0:
            self.out.graces.append(self.number)
            return
        if note.find("chord") is None:
            self.onset = self.at
            self.at += beats
        lyrics = dict(_lyrics(note))
        if note.find("pitch") is None:
            self._refuse_words(note, lyrics)
        elif note.find("cue") is None:
            self.out.events.append(self._event(note, beats, lyrics))

    def _refuse_words(self, note: ElementTree.Element, lyrics: dict[str, Syllable]) -> None:
        if lyrics:
            what = "a rest" if note.find("rest") is not None else "a note without pitch"
            text = next(iter(lyrics.values())).text
            raise LyricsError(
                f"{self._place()}: the syllable '{text}' stands on {what}; move it to a note"
            )

    def _event(self, note: ElementTree.Element, beats: Fraction, lyrics: dict) -> Event:
        step = (note.findtext("pitch/step") or "").strip()
        if step not in _STEPS:
            raise ScoreError(f"{self._place()}: '{step}' is not a step from A to G")
        octave = self._number(note, "pitch/octave")
        alter = round(self._number(note, "pitch/alter", "0"))
        midi = int(12 * (octave + 1) + _STEPS[step] + alter + self.transpose)
        if not 0 <= midi <= 127:
            raise ScoreError(f"{self._place()}: {step}{octave} is far outside any voice")
        ties = {tie.get("type") for tie in (*note.findall("tie"), *note.iter("tied"))}
        extends = [e.get("type") for e in note.iterfind("lyric/extend")]
        return Event(
            measure=self.index,
            onset=self.onset,
            duration=beats,
            midi=midi,
            place=self._place(),
            lyrics=lyrics,
            extends=any(kind != "stop" for kind in extends),
            extend_stops="stop" in extends,
            tie_start="start" in ties or "continue" in ties,
            tie_stop="stop" in ties or "continue" in ties,
            slur_starts=_slurs(note, "start"),
            slur_stops=_slurs(note, "stop"),
            articulations=_articulations(note),
        )

    def _direction(self, element: ElementTree.Element) -> None:
        sound = element if element.tag == "sound" else element.find("sound")
        offset = element.find("offset")
        at = self.at
        if offset is not None and (offset.get("sound") == "yes" or element.tag == "sound"):
            at = max(at + self._number(element, "offset") / self.divisions, Fraction(0))
        if sound is not None and sound.get("tempo"):
            self._tempo(TempoMark(at, _bpm(sound.get("tempo"), self._place())))
        else:
            for metronome in element.iterfind("direction-type/metronome"):
                mark = _metronome(metronome, at, self._place())
                if mark is not None:
                    self._tempo(mark)
        self._jumps(element, sound)

    def _tempo(self, mark: TempoMark) -> None:
        self.out.tempos.append((self.index, mark))

    def _jumps(self, element: ElementTree.Element, sound: ElementTree.Element | None) -> None:
        words = [w.text or "" for w in element.iterfind("direction-type/words")]
        signs = [text.strip() for text in words if _JUMP_WORDS.match(text)]
        attributes = {"dacapo": "D.C.", "dalsegno": "D.S.", "tocoda": "To Coda"}
        if not signs and sound is not None:
            signs = [sign for name, sign in attributes.items() if sound.get(name)]
        self.out.jumps += [(self.number, sign) for sign in signs]

    def _barline(self, barline: ElementTree.Element) -> None:
        if barline.find("repeat") is not None:
            self.out.jumps.append((self.number, "repeat"))
        if barline.find("ending") is not None and barline.find("ending").get("type") == "start":
            self.out.jumps.append((self.number, "volta"))


def _lyrics(note: ElementTree.Element) -> Iterator[tuple[str, Syllable]]:
    """Verse number and syllable; elided syllables on one note become one."""
    for lyric in note.findall("lyric"):
        text = "".join(e.text or "" for e in lyric.findall("text")).strip()
        if not text:
            continue
        kinds = [e.text or "single" for e in lyric.findall("syllabic")] or ["single"]
        goes_on = kinds[-1] in ("begin", "middle")
        if kinds[0] in ("middle", "end"):
            yield lyric.get("number", "1"), Syllable(text, "middle" if goes_on else "end")
        else:
            yield lyric.get("number", "1"), Syllable(text, "begin" if goes_on else "single")


def _slurs(note: ElementTree.Element, kind: str) -> set[str]:
    slurs = note.iterfind("notations/slur")
    return {slur.get("number", "1") for slur in slurs if slur.get("type") == kind}


def _articulations(note: ElementTree.Element) -> tuple[str, ...]:
    signs = [e.tag for e in note.iterfind("notations/articulations/*")]
    return (*signs, "fermata") if note.find("notations/fermata") is not None else tuple(signs)


def _bpm(text: str, place: Place) -> float:
    number = re.search(r"\d+(\.\d*)?", text)
    bpm = float(number.group()) if number else 0.0
    if bpm <= 0:
        raise ScoreError(f"{place}: the tempo '{text}' is not a number above 0")
    return bpm


def _metronome(metronome: ElementTree.Element, at: Fraction, place: Place) -> TempoMark | None:
    """'dotted quarter = 60' or 'quarter = eighth' (old = new); None for other forms."""
    units: list[Fraction] = []
    for child in metronome:
        if child.tag == "beat-unit":
            units.append(_TYPE_BEATS.get(child.text or "", Fraction(1)))
            plain = units[-1]
        elif child.tag == "beat-unit-dot" and units:
            plain /= 2
            units[-1] += plain
    per_minute = metronome.findtext("per-minute")
    if len(units) == 1 and per_minute:
        return TempoMark(at, _bpm(per_minute, place) * float(units[0]))
    if len(units) == 2:
        return TempoMark(at, ratio=units[1] / units[0])
    return None
