"""`prepare` on planted singing: what goes in, what is mended, what is left out and said so."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny_song import MELODY, notes_of, write_corpus, write_song

from hsing.errors import InputError, TrainingError
from hsing.evaluation.onsets import onset_errors_ms
from hsing.flow import Audio
from hsing.training.datasets import read_training_set
from hsing.training.prepare import DEFAULT_CLOCK, _held_out, _shifted, _snapped, prepare
from hsing.units import cents, midi_to_hz


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepare")
    corpus = write_corpus(folder / "anna")
    (corpus / "a4.wav").write_text("not audio")
    (corpus / "a4.mid").write_bytes((corpus / "a1.mid").read_bytes())
    (corpus / "a4.lab").write_bytes((corpus / "a1.lab").read_bytes())
    (corpus / "a5.mid").write_bytes((corpus / "a1.mid").read_bytes())
    (corpus / "a5.lab").write_bytes((corpus / "a1.lab").read_bytes())
    return prepare([corpus], folder / "set", validation=["a1"]), folder


def song_of(report, name):
    return next(song for song in report.songs if song.name == name)


def test_songs_come_out_on_the_clock_at_one_peak_with_the_pitch_that_was_sung(prepared):
    report, _ = prepared
    assert [song.name for song in report.songs] == ["a1", "a2", "a3"]
    for song, semitones in zip(report.songs, (0, 3, -2)):
        assert song.singer == "anna" and song.samples.dtype == np.int16
        assert np.abs(song.sound()).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
        assert abs(len(song.f0_hz) - len(song.samples) / 512) <= 0.5
        assert [n.midi for n in song.timeline.notes] == [m + semitones for m in MELODY]
        for onset_s, midi, _, _ in notes_of(semitones):
            middle = song.f0_hz[int((onset_s + 0.1) * 86.13) : int((onset_s + 0.25) * 86.13)]
            assert np.abs(cents(middle, midi_to_hz(midi))).max() < 15


def test_late_labels_move_to_the_vowels_as_heard_and_good_ones_stay(prepared):
    report, _ = prepared
    late = song_of(report, "a3")
    assert np.allclose(
        [n.onset_s for n in late.timeline.notes], [row[0] for row in notes_of()], atol=0.012
    )
    assert abs(onset_errors_ms(Audio(late.sound(), 44_100), late.timeline).median_ms) < 8
    (line,) = [remark for remark in report.remarks if remark.startswith("a3")]
    assert line.endswith("s, to the vowels as heard") and "labels moved -0.0" in line
    good = song_of(report, "a1")
    onsets = [n.onset_s for n in good.timeline.notes]
    assert onsets == pytest.approx([r[0] for r in notes_of()], abs=0.012)  # to a frame
    ends = [late.timeline.phones[0].start_s, late.timeline.phones[-1].end_s]
    assert ends == [0.0, late.timeline.length_s]


def test_what_was_left_out_is_said_with_its_reason(prepared):
    report, folder = prepared
    text = (folder / "set" / "report.md").read_text("utf-8")
    for words in ("a4: left out: ", "not readable as audio", "a5: no audio: left out here"):
        assert words in text and any(words in remark for remark in report.remarks)
    assert "Held out for validation: a1" in text
    assert not (folder / "set" / "a4.npz").exists() and not (folder / "set" / "a5.npz").exists()


def test_statistics_are_of_the_training_songs_alone(prepared):
    report, folder = prepared
    row = report.statistics["anna"]
    assert row["songs"] == 2
    assert (row["note_midi_low"], row["note_midi_high"]) == (58, 70)
    seconds = sum(len(song.samples) for song in report.songs[1:]) / 44_100
    assert row["minutes"] == pytest.approx(seconds / 60, abs=0.005)
    assert 60 < row["pitch_midi_quantiles"][2] < 67
    assert json.loads((folder / "set" / "index.json").read_text())["statistics"]["anna"] == row


def test_the_set_reads_back_as_it_was_made(prepared):
    report, folder = prepared
    data = read_training_set(folder / "set")
    assert [s.name for s in data.split(validation=True)] == ["a1"]
    assert [s.name for s in data.split(validation=False)] == ["a2", "a3"]
    for ours, theirs in zip(data.songs, report.songs):
        assert np.array_equal(ours.samples, theirs.samples)


def test_refusals(prepared, tmp_path):
    _, folder = prepared
    corpus = folder / "anna"
    before = (folder / "set" / "index.json").read_bytes()
    with pytest.raises(InputError, match="set already holds a training set"):
        prepare([corpus], folder / "set")
    assert (folder / "set" / "index.json").read_bytes() == before
    with pytest.raises(InputError, match="no song is called a9, zz: cannot hold it out"):
        prepare([corpus], tmp_path / "other", validation=["zz", "a1", "a9"])
    with pytest.raises(InputError, match="no such folder"):
        prepare([tmp_path / "none"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_songs_of_one_name_do_not_overwrite_each_other(tmp_path):
    for singer, name, semitones in (("anna", "a1", 0), ("bea", "a1", 5), ("bea", "b1", 5)):
        write_song(tmp_path / singer, name, semitones=semitones)
    report = prepare([tmp_path / "anna", tmp_path / "bea"], tmp_path / "set", validation=[])
    assert [(s.name, s.singer) for s in report.songs] == [("a1", "anna"), ("b1", "bea")]
    (line,) = [remark for remark in report.remarks if remark.startswith("a1")]
    assert line.endswith("anna has a song of the same name; rename one")
    assert f"a1: that of {tmp_path / 'bea'} left out" in line
    kept = read_training_set(tmp_path / "set").songs[0]
    assert [note.midi for note in kept.timeline.notes] == list(MELODY)


def test_a_set_that_is_all_held_out_is_an_error(tmp_path):
    write_song(tmp_path / "anna", "a1")
    with pytest.raises(TrainingError, match="all songs are held out: none is left to train on"):
        prepare([tmp_path / "anna"], tmp_path / "set", validation=["a1"])
    assert not (tmp_path / "set").exists()


def test_a_set_of_nothing_is_an_error(tmp_path):
    write_song(tmp_path / "bea", "b1")
    (tmp_path / "bea" / "b1.wav").unlink()
    with pytest.raises(TrainingError, match="no song of .*bea could be prepared"):
        prepare([tmp_path / "bea"], tmp_path / "out")
    assert not (tmp_path / "out" / "index.json").exists()


class _Source:
    def __init__(self, name, singer="anna"):
        self.name, self.singer = name, singer


def test_who_is_held_out():
    own = [_Source(f"s{i:02}") for i in range(12)]
    assert _held_out(own, None) >= {"s00", "s10"} and "s01" not in _held_out(own, None)
    assert _held_out(own, ["s03"]) == {"s03"} and _held_out(own, []) == set()
    known = [_Source("pjs089", "pjs"), _Source("pjs090", "pjs"), _Source("only", "bea")]
    chosen = _held_out(known, None) & {s.name for s in known}
    assert chosen == {"pjs090"}  # a singer's only song is trained on


def test_shifted_times_stay_in_order_and_within_the_song(prepared):
    timeline = prepared[0].songs[0].timeline
    for by_s in (-0.08, 0.08):
        moved = _shifted(timeline, by_s)
        assert moved.length_s == timeline.length_s
        assert moved.phones[0].start_s == 0 and moved.phones[-1].end_s == timeline.length_s
        for before, after in zip(moved.phones, moved.phones[1:]):
            assert before.start_s <= before.end_s == after.start_s
        assert moved.notes[3].onset_s == pytest.approx(timeline.notes[3].onset_s + by_s)


@pytest.mark.parametrize(("off_s", "found"), [(0.035, True), (-0.035, True), (0.075, False)])
def test_one_stray_label_snaps_to_where_the_voice_starts(prepared, off_s, found):
    song = prepared[0].songs[0]
    right = song.timeline.notes[5].onset_s

    def strayed(item, *names):
        moved = {n: right + off_s for n in names if getattr(item, n) == right}
        return replace(item, **moved)

    timeline = replace(
        song.timeline,
        phones=tuple(strayed(p, "start_s", "end_s") for p in song.timeline.phones),
        notes=tuple(strayed(n, "onset_s", "end_s") for n in song.timeline.notes),
    )
    assert timeline != song.timeline
    snapped = _snapped(replace(song, timeline=timeline), DEFAULT_CLOCK).timeline
    onset_s = snapped.notes[5].onset_s
    assert onset_s == pytest.approx(right if found else right + off_s, abs=0.013)
    assert onset_s in [p.start_s for p in snapped.phones]
    for before, after in zip(snapped.phones, snapped.phones[1:]):
        assert before.start_s < before.end_s == after.start_s
