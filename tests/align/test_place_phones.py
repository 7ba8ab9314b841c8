"""Phones on the score's time: closed forms with the rule's lengths."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsing.align.frames import place_phones
from hsing.align.timing import PAUSE, RULE_S
from hsing.errors import LyricsError, ScoreError
from hsing.flow import Note, Place, Sung, SungNote, Tempo, TempoMap
from hsing.lyrics.inventory import SILENCE, phone

SLOW = TempoMap((Tempo(Fraction(0), 60.0),))


def sung(*notes, tempo=SLOW, length=None):
    """Notes as (onset, duration, 'phones') in beats, all on A4."""
    made = []
    for onset, duration, phones in notes:
        onset, duration = Fraction(onset), Fraction(duration)
        note = Note(onset, duration, 69, Place("Voice", 1 + int(onset // 4), onset % 4 + 1))
        made.append(SungNote(note, tuple(phone(p) for p in phones.split())))
    end = made[-1].note.end_beats if made else Fraction(4)
    return Sung("Voice", "ja", tuple(made), tempo, Fraction(length) if length else end)


def spans(timeline):
    return [
        (s.phone.symbol, round(s.start_s, 6), round(s.end_s, 6), s.note) for s in timeline.phones
    ]


def assert_whole(timeline):
    assert timeline.phones[0].start_s == 0.0
    assert timeline.phones[-1].end_s == timeline.length_s
    for a, b in zip(timeline.phones, timeline.phones[1:]):
        assert a.end_s == b.start_s
        assert a.start_s < a.end_s


def test_the_vowel_lands_on_the_note_and_the_consonant_borrows_from_silence_and_note():
    k, m = RULE_S["stop"], RULE_S["nasal"]
    timeline = place_phones(sung((1, 1, "k a"), (2, 1, "m i"), length=4))
    assert spans(timeline) == [
        ("pau", 0.0, round(1 - k, 6), -1),
        ("k", round(1 - k, 6), 1.0, 0),
        ("a", 1.0, round(2 - m, 6), 0),
        ("m", round(2 - m, 6), 2.0, 1),
        ("i", 2.0, 3.0, 1),
        ("pau", 3.0, 4.0, -1),
    ]
    assert [(n.onset_s, n.end_s) for n in timeline.notes] == [(1.0, 2.0), (2.0, 3.0)]
    assert timeline.length_s == 4.0


def test_times_go_through_the_tempo_map():
    tempo = TempoMap((Tempo(Fraction(0), 60.0), Tempo(Fraction(2), 120.0)))
    timeline = place_phones(sung((1, 2, "a"), (3, 1, "i"), tempo=tempo, length=8))
    assert [(n.onset_s, n.end_s, n.quarter_bpm) for n in timeline.notes] == [
        (1.0, 2.5, 60.0),
        (2.5, 3.0, 120.0),
    ]
    assert timeline.length_s == 5.0


def test_consonants_take_at_most_half_of_the_note_before():
    timeline = place_phones(sung((0, Fraction(1, 10), "a"), (Fraction(1, 10), 1, "s ɾ i")))
    assert spans(timeline)[0] == ("a", 0.0, 0.05, 0)
    s, r = timeline.phones[1:3]
    ratio = (s.end_s - s.start_s) / (r.end_s - r.start_s)
    assert ratio == pytest.approx(RULE_S["fricative"] / RULE_S["liquid"])
    assert timeline.notes[1].onset_s == 0.1


def test_consonants_on_beat_0_are_squeezed_into_the_first_note():
    timeline = place_phones(sung((0, 1, "s a"), (1, 1, "i")))
    assert spans(timeline) == [("s", 0.0, 0.03, 0), ("a", 0.03, 1.0, 0), ("i", 1.0, 2.0, 1)]
    assert timeline.notes[0].onset_s == pytest.approx(0.03)
    assert timeline.length_s == 2.0


def test_a_squeezed_consonant_leaves_half_of_a_short_note():
    timeline = place_phones(sung((0, Fraction(1, 25), "s a"), (1, 1, "i")))
    assert spans(timeline)[:2] == [("s", 0.0, 0.02, 0), ("a", 0.02, 0.04, 0)]


def test_a_short_silence_is_used_up_before_the_nucleus_is_late():
    timeline = place_phones(sung((Fraction(1, 20), 1, "s a")))
    assert spans(timeline)[0] == ("s", 0.0, 0.05, 0)
    assert timeline.notes[0].onset_s == 0.05


def test_a_final_nasal_takes_its_share_at_the_end_of_the_note():
    timeline = place_phones(sung((0, 1, "a ɴ"), (1, 1, "i")))
    length = 1.5 * RULE_S["nasal"]
    assert spans(timeline)[:2] == [
        ("a", 0.0, round(1 - length, 6), 0),
        ("ɴ", round(1 - length, 6), 1.0, 0),
    ]


def test_two_vowels_halve_the_note():
    timeline = place_phones(sung((0, 1, "a i"), length=2))
    assert spans(timeline)[:2] == [("a", 0.0, 0.5, 0), ("i", 0.5, 1.0, 0)]


def test_a_melisma_has_one_vowel_span_per_note_and_its_coda_at_the_end():
    timeline = place_phones(sung((0, 1, "a ɴ"), (1, 1, ""), (2, 1, ""), length=4))
    symbols = [(s.phone.symbol, s.note) for s in timeline.phones]
    assert symbols == [("a", 0), ("a", 1), ("a", 2), ("ɴ", 2), ("pau", -1)]
    assert [s.start_s for s in timeline.phones[:3]] == [0.0, 1.0, 2.0]
    assert len(timeline.notes) == 3


def test_a_moraic_nasal_alone_goes_on_through_a_melisma():
    timeline = place_phones(sung((0, 1, "ɴ"), (1, 1, "")))
    assert [(s.phone.symbol, s.note) for s in timeline.phones] == [("ɴ", 0), ("ɴ", 1)]


def test_a_melisma_after_a_rest_sings_the_vowel_again_and_leaves_the_coda():
    timeline = place_phones(sung((0, 1, "a ɴ"), (2, 1, "")))
    assert [(s.phone.symbol, s.note) for s in timeline.phones] == [
        ("a", 0),
        ("ɴ", 0),
        ("pau", -1),
        ("a", 1),
    ]


def test_gaps_below_30_ms_are_closed_and_longer_ones_are_silence():
    short = place_phones(sung((0, Fraction(98, 100), "a"), (1, 1, "i")))
    assert spans(short) == [("a", 0.0, 1.0, 0), ("i", 1.0, 2.0, 1)]
    assert short.notes[0].end_s == 1.0
    long = place_phones(sung((0, Fraction(95, 100), "a"), (1, 1, "i")))
    assert spans(long)[1] == ("pau", 0.95, 1.0, -1)


def test_no_notes_are_all_silence():
    assert spans(place_phones(sung())) == [("pau", 0.0, 4.0, -1)]


def test_silence_is_the_inventorys():
    assert PAUSE == SILENCE


SYLLABLES = ["a", "k a", "s ɯ", "ɾʲ o ɴ", "a cl", "kʲ a i", "ɴ", "t", ""]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [Fraction(0), Fraction(0), Fraction(1, 64), Fraction(1, 3), Fraction(2)]
            ),
            st.sampled_from([Fraction(1, 32), Fraction(1, 8), Fraction(2, 3), Fraction(3)]),
            st.sampled_from(SYLLABLES),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([40.0, 97.3, 240.0]),
)
def test_any_song_is_whole_and_exactly_as_long_as_its_score(rows, bpm):
    notes, at = [], Fraction(0)
    for rest, duration, phones in rows:
        notes.append((at + rest, duration, phones if notes else phones or "a"))
        at += rest + duration
    tempo = TempoMap((Tempo(Fraction(0), bpm), Tempo(Fraction(2), 1.5 * bpm)))
    song = sung(*notes, tempo=tempo, length=at + 1)
    timeline = place_phones(song)
    assert_whole(timeline)
    assert timeline.length_s == tempo.seconds(at + 1)
    order = [s.note for s in timeline.phones if s.note >= 0]
    assert sorted(set(order)) == list(range(len(notes))) and order == sorted(order)
    for earlier, note in zip(song.notes[1:], timeline.notes[1:]):
        scored = tempo.seconds(earlier.note.onset_beats)
        assert scored - 1e-9 <= note.onset_s <= scored + 0.031


def test_refusals_say_where():
    with pytest.raises(ScoreError, match=r"part 'Voice', measure 1, beat 2: a note without length"):
        place_phones(sung((1, 0, "a")))
    with pytest.raises(ScoreError, match=r"measure 1, beat 1.5: a note before the end of the last"):
        place_phones(sung((0, 1, "a"), (Fraction(1, 2), 1, "a")))
    with pytest.raises(ScoreError, match="past the end of the score"):
        place_phones(sung((0, 4, "a"), length=2))
    with pytest.raises(LyricsError, match=r"measure 1, beat 1: no syllable here"):
        place_phones(sung((0, 1, "")))
