"""The timing model: what it is told, and that rules stand in where it knows nothing."""

import pytest
import torch

from hsing.align.timing import (
    RULE_S,
    NotePhones,
    TimingConfig,
    TimingModel,
    lengths_s,
    phone_contexts,
    rule_s,
    split_at_nucleus,
    timeline_notes,
)
from hsing.flow import PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import INVENTORY, phone


def phones(text):
    return tuple(phone(symbol) for symbol in text.split())


def note(text, note_s=0.5, before_s=0.4, after_silence=False, before_silence=False):
    return NotePhones(phones(text), note_s, before_s, after_silence, before_silence, 120.0)


def tiny(**kwargs):
    torch.manual_seed(0)
    model = TimingModel(TimingConfig(n_phones=len(INVENTORY), **kwargs))
    torch.nn.init.normal_(model.net[-1].weight)
    return model.eval()


def test_contexts_hold_all_but_the_nucleus_with_their_neighbours():
    notes = [note("s t a ɴ", after_silence=True), note("k i", before_silence=True)]
    first, second = phone_contexts(notes)
    told = [(c.before.symbol, c.phone.symbol, c.after.symbol, c.trailing, c.place) for c in first]
    assert told == [
        ("pau", "s", "t", False, 1),
        ("s", "t", "a", False, 0),
        ("a", "ɴ", "k", True, 0),
    ]
    assert [c.n_cluster for c in first] == [2, 2, 1]
    assert [(c.before.symbol, c.after.symbol) for c in second] == [("ɴ", "i")]


def test_a_note_without_nucleus_takes_its_last_phone():
    assert split_at_nucleus(phones("s t")) == (phones("s"), phones("t"))


def test_a_timeline_gives_the_notes_that_the_model_was_told_in_synthesis():
    spans = [("pau", 0, 1, -1), ("k", 1, 1.1, 0), ("a", 1.1, 1.5, 0), ("m", 1.5, 1.6, 1)]
    spans += [("i", 1.6, 2.0, 1), ("pau", 2.0, 2.5, -1), ("o", 2.5, 3, 2)]
    timeline = Timeline(
        tuple(PhoneSpan(phone(s), a, b, n) for s, a, b, n in spans),
        tuple(TimedNote(a, b, 60, 90.0) for a, b in [(1.1, 1.6), (1.6, 2.0), (2.5, 3.0)]),
        3.0,
    )
    notes, lengths = timeline_notes(timeline)
    assert [round(n.note_s, 6) for n in notes] == [0.5, 0.4, 0.5]
    assert [round(n.before_s, 6) for n in notes] == [1.1, 0.5, 0.5]
    assert [n.after_silence for n in notes] == [True, False, True]
    assert [n.before_silence for n in notes] == [False, True, True]
    assert lengths[0] == pytest.approx([0.1, 0.4])


def test_rules_go_by_duration_class():
    k, g, n = (phone_contexts([note(t)])[0][0] for t in ("k a", "ɡ a", "a ɴ"))
    assert rule_s(k) == RULE_S["stop"]
    assert rule_s(g) == pytest.approx(0.7 * RULE_S["stop"])
    assert rule_s(n) == pytest.approx(1.5 * RULE_S["nasal"])
    short = phone_contexts([note("a ɴ", note_s=0.1)])[0][0]
    assert rule_s(short) == pytest.approx(0.04)


def test_phones_never_seen_go_by_rule_and_seen_ones_do_not():
    model = tiny(phones=[phone("k").index])
    ruled = lengths_s([note("k a"), note("s a")])
    learnt = lengths_s([note("k a"), note("s a")], model)
    assert learnt[1] == ruled[1]
    assert abs(learnt[0][0] - ruled[0][0]) > 1e-3


def test_one_at_a_time_is_as_all_at_once_and_always_the_same():
    model = tiny(phones=range(len(INVENTORY)), singers=["a", "b"])
    contexts = [c for group in phone_contexts([note("s t a ɴ"), note("k i")]) for c in group]
    together = model.predict(contexts, "b")
    assert together == model.predict(contexts, "b")
    assert together == pytest.approx([model.predict([c], "b")[0] for c in contexts], rel=1e-5)


def test_an_unknown_singer_is_the_mean_of_the_known():
    model = tiny(phones=range(len(INVENTORY)), singers=["a", "b"])
    contexts = phone_contexts([note("s t a ɴ")])[0]
    stranger = model.predict(contexts, "nobody")
    assert stranger == model.predict(contexts)
    with torch.no_grad():
        model.singer.weight[:] = model.singer.weight.mean(0)
    assert stranger == pytest.approx(model.predict(contexts, "a"), rel=1e-5)


def test_it_is_tiny_and_starts_as_the_rule():
    model = TimingModel(TimingConfig(n_phones=len(INVENTORY), phones=range(len(INVENTORY))))
    assert sum(p.numel() for p in model.parameters()) < 60_000
    notes = [note("s t a ɴ"), note("k i")]
    for fresh, rule in zip(lengths_s(notes, model), lengths_s(notes)):
        assert fresh == pytest.approx(rule)
