"""Syllables onto notes."""

import re
from fractions import Fraction

import pytest

from hsing.errors import LyricsError
from hsing.flow import Note, Part, Place, Score, Syllable, Tempo, TempoMap
from hsing.lyrics.attach import attach


def sing(*notes, **options):
    """Phones on each note. A note is its text, None, '~' (slurred), or 'R' for a beat of rest."""
    made = []
    for beat, text in enumerate(notes):
        if text != "R":
            syllable = None if text in (None, "~") else Syllable(text)
            place = Place("Voice", 1 + beat // 4, Fraction(1 + beat % 4))
            made.append(Note(Fraction(beat), Fraction(1), 60, place, syllable, text == "~"))
    tempo = TempoMap((Tempo(Fraction(0), 120.0),))
    part = Part("Voice", tuple(made))
    sung = attach(part, Score("t", (part,), tempo, Fraction(99)), **options)
    assert (sung.part, sung.length_beats, sung.tempo) == ("Voice", 99, tempo)
    assert sung.language == "ja"
    return ["".join(phone.symbol for phone in note.phones) for note in sung.notes]


def test_syllables_and_melismas():
    assert sing("さ", "~", "くん", "~") == ["sa", "", "kɯɴ", ""]


@pytest.mark.parametrize("sign", ["ー", "-", "+", "〜", "ーー"])
def test_signs_of_prolongation_are_melismas(sign):
    assert sing("さ", sign, "く") == ["sa", "", "kɯ"]


def test_prolongation_after_a_rest_takes_the_vowel_up_again():
    assert sing("さん", "R", "ー") == ["saɴ", "ɴ"]
    assert sing("さっ", "R", "ー", "ー") == ["sacl", "a", ""]


def test_prolongation_of_nothing_is_refused():
    with pytest.raises(LyricsError, match="part 'Voice', measure 1, beat 1: no vowel before"):
        sing("ー", "さ")


def test_missing_syllable():
    with pytest.raises(LyricsError, match=r"measure 2, beat 1: a note without.*--default-lyric la"):
        sing("a", "i", "u", "e", None)
    assert sing("a", None, "~", default_lyric="la") == ["a", "ɾa", ""]
    assert sing(None, None, default_lyric="ら") == ["ɾa", "ɾa"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("사", "cannot read '사' (Hangul letters); languages available: ja (Japanese"),
        ("да", "cannot read 'да' (Cyrillic letters)"),
        ("the", "cannot read 'the' (Latin letters)"),
        ("!?", "cannot read '!?' (no letters)"),
    ],
)
@pytest.mark.parametrize("language", [None, "ja"])
def test_languages_nobody_reads(text, message, language):
    place = "part 'Voice', measure 1, beat 2: "
    with pytest.raises(LyricsError, match=re.escape(place + message)):
        sing("a", text, language=language)


def test_unknown_language_lists_those_there_are():
    with pytest.raises(LyricsError, match=r"no reader for language 'ko'; available: ja \(Japanese"):
        sing("a", language="ko")


def test_kanji_in_phrases():
    pytest.importorskip("pyopenjtalk", reason="kanji need pyopenjtalk: pip install 'hsing[ja]'")
    assert sing("春", "が", "来", "た") == ["haɾɯ", "ɡa", "ki", "ta"]
    assert sing("来", "~", "る") == ["kɯ", "", "ɾɯ"]
    with pytest.raises(LyricsError, match="part 'Voice', measure 1, beat 1: '学校' is read"):
        sing("学", "校")
