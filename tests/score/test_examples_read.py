"""Every example reads, and every syllable in it is sung once."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from hsing.lyrics.attach import attach
from hsing.score.read import read_score, sung_part

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SONGS = sorted(p for p in EXAMPLES.iterdir() if p.suffix in (".musicxml", ".mid"))

# notes, syllables, lowest and highest note, quarter notes, seconds
FACTS = {
    "sakura": (50, 45, 59, 72, 56, 56 * 60 / 76),
    "haru_ga_kita": (30, 30, 55, 71, 32, 32 * 60 / 104),
    "furusato": (45, 40, 57, 71, 48, 48 * 60 / 80),
    "hotaru_no_hikari": (56, 48, 57, 71, 64, 64 * 60 / 88),
    "kojo_no_tsuki": (48, 48, 55, 70, 32, 32 * 60 / 66),
    "kagome": (48, 46, 64, 71, 48, 48 * 60 / 100),
    "chatsumi": (54, 54, 60, 72, 64, 64 * 60 / 108),
    "momotaro": (34, 34, 60, 72, 24, 24 * 60 / 96),
    "chocho": (56, 54, 60, 67, 64, 64 * 60 / 120),
    "iroha": (27, 23, 60, 72, 44, 13 * 60 / 96 + 12 * 60 / 72 + 16 * 60 / 104 + 3 * 60 / 60),
}
MUSIC = {
    "sakura": "sa kɯ ɾa sa kɯ ɾa ja jo i no so ɾa - wa",
    "haru_ga_kita": "ha ɾɯ ɡa ki ta ha ɾɯ ɡa ki ta do ko ni ki ta",
    "furusato": "ɯ sa ɡi o i ɕi ka no ja ma",
    "hotaru_no_hikari": "ho ta ɾɯ no hi ka - ɾi ma do no jɯ - ki",
    "kojo_no_tsuki": "ha ɾɯ ko o ɾo o no ha na no e ɴ",
    "kagome": "ka ɡo me ka ɡo me ka ɡo no na ka no to ɾi wa",
    "chatsumi": "na tsɯ mo tɕi ka zɯ kɯ ha tɕi dʑɯ ɯ ha tɕi ja",
    "momotaro": "mo mo ta ɾo saɴ mo mo ta ɾo saɴ",
    "chocho": "tɕo - tɕo tɕo - tɕo na no ha ni to ma ɾe",
    "iroha": "i ɾo wa ni o e do - - tɕi ɾi nɯ ɾɯ - o",
}


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_score(path)


def test_every_example_is_known_and_described():
    assert {p.stem for p in SONGS} == set(FACTS) == set(MUSIC)
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in readme for path in SONGS)


@pytest.mark.parametrize("path", SONGS, ids=lambda path: path.stem)
def test_notes_and_length(path):
    score = read(path)
    notes = sung_part(score).notes
    pitches = [note.midi for note in notes]
    n_syllables = sum(note.syllable is not None for note in notes)
    seconds = score.tempo.seconds(score.length_beats)
    assert (len(notes), n_syllables, min(pitches), max(pitches), score.length_beats, seconds) == (
        *FACTS[path.stem][:5],
        pytest.approx(FACTS[path.stem][5]),
    )


@pytest.mark.parametrize("path", SONGS, ids=lambda path: path.stem)
def test_words(path):
    if path.stem == "haru_ga_kita" and find_spec("pyopenjtalk") is None:
        pytest.skip("kanji need pyopenjtalk: pip install 'hsing[ja]'")
    score = read(path)
    sung = attach(sung_part(score), score)
    words = ["".join(phone.symbol for phone in note.phones) or "-" for note in sung.notes]
    expected = MUSIC[path.stem].split()
    assert words[: len(expected)] == expected
    n_sung = sum(bool(note.phones) for note in sung.notes)
    assert n_sung == FACTS[path.stem][1]
    assert [note.note for note in sung.notes] == list(sung_part(score).notes)


def test_the_study_has_what_it_is_for():
    score = read(EXAMPLES / "iroha.musicxml")
    notes = sung_part(score).notes
    assert notes[0].place.measure == 0
    assert {note.duration_beats.denominator for note in notes} >= {1, 2, 3, 4}
    assert max(note.duration_beats for note in notes) == 6
    assert [tempo.quarter_bpm for tempo in score.tempo.tempos] == [96, 72, 104, 60]
