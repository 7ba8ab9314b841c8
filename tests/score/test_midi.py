"""MIDI files built message by message."""

import warnings
from fractions import Fraction

import mido
import pytest

from hsing.errors import LyricsError, ScoreError
from hsing.flow import Tempo
from hsing.score.midi import read_midi
from hsing.score.read import ScoreWarning, read_score, sung_part

TICKS = 480


def latin(text, encoding="utf-8"):
    return text.encode(encoding).decode("latin-1")


def track(name, *events):
    """Track of (time in ticks, message) in any order."""
    messages = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for at, message in sorted(events, key=lambda event: event[0]):
        messages.append(message.copy(time=at - now))
        now = at
    return messages


def note(at, end, midi, text=None, channel=0, encoding="utf-8"):
    events = [] if text is None else [(at, lyric(text, encoding))]
    events += [(at, mido.Message("note_on", note=midi, velocity=80, channel=channel))]
    return [*events, (end, mido.Message("note_off", note=midi, channel=channel))]


def lyric(text, encoding="utf-8"):
    return mido.MetaMessage("lyrics", text=latin(text, encoding))


@pytest.fixture
def read(tmp_path):
    def read_tracks(*tracks, quiet=True):
        path = tmp_path / "song.mid"
        mido.MidiFile(type=1, ticks_per_beat=TICKS, tracks=list(tracks)).save(path)
        with warnings.catch_warnings():
            if quiet:
                warnings.simplefilter("ignore", ScoreWarning)
            return read_score(path)

    return read_tracks


def test_notes_places_tempo_key_and_length(read):
    conductor = track(
        "song",
        (0, mido.MetaMessage("time_signature", numerator=3, denominator=4)),
        (0, mido.MetaMessage("key_signature", key="F#m")),
        (0, mido.MetaMessage("set_tempo", tempo=666667)),
        (3 * TICKS, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
        (3 * TICKS, mido.MetaMessage("set_tempo", tempo=500000)),
    )
    voice = track("Voice", *note(160, TICKS, 60, "a"), *note(5 * TICKS, 6 * TICKS, 62, "i"))
    score = read(conductor, voice)
    first, second = score.parts[0].notes
    assert (first.onset_beats, first.duration_beats, first.midi) == (
        Fraction(1, 3),
        Fraction(2, 3),
        60,
    )
    assert (first.place.measure, first.place.beat) == (1, Fraction(4, 3))
    assert (second.place.measure, second.place.beat) == (2, 3)
    assert score.tempo.tempos == (Tempo(Fraction(0), 90.0), Tempo(Fraction(3), 120.0))
    assert (score.length_beats, score.key_fifths, score.title) == (7, 3, "song")


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("utf-8", ["さ", "くら"]),
        ("shift_jis", ["さ", "くら"]),
        ("shift_jis", ["ソ", "表"]),  # second byte is a backslash
        ("shift_jis", ["ｻ", "ｸﾗ"]),
        ("cp949", ["나비야", "나비야"]),
        ("gb18030", ["\U00020000", "茉莉"]),
    ],
)
def test_lyrics_are_decoded(read, encoding, texts):
    first, second = texts
    voice = track(
        "v",
        *note(0, 480, 60, first, encoding=encoding),
        *note(480, 960, 60, second + "\r", encoding=encoding),
    )
    assert [n.syllable.text for n in read(voice).parts[0].notes] == texts


def test_lyrics_stay_with_their_track(read):
    one = track("S", *note(0, 480, 72, "a"))
    two = track("A", *note(0, 480, 65, "o"))
    score = read(one, two)
    assert [p.notes[0].syllable.text for p in score.parts] == ["a", "o"]


def test_a_track_of_lyrics_goes_to_the_melody_it_fits(read):
    bass = track("bass", *note(0, 1920, 40))
    melody = track("melody", *note(0, 480, 60), *note(480, 960, 62))
    words = track("words", (0, lyric("a")), (480, lyric("i")))
    score = read(bass, melody, words)
    assert sung_part(score).name == "melody"
    assert [n.syllable.text for n in sung_part(score).notes] == ["a", "i"]


def test_melismas_and_hyphens(read):
    voice = track(
        "v",
        *note(0, 480, 60, "sa-"),
        *note(480, 960, 62, "-"),
        *note(960, 1440, 64),
        *note(1440, 1920, 60, "ra"),
        *note(1920, 2400, 60, "ー"),
        *note(2880, 3360, 60),
    )
    notes = read(voice).parts[0].notes
    assert [n.slurred for n in notes] == [False, True, True, False, True, False]
    assert [n.syllable and (n.syllable.text, n.syllable.syllabic) for n in notes] == [
        ("sa", "begin"), None, None, ("ra", "end"), None, None,
    ]  # fmt: skip


def test_without_lyrics_nothing_is_a_melisma(read):
    notes = read(track("v", *note(0, 480, 60), *note(480, 960, 62))).parts[0].notes
    assert not any(n.slurred for n in notes)


def test_small_gaps_and_overlaps_are_closed(read):
    voice = track("v", *note(0, 478, 60, "a"), *note(480, 985, 62, "i"), *note(960, 1300, 64, "u"))
    assert [n.duration_beats for n in read(voice).parts[0].notes] == [1, 1, Fraction(340, 480)]


def test_a_key_struck_again_begins_a_new_note(read):
    voice = track("v", *note(0, 960, 60, "a"), *note(480, 960, 60, "i"))
    notes = read(voice).parts[0].notes
    assert [(n.onset_beats, n.duration_beats) for n in notes] == [(0, 1), (1, 1)]


def test_channels_of_a_track_are_parts(read):
    both = track("all", *note(0, 480, 60, "a", channel=0), *note(240, 480, 40, channel=3))
    assert [p.name for p in read(both).parts] == ["all (channel 1)", "all (channel 4)"]


def test_refusals(read):
    with pytest.raises(ScoreError, match="part 'v', measure 1, beat 2: two notes at once"):
        read(track("v", *note(0, 960, 60, "a"), *note(480, 960, 64, "i")))
    with pytest.raises(LyricsError, match="part 'v', measure 1, beat 3: no note begins with.*'i'"):
        read(track("v", *note(0, 480, 60, "a"), (960, lyric("i"))))
    with pytest.raises(ScoreError, match="no notes in any part"):
        read(track("v"))
    with pytest.raises(ScoreError, match="a damaged MIDI file"):
        read_midi(b"MThd\x00\x00\x00\x06\x00\x01", "x.mid")


def test_no_tempo_event_is_said(read):
    with pytest.warns(ScoreWarning, match="no tempo event, so 120"):
        read(track("v", *note(0, 480, 60, "a")), quiet=False)
