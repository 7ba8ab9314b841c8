"""How long consonants and the ends of syllables last: a small network, and rules without it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from hsing.flow import Phone, Timeline

# The inventory's entry 0, which stands at both ends of every song and in every rest.
PAUSE = Phone(0, "pau", "silence", False, "silence")

# Seconds by duration class, for phones that the network never saw: medians of two Japanese
# singers, voiceless sounds where both kinds exist.
RULE_S = {
    "stop": 0.085,
    "fricative": 0.115,
    "affricate": 0.110,
    "nasal": 0.070,
    "liquid": 0.045,
    "glide": 0.065,
    "closure": 0.045,
    "silence": 0.100,
    "breath": 0.200,
}
_VOICED = 0.7  # of the length of a voiceless stop, fricative or affricate
_OBSTRUENTS = ("stop", "fricative", "affricate")
_MORAIC = 1.5  # of the length of a nasal, for a syllable's final N
_MORAIC_SHARE = 0.4  # of its note, at most
_LONGEST_S, _SHORTEST_S = 0.4, 0.015


@dataclass(frozen=True)
class NotePhones:
    """A note with its phones as the timing model sees it.

    `note_s` runs from the note's first nucleus to the next note's, or to its own end before a
    silence; `before_s` is the length of the note before, or of the silence if `after_silence`.
    """

    phones: tuple[Phone, ...]
    note_s: float
    before_s: float
    after_silence: bool
    before_silence: bool
    quarter_bpm: float


@dataclass(frozen=True)
class PhoneContext:
    """A phone whose length is asked for: any but the first nucleus of a note.

    `trailing` phones follow the first nucleus, the others lead up to it. `place` counts from the
    nucleus outwards, from 0.
    """

    phone: Phone
    before: Phone
    after: Phone
    trailing: bool
    place: int
    n_cluster: int
    note: NotePhones


def split_at_nucleus(phones: Sequence[Phone]) -> tuple[tuple[Phone, ...], tuple[Phone, ...]]:
    """The phones that lead up to the first nucleus, and the rest from it on.

    Without any nucleus the last phone stands in for one.
    """
    at = next((i for i, phone in enumerate(phones) if phone.nucleus), len(phones) - 1)
    return tuple(phones[:at]), tuple(phones[at:])


def phone_contexts(notes: Sequence[NotePhones]) -> list[list[PhoneContext]]:
    """For each note the contexts of all its phones but the first nucleus, in order."""
    found = []
    for k, note in enumerate(notes):
        lead, core = split_at_nucleus(note.phones)
        left = PAUSE if note.after_silence or k == 0 else notes[k - 1].phones[-1]
        right = PAUSE if note.before_silence or k + 1 == len(notes) else notes[k + 1].phones[0]
        chain = (left, *note.phones, right)
        contexts = []
        for i, phone in enumerate(note.phones):
            if i == len(lead):
                continue
            trailing = i > len(lead)
            place = i - len(lead) - 1 if trailing else len(lead) - 1 - i
            size = len(core) - 1 if trailing else len(lead)
            contexts.append(
                PhoneContext(phone, chain[i], chain[i + 2], trailing, place, size, note)
            )
        found.append(contexts)
    return found


def timeline_notes(timeline: Timeline) -> tuple[list[NotePhones], list[list[float]]]:
    """The notes of a timeline as the model sees them, and each phone's length in seconds."""
    spans = [[] for _ in timeline.notes]
    for span in timeline.phones:
        if span.note >= 0:
            spans[span.note].append(span)
    joined = [a[-1].end_s == b[0].start_s for a, b in pairwise(spans)]
    after_silence = [True, *(not j for j in joined)]
    before_silence = [*(not j for j in joined), True]
    notes, lengths = [], []
    for k, note in enumerate(timeline.notes):
        earlier = timeline.notes[k - 1] if k else None
        from_s = 0.0 if earlier is None else earlier.end_s if after_silence[k] else earlier.onset_s
        notes.append(
            NotePhones(
                tuple(span.phone for span in spans[k]),
                note.end_s - note.onset_s,
                note.onset_s - from_s,
                after_silence[k],
                before_silence[k],
                note.quarter_bpm,
            )
        )
        lengths.append([span.end_s - span.start_s for span in spans[k]])
    return notes, lengths


# --- rules ---------------------------------------------------------------------------------------


def rule_s(context: PhoneContext) -> float:
    """Length in seconds by duration class alone; what follows a nucleus shares the note with it."""
    phone, note = context.phone, context.note
    if phone.kind == "vowel":
        return note.note_s / (context.n_cluster + 1)
    length_s = RULE_S.get(phone.manner, 0.07)
    if phone.manner in _OBSTRUENTS and phone.voiced:
        return length_s * _VOICED
    if phone.kind == "moraic":
        return min(length_s * (_MORAIC if phone.voiced else 1.0), note.note_s * _MORAIC_SHARE)
    return length_s


# --- the network ---------------------------------------------------------------------------------


@dataclass
class TimingConfig:
    """Sizes, and what the weights were trained on.

    `phones` are inventory indices seen in training; others go by rule.
    """

    n_phones: int
    phones: Sequence[int] = ()
    singers: Sequence[str] = ()
    n_phone_dims: int = 16
    n_singer_dims: int = 4
    n_hidden: int = 96

    def __post_init__(self):
        self.phones = sorted(self.phones)
        self.singers = list(self.singers)


class TimingModel(nn.Module):
    """Median log length of each phone that is not the first nucleus of its note, as a correction
    of the rule: embeddings of the phone, its neighbours and the singer, and eight numbers about
    the note, into two hidden layers."""

    N_NUMBERS = 8

    def __init__(self, config: TimingConfig):
        super().__init__()
        self.config = config
        self.phone = nn.Embedding(config.n_phones, config.n_phone_dims)
        self.singer = nn.Embedding(max(len(config.singers), 1), config.n_singer_dims)
        n_in = 3 * config.n_phone_dims + config.n_singer_dims + self.N_NUMBERS
        self.net = nn.Sequential(
            nn.Linear(n_in, config.n_hidden),
            nn.SiLU(),
            nn.Linear(config.n_hidden, config.n_hidden),
            nn.SiLU(),
            nn.Linear(config.n_hidden, 1),
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, phones: Tensor, numbers: Tensor, singers: Tensor) -> Tensor:
        """Correction to the log of the rule's length.

        Parameters
        ----------
        phones : int64 [shape=(batch, 3)], the phone, the one before, the one after
        numbers : float [shape=(batch, N_NUMBERS)], see `inputs`
        singers : int64 [shape=(batch,)], index into config.singers; −1 for their mean

        Returns
        -------
        Tensor [shape=(batch,)], natural logarithm of a ratio
        """
        known = self.singer(singers.clamp(min=0))
        singer = torch.where(singers[:, None] < 0, self.singer.weight.mean(0), known)
        x = torch.cat([self.phone(phones).flatten(1), singer, numbers], dim=1)
        return self.net(x)[:, 0]

    def predict(self, contexts: Sequence[PhoneContext], singer: str | None = None) -> list[float]:
        """Lengths in seconds, medians, always the same for the same contexts.

        An unknown singer is the mean of those known; a phone not seen in training goes by rule.
        """
        if not contexts:
            return []
        names = self.config.singers
        index = names.index(singer) if singer in names else -1
        phones, numbers = inputs(contexts)
        singers = torch.full((len(contexts),), index)
        with torch.no_grad():
            device = self.singer.weight.device
            corrections = self(phones.to(device), numbers.to(device), singers.to(device)).tolist()
        seen = set(self.config.phones)
        lengths = []
        for context, correction in zip(contexts, corrections):
            known = context.phone.index in seen
            length_s = rule_s(context) * (math.exp(correction) if known else 1.0)
            longest_s = max(_LONGEST_S, context.note.note_s) if context.trailing else _LONGEST_S
            lengths.append(min(max(length_s, _SHORTEST_S), longest_s))
        return lengths


def inputs(contexts: Sequence[PhoneContext]) -> tuple[Tensor, Tensor]:
    """The network's inputs: phones (int64 [shape=(n, 3)]) and numbers (float [shape=(n, 8)])."""
    phones = torch.tensor([[c.phone.index, c.before.index, c.after.index] for c in contexts])
    return phones, torch.tensor([_numbers(context) for context in contexts])


def _numbers(context: PhoneContext) -> list[float]:
    note = context.note
    return [
        float(context.trailing),
        float(context.place),
        float(context.n_cluster - 1),
        math.log(min(max(note.note_s, 0.05), 3.0) / 0.35),
        math.log(min(max(note.before_s, 0.05), 3.0) / 0.35),
        float(note.after_silence),
        float(note.before_silence),
        math.log(note.quarter_bpm / 120.0),
    ]


def lengths_s(
    notes: Sequence[NotePhones], model: TimingModel | None = None, singer: str | None = None
) -> list[list[float]]:
    """Seconds for every phone but the first nucleus of each note, by the model or by rule."""
    contexts = phone_contexts(notes)
    flat = [context for group in contexts for context in group]
    if model is None:
        lengths = iter([rule_s(context) for context in flat])
    else:
        lengths = iter(model.predict(flat, singer))
    return [[next(lengths) for _ in group] for group in contexts]
