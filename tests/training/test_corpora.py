"""Corpora with planted answers: labels, scores and tones written here, each flaw among them."""

import numpy as np
import pretty_midi
import pytest

from hsing.audio.io import write_audio
from hsing.errors import InputError, TrainingError
from hsing.flow import Audio
from hsing.training.corpora import read_corpus
from hsing.training.htslabels import labelled_note, phone_of, pitch_midi, read_labels
from hsing.units import midi_to_hz

RATE = 16_000
# symbol, seconds; two notes directly on each other, a rest, two more on one another
PHONES = [("pau", 1.0), ("k", 0.1), ("a", 0.4), ("m", 0.1), ("i", 0.5), ("pau", 0.4)]
PHONES += [("sh", 0.1), ("o", 0.4), ("u", 0.5), ("pau", 0.5)]
NOTES = [(1.1, 1.5, 60), (1.6, 2.0, 62), (2.6, 3.0, 64), (3.0, 3.5, 65)]


def write_lab(path, phones, from_s=0.0):
    lines, at = [], from_s
    for symbol, length_s in phones:
        lines.append(f"{round(at * 1e7)} {round((at + length_s) * 1e7)} {symbol}")
        at += length_s
    path.write_text("\n".join(lines) + "\n")


def write_midi(path, notes=NOTES, shift_s=0.0, bpm=100.0, semitones=0):
    midi = pretty_midi.PrettyMIDI(initial_tempo=bpm, resolution=960)
    instrument = pretty_midi.Instrument(0)
    for onset, end, pitch in notes:
        note = pretty_midi.Note(100, pitch + semitones, onset + shift_s, end + shift_s)
        instrument.notes.append(note)
    midi.instruments.append(instrument)
    midi.write(str(path))


def write_song(path, notes=NOTES, length_s=4.0, later_s=0.0):
    """A voice-like tone on each note, silence between."""
    t = np.arange(round(length_s * RATE)) / RATE
    samples = np.zeros(len(t), np.float32)
    for onset, end, pitch in notes:
        on = (t >= onset + later_s) & (t < end + later_s)
        for k in range(1, 9):
            samples[on] += 0.2 / k * np.sin(2 * np.pi * k * midi_to_hz(pitch) * t[on])
    write_audio(path, Audio(samples, RATE), force=True)


@pytest.fixture
def folder(tmp_path):
    """One song as PJS lays it out: xyz001/xyz001.lab, .mid, _song.wav."""
    song = tmp_path / "xyz" / "xyz001"
    song.mkdir(parents=True)
    write_lab(song / "xyz001.lab", PHONES)
    write_midi(song / "xyz001.mid")
    write_song(song / "xyz001_song.wav")
    return song


def only(folder):
    songs, remarks = read_corpus(folder.parent)
    assert len(songs) == 1
    assert_whole(songs[0].timeline)
    return songs[0], remarks


def assert_whole(timeline):
    assert timeline.phones[0].start_s == 0.0
    assert timeline.phones[-1].end_s == pytest.approx(timeline.length_s)
    for a, b in zip(timeline.phones, timeline.phones[1:]):
        assert a.end_s == b.start_s and a.start_s < a.end_s


def sung(timeline):
    return [(s.phone.symbol, s.note) for s in timeline.phones]


def test_a_clean_song_comes_out_as_planted(folder):
    song, remarks = only(folder)
    assert remarks == []
    assert (song.name, song.singer, song.audio.name) == ("xyz001", "xyz", "xyz001_song.wav")
    assert sung(song.timeline) == [
        ("pau", -1), ("k", 0), ("a", 0), ("m", 1), ("i", 1), ("pau", -1),
        ("ɕ", 2), ("o", 2), ("ɯ", 3), ("pau", -1),
    ]  # fmt: skip
    notes = [(n.onset_s, n.end_s, n.midi) for n in song.timeline.notes]
    planted = [(1.1, 1.6, 60), (1.6, 2.1, 62), (2.6, 3.0, 64), (3.0, 3.5, 65)]
    assert np.allclose(notes, planted)
    assert song.timeline.notes[0].quarter_bpm == pytest.approx(100, rel=1e-4)
    assert song.timeline.length_s == 4.0


def test_a_singer_can_be_named(folder):
    assert read_corpus(folder.parent, singer="anna")[0][0].singer == "anna"


def test_labels_past_the_end_of_the_audio_are_clipped(folder):
    write_lab(folder / "xyz001.lab", [*PHONES, ("pau", 2.5)])
    song, remarks = only(folder)
    assert song.timeline.length_s == 4.0
    assert remarks == ["xyz001: labels clipped by 2.50 s at the end"]


def test_labels_that_end_early_are_filled_with_silence(folder):
    write_lab(folder / "xyz001.lab", PHONES[:-1])
    song, remarks = only(folder)
    assert sung(song.timeline)[-1] == ("pau", -1)
    assert song.timeline.phones[-1].start_s == pytest.approx(3.5)
    assert remarks == ["xyz001: last 0.50 s unlabelled: silence"]


def test_an_unknown_phone_joins_the_one_before(folder):
    stray = [("pau", 1.0), ("k", 0.1), ("a", 0.3), ("xx", 0.1), *PHONES[3:]]
    write_lab(folder / "xyz001.lab", stray)
    song, remarks = only(folder)
    assert [s.phone.symbol for s in song.timeline.phones][:4] == ["pau", "k", "a", "m"]
    assert song.timeline.phones[2].end_s == pytest.approx(1.5)
    assert remarks == ["xyz001: unknown phone 'xx' at 1.40 s joined to its left"]


def test_without_audio_the_labels_still_time(folder):
    (folder / "xyz001_song.wav").unlink()
    song, remarks = only(folder)
    assert song.audio is None and song.labelled
    assert remarks == ["xyz001: no recording: good for timing only"]


def test_an_offset_between_labels_and_score_is_taken_out(folder):
    write_midi(folder / "xyz001.mid", shift_s=0.24)
    song, remarks = only(folder)
    assert song.timeline.notes[0].onset_s == pytest.approx(1.1)  # where the recording is
    assert [n.midi for n in song.timeline.notes] == [60, 62, 64, 65]
    assert "labels lie -0.24 s from xyz001.mid; as the recording has it" in remarks[0]


def test_labels_beside_the_recording_move_to_it(folder):
    write_midi(folder / "xyz001.mid", shift_s=0.24)
    write_song(folder / "xyz001_song.wav", later_s=0.24)
    song, remarks = only(folder)
    assert song.timeline.notes[0].onset_s == pytest.approx(1.34, abs=0.005)
    assert "moved there, where the recording is" in remarks[0]


def test_another_octave_is_heard(folder):
    write_midi(folder / "xyz001.mid", semitones=-12)
    song, remarks = only(folder)
    assert [n.midi for n in song.timeline.notes] == [60, 62, 64, 65]
    assert remarks == ["xyz001: sung +1 octave from the score; notes moved there"]


def test_a_closure_more_than_notes_joins_the_note_before(folder):
    closed = [*PHONES[:3], ("cl", 0.05), ("t", 0.05), *PHONES[4:]]
    write_lab(folder / "xyz001.lab", closed)
    song, _ = only(folder)
    assert sung(song.timeline)[1:6] == [("k", 0), ("a", 0), ("cl", 0), ("t", 1), ("i", 1)]


def test_a_note_more_than_nuclei_cuts_the_vowel_where_it_starts(folder):
    slurred = [(1.1, 1.5, 60), (1.6, 1.85, 62), (1.85, 2.1, 64), *NOTES[2:]]
    write_midi(folder / "xyz001.mid", slurred)
    write_song(folder / "xyz001_song.wav", slurred)
    song, _ = only(folder)
    assert sung(song.timeline)[3:7] == [("m", 1), ("i", 1), ("i", 2), ("pau", -1)]
    assert song.timeline.phones[5].start_s == pytest.approx(1.85, abs=0.01)
    assert [n.midi for n in song.timeline.notes] == [60, 62, 64, 64, 65]


def test_consonants_before_a_silence_belong_to_the_note_before(folder):
    whispered = [*PHONES[:4], ("i", 0.4), ("sh", 0.1), *PHONES[5:]]
    write_lab(folder / "xyz001.lab", whispered)
    song, _ = only(folder)
    assert sung(song.timeline)[4:7] == [("i", 1), ("ɕ", 1), ("pau", -1)]
    assert song.timeline.notes[1].end_s == pytest.approx(2.1)


def test_another_score_is_used_where_the_first_does_not_fit(folder):
    write_midi(folder / "xyz001.mid", [(t * 1.6, (t + 0.2) * 1.6, p) for t, _, p in NOTES])
    write_midi(folder / "xyz001.midi")
    song, remarks = only(folder)
    assert [n.midi for n in song.timeline.notes] == [60, 62, 64, 65]
    assert "xyz001.mid does not fit xyz001.lab" in remarks[0]


def test_of_two_songs_of_one_name_the_second_is_left_out(folder):
    (folder.parent / "xyz002").mkdir()
    for path in list(folder.iterdir()):
        (folder.parent / "xyz002" / path.name).write_bytes(path.read_bytes())
    _, remarks = only(folder)
    assert remarks == ["xyz001: left out: another song has this name; rename its files"]


def test_songs_that_do_not_fit_are_left_out_with_a_reason(folder):
    write_midi(folder / "xyz001.mid", [(t * 1.6, (t + 0.2) * 1.6, p) for t, _, p in NOTES])
    with pytest.raises(TrainingError, match=r"nothing to learn from.*left out.*does not fit"):
        read_corpus(folder.parent)


def test_a_recording_of_other_notes_is_left_out(folder):
    write_song(folder / "xyz001_song.wav", [(a, b, p + 3) for a, b, p in NOTES])
    with pytest.raises(TrainingError, match="only 0 % of the notes are heard"):
        read_corpus(folder.parent)


def test_refusals(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_corpus(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="put X.wav or X.flac beside X.musicxml"):
        read_corpus(tmp_path)
    (tmp_path / "a.lab").write_text("0 100 a\nhello\n")
    with pytest.raises(InputError, match=r"line 2: 'hello' is not 'start end phone'"):
        read_labels(tmp_path / "a.lab")
    (tmp_path / "a.lab").write_text("\n")
    with pytest.raises(InputError, match="holds no labels"):
        read_labels(tmp_path / "a.lab")
    with pytest.raises(InputError, match="'H4' is not a pitch"):
        pitch_midi("H4")


# --- words instead of labels ---------------------------------------------------------------------

MUSICXML = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Voice</part-name>
</score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions>
<time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<direction><sound tempo="60"/></direction>
<note><rest/><duration>1</duration></note>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration>
<lyric><text>か</text></lyric></note>
<note><pitch><step>D</step><octave>4</octave></pitch><duration>1</duration>
<lyric><text>み</text></lyric></note>
<note><rest/><duration>1</duration></note></measure></part></score-partwise>
"""


def test_without_labels_phones_are_timed_by_rule(tmp_path):
    (tmp_path / "song.musicxml").write_text(MUSICXML, encoding="utf-8")
    write_song(tmp_path / "song.wav", [(1, 2, 60), (2, 3, 62)], length_s=4.6)
    songs, remarks = read_corpus(tmp_path)
    assert_whole(songs[0].timeline)
    assert not songs[0].labelled
    assert sung(songs[0].timeline) == [
        ("pau", -1), ("k", 0), ("a", 0), ("m", 1), ("i", 1), ("pau", -1),
    ]  # fmt: skip
    assert [n.onset_s for n in songs[0].timeline.notes] == [1.0, 2.0]
    assert songs[0].timeline.length_s == 4.6
    assert remarks == ["song: no labels; phones timed by rule from song.musicxml"]


def test_a_recording_shorter_than_its_score_is_left_out(tmp_path):
    (tmp_path / "song.musicxml").write_text(MUSICXML, encoding="utf-8")
    write_song(tmp_path / "song.wav", [(1, 2, 60)], length_s=2.0)
    with pytest.raises(TrainingError, match=r"song.musicxml is 1.00 s longer than song.wav"):
        read_corpus(tmp_path)


# --- full-context labels -------------------------------------------------------------------------


def context(symbol, pitch="xx", centiseconds=50, n96=24):
    note = f"{pitch}]0^0=4/4~100!1@{centiseconds}#{n96}+xx]1$1|0[24&0]96"
    return f"p@xx^pau-{symbol}+a=k_xx%00^00_00~00-1!2[xx$1]xx/A:xx-xx@xx~xx/E:{note}/F:A4#9#0"


def write_hts(folder, audio=True):
    """The song above as NIT-SONG070 lays it out: score times in full, sung times in mono."""
    for name in ("mono", "full"):
        (folder / "labels" / name).mkdir(parents=True)
    (folder / "wav").mkdir()
    write_lab(folder / "labels" / "mono" / "s1.lab", PHONES)
    scored = [(0, 1.0, None), *[(1.0, 1.5, "C4")] * 2, *[(1.5, 2.0, "D4")] * 2, (2.0, 2.5, None)]
    scored += [*[(2.5, 3.0, "E4")] * 2, (3.0, 3.5, "F4"), (3.5, 4.0, None)]
    lines = [
        f"{round(a * 1e7)} {round(b * 1e7)} {context(symbol, pitch or 'xx')}"
        for (symbol, _), (a, b, pitch) in zip(PHONES, scored)
    ]
    (folder / "labels" / "full" / "s1.lab").write_text("\n".join(lines))
    if audio:
        write_song(folder / "wav" / "s1.wav")


def test_full_context_labels_carry_the_notes(tmp_path):
    write_hts(tmp_path)
    songs, remarks = read_corpus(tmp_path, singer="nit")
    timeline = songs[0].timeline
    assert_whole(timeline)
    assert remarks == []
    assert [n.midi for n in timeline.notes] == [60, 62, 64, 65]
    assert [n.onset_s for n in timeline.notes] == pytest.approx([1.1, 1.6, 2.6, 3.0])
    assert timeline.notes[0].quarter_bpm == pytest.approx(120)  # a quarter in 50 centiseconds
    assert sung(timeline)[1:5] == [("k", 0), ("a", 0), ("m", 1), ("i", 1)]


def test_full_context_labels_without_audio(tmp_path):
    write_hts(tmp_path, audio=False)
    assert read_corpus(tmp_path)[0][0].audio is None


def test_labels_that_differ_are_left_out(tmp_path):
    write_hts(tmp_path)
    write_lab(tmp_path / "labels" / "mono" / "s1.lab", PHONES[:-1])
    with pytest.raises(TrainingError, match="do not hold the same phones"):
        read_corpus(tmp_path)


def test_field_e(tmp_path):
    path = tmp_path / "a.lab"
    path.write_text(f"0 5000000 {context('gy', 'Gb4', 60, 48)}\n5000000 6000000 {context('pau')}\n")
    first, rest = read_labels(path)
    assert first.symbol == "gy" and phone_of(first.symbol).symbol == "ɡʲ"
    note = labelled_note(first)
    assert (note.midi, note.quarter_bpm) == (66, pytest.approx(200))
    assert labelled_note(rest) is None
    assert [pitch_midi(name) for name in ("A4", "C4", "C#5", "Bb3", "C-1")] == [69, 60, 73, 58, 0]
