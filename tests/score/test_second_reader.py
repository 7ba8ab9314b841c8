"""The example scores as other libraries read them: music21 the MusicXML, pretty_midi the MIDI."""

from fractions import Fraction
from pathlib import Path

import pytest

from hsing.score.read import read_score, sung_part

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.musicxml")), ids=lambda path: path.stem)
def test_music21_reads_the_same_notes(path):
    from music21 import converter

    stream = converter.Converter()
    stream.parseFile(path, forceSource=True, storePickle=False)
    theirs = stream.stream.parts[0].stripTies().flatten().notes
    rows = [
        (Fraction(note.offset), Fraction(note.quarterLength), note.pitch.midi, note.lyric)
        for note in theirs
    ]
    ours = [
        (n.onset_beats, n.duration_beats, n.midi, n.syllable.text if n.syllable else None)
        for n in sung_part(read_score(path)).notes
    ]
    assert [row[:3] for row in ours] == [row[:3] for row in rows]
    # music21 marks hyphens in the text of a lyric; the words are the same
    assert [row[3] for row in ours] == [row[3].strip("-") if row[3] else None for row in rows]


def test_pretty_midi_reads_the_same_notes_and_words():
    import pretty_midi

    path = EXAMPLES / "chocho.mid"
    midi = pretty_midi.PrettyMIDI(str(path))
    score = read_score(path)
    ours = sung_part(score).notes
    theirs = sorted(midi.instruments[0].notes, key=lambda note: note.start)
    assert [note.midi for note in ours] == [note.pitch for note in theirs]
    for mine, other in zip(ours, theirs):
        assert score.tempo.seconds(mine.onset_beats) == pytest.approx(other.start, abs=2e-3)
    words = [lyric.text.encode("latin-1").decode("utf-8") for lyric in midi.lyrics]
    sung = [note.syllable.text for note in ours if note.syllable]
    assert [word for word in words if word != "-"] == sung
