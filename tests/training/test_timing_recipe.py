"""The timing recipe on songs whose lengths are a known function."""

import json

import pytest

from hsing.align.timing import phone_contexts, timeline_notes
from hsing.errors import CheckpointError, TrainingError
from hsing.flow import PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import SILENCE, phone
from hsing.training.corpora import Song
from hsing.training.timing import examples, load_timing, train_timing


def known_s(symbol, note_s):
    """The planted law: k is short, s long, and both grow with the note."""
    return {"k": 0.04, "s": 0.09}[symbol] + 0.1 * note_s


def song(name, labelled=True, n_notes=40):
    spans, notes, at = [PhoneSpan(SILENCE, 0.0, 1.0, -1)], [], 1.0
    for i in range(n_notes):
        note_s = (0.3, 0.5, 0.8)[(i * i + len(name)) % 3]
        symbol = "ks"[(i // 2) % 2]
        lead = known_s(symbol, note_s)
        spans.append(PhoneSpan(phone(symbol), at, at + lead, i))
        spans.append(PhoneSpan(phone("a"), at + lead, at + lead + note_s, i))
        notes.append([at + lead, at + lead + note_s])
        at += lead + note_s
        spans.append(PhoneSpan(SILENCE, at, at + 0.2, -1))
        at += 0.2
    timed = tuple(TimedNote(a, b, 60, 120.0) for a, b in notes)
    return Song(name, "anna", None, Timeline(tuple(spans), timed, at), labelled=labelled)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timing")
    songs = [song("one"), song("three"), song("four")]
    return folder, train_timing(songs, folder, steps=250, validation={"four"})


def test_the_law_is_learnt(trained):
    _, result = trained
    assert result["loss"]["last"] < 0.2 * result["loss"]["first"]
    row = result["validation"]["consonants"]
    assert row["n"] == 40
    assert row["mean_ms"] < 6 < row["rule_mean_ms"]
    assert set(result["validation"]) == {
        "all", "consonants", "voiceless stop", "voiceless fricative",
    }  # fmt: skip


def test_what_was_written_predicts_what_was_measured(trained):
    folder, result = trained
    model = load_timing(folder)
    notes, lengths = timeline_notes(song("four").timeline)
    contexts = [group[0] for group in phone_contexts(notes)]
    errors = [
        abs(p - sung[0]) for p, sung in zip(model.predict(contexts, "anna"), lengths, strict=True)
    ]
    mean_ms = 1000 * sum(errors) / len(errors)
    assert mean_ms == pytest.approx(result["validation"]["consonants"]["mean_ms"], abs=0.06)
    config = json.loads((folder / "timing.json").read_text())
    assert config["singers"] == ["anna"]
    assert config["phones"] == [phone("k").index, phone("s").index]


def test_the_same_seed_gives_the_same_model(tmp_path):
    songs = [song("one"), song("four")]
    first = train_timing(songs, tmp_path / "a", steps=5, validation=set())
    again = train_timing(songs, tmp_path / "b", steps=5, validation=set())
    other = train_timing(songs, tmp_path / "c", steps=5, seed=1, validation=set())
    weights = [(tmp_path / name / "timing.safetensors").read_bytes() for name in "abc"]
    assert first == again and weights[0] == weights[1]
    assert weights[0] != weights[2] and other["validation"] == {}


def test_validation_songs_and_songs_timed_by_rule_teach_nothing(tmp_path):
    assert len(examples([song("one"), song("two", labelled=False)])) == 40
    result = train_timing([song("one"), song("four")], tmp_path, steps=1, validation={"four"})
    assert result["examples"] == 40
    with pytest.raises(TrainingError, match="no labelled consonants"):
        train_timing([song("one")], tmp_path, steps=1, validation={"one"})


def test_refusals(tmp_path):
    with pytest.raises(CheckpointError, match=r"timing.json: no such file"):
        load_timing(tmp_path)
    train_timing([song("one")], tmp_path, steps=1, validation=set())
    (tmp_path / "timing.json").write_text('{"n_phones": 3}')
    with pytest.raises(CheckpointError, match="not a timing model"):
        load_timing(tmp_path)
