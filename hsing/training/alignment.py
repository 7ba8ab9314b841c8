"""Which note each labelled phone is sung on: a monotonic alignment of labels and score, and the
timeline that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hsing.errors import TrainingError
from hsing.flow import PhoneSpan, TimedNote, Timeline
from hsing.training.htslabels import Segment

MISFIT_S = 0.5  # a pair further apart than this costs no more
JOIN_COST_S = 0.06  # a nucleus sung on the note before, straight after its nucleus
JOIN_OVER_CONSONANT_COST_S = 0.18
JOIN_OVER_SILENCE_COST_S = 0.4
MELISMA_COST_S = 0.06  # a note that starts inside a nucleus and goes on with its vowel
SHORTEST_S = 0.03  # of the pieces that a melisma cuts a vowel into
LOST_NOTE_COST_S = 0.4  # a note that starts where nothing is sung


@dataclass(frozen=True)
class Alignment:
    """`note_of_nucleus` is an index into the notes; `melismas` maps a note without a nucleus of
    its own to the nucleus that it lies on. `offset_s` is label time − score time, `misfit_s` the
    mean distance of matched onsets after taking it out, `lost` the notes on nothing."""

    note_of_nucleus: tuple[int, ...]
    melismas: dict[int, int]
    lost: tuple[int, ...]
    offset_s: float
    misfit_s: float


def align(segments: list[Segment], note_onsets_s: list[float]) -> Alignment:
    """Align the nuclei among `segments` with the notes, by dynamic programming on onset times.

    A constant offset between labels and score is found first. Each nucleus takes a note, or joins
    the note of the nucleus before it; each note takes a nucleus, or lies inside the one before it.
    """
    places = [i for i, segment in enumerate(segments) if segment.phone.nucleus]
    starts = np.array([segments[i].start_s for i in places])
    ends = np.array([segments[i].end_s for i in places])
    if not places or not len(note_onsets_s):
        raise TrainingError("labels or score hold nothing sung; label vowels, and write notes")
    onsets = np.asarray(note_onsets_s, dtype=np.float64)
    joins = _join_costs(segments, places)
    offset = coarse_offset(starts, onsets)
    for _ in range(3):
        path = _best_path(starts, ends, joins, onsets + offset)
        pairs = [(i, j) for i, j, step in path if step == "match"]
        offset = float(np.median([starts[i] - onsets[j] for i, j in pairs])) if pairs else offset
    misfits = [min(abs(starts[i] - onsets[j] - offset), MISFIT_S) for i, j in pairs]
    note_of = {i: j for i, j, step in path if step in ("match", "join")}
    return Alignment(
        note_of_nucleus=tuple(note_of[i] for i in range(len(places))),
        melismas={j: i for i, j, step in path if step == "melisma"},
        lost=tuple(j for _, j, step in path if step == "lost"),
        offset_s=offset,
        misfit_s=float(np.mean(misfits)) if misfits else MISFIT_S,
    )


def coarse_offset(starts_s: np.ndarray, onsets_s: np.ndarray, reach_s: float = 4.0) -> float:
    """The constant that puts most nuclei on a note, by counting; the smallest among equals."""
    differences = (starts_s[:, None] - onsets_s[None, :]).ravel()
    candidates = np.unique(np.round(differences[np.abs(differences) < reach_s], 2))
    if len(candidates) == 0:
        return 0.0
    ordered = np.concatenate([[-np.inf], np.sort(onsets_s), [np.inf]])
    unshifted = starts_s[None, :] - candidates[:, None]
    right = np.searchsorted(ordered, unshifted)
    nearest = np.minimum(ordered[right] - unshifted, unshifted - ordered[right - 1])
    costs = np.minimum(nearest, 0.1).mean(axis=1) + 1e-3 * np.abs(candidates)
    return float(candidates[int(np.argmin(costs))])


def _join_costs(segments: list[Segment], places: list[int]) -> list[float]:
    """What it costs each nucleus to share the note of the one before it."""
    costs = [np.inf]
    for before, here in pairwise(places):
        kinds = {segment.phone.kind for segment in segments[before + 1 : here]}
        if "silence" in kinds:
            costs.append(JOIN_OVER_SILENCE_COST_S)
        else:
            costs.append(JOIN_OVER_CONSONANT_COST_S if kinds else JOIN_COST_S)
    return costs


def _best_path(starts, ends, joins, onsets) -> list[tuple[int, int, str]]:
    """Steps (nucleus, note, kind) of least cost; kinds are match, join, melisma and lost.

    best[i, j]: cost of the first i nuclei on the first j notes.
    """
    n_nuclei, n_notes = len(starts), len(onsets)
    best = np.full((n_nuclei + 1, n_notes + 1), np.inf)
    best[0, 0] = 0.0
    back = {}
    for i in range(n_nuclei + 1):
        for j in range(n_notes + 1):
            steps = []
            if i and j:
                misfit = min(abs(starts[i - 1] - onsets[j - 1]), MISFIT_S)
                steps.append((best[i - 1, j - 1] + misfit, (i - 1, j - 1), "match"))
                steps.append((best[i - 1, j] + joins[i - 1], (i - 1, j), "join"))
            if i and j > 1 and starts[i - 1] < onsets[j - 1] < ends[i - 1]:
                steps.append((best[i, j - 1] + MELISMA_COST_S, (i, j - 1), "melisma"))
            if j:
                steps.append((best[i, j - 1] + LOST_NOTE_COST_S, (i, j - 1), "lost"))
            for cost, previous, kind in steps:
                if cost < best[i, j]:
                    best[i, j] = cost
                    back[i, j] = (previous, kind)
    path, here = [], (n_nuclei, n_notes)
    while here != (0, 0):
        previous, kind = back[here]
        path.append((here[0] - 1, here[1] - 1, kind))
        here = previous
    return path[::-1]


# --- notes onto phones ---------------------------------------------------------------------------


def assign(
    segments: list[Segment], fit: Alignment, onsets_s: list[float]
) -> tuple[list[Segment], list[int]]:
    """The note of each segment, −1 for silence; melismas cut their vowel where the note starts.

    Consonants belong to the note of the nucleus that follows; those with none before the next
    silence, to the note before.
    """
    pieces, owners = [], []
    nucleus = -1
    for segment in segments:
        owner = None
        if segment.phone.kind == "silence":
            owner = -1
        elif segment.phone.nucleus:
            nucleus += 1
            owner = fit.note_of_nucleus[nucleus]
            on_it = sorted(j for j, i in fit.melismas.items() if i == nucleus)
            for note in on_it:
                left, segment = _cut(segment, onsets_s[note] + fit.offset_s)
                if left is not None:
                    pieces.append(left)
                    owners.append(owner)
                owner = note
        pieces.append(segment)
        owners.append(owner)
    return pieces, _with_following(owners)


def _cut(segment: Segment, at_s: float) -> tuple[Segment | None, Segment]:
    """A vowel in two at a time, neither piece too short; no left piece if it is too short to cut."""
    if segment.end_s - segment.start_s < 2 * SHORTEST_S:
        return None, segment
    at_s = min(max(at_s, segment.start_s + SHORTEST_S), segment.end_s - SHORTEST_S)
    left = Segment(segment.phone, segment.start_s, at_s)
    return left, Segment(segment.phone, at_s, segment.end_s)


def _with_following(owners: list[int | None]) -> list[int]:
    """Fill each None from the right, or from the left where a silence or the end follows."""
    filled: list[int] = []
    for place, owner in enumerate(owners):
        if owner is None:
            owner = next((o for o in owners[place:] if o is not None), -1)
            if owner == -1:
                owner = filled[-1] if filled else -1
        filled.append(owner)
    return filled


def build_timeline(
    segments: list[Segment], owners: list[int], pitches: list[tuple[int, float]]
) -> Timeline:
    """A Timeline whose notes start where their first nucleus does, as it was sung.

    Parameters
    ----------
    segments : phones without gaps
    owners : for each segment the index of its note in `pitches`, −1 for silence
    pitches : (MIDI number, quarter notes per minute) of each note of the score; a note on which
        nothing is sung is dropped, one that goes on after a silence becomes two
    """
    spans: list[PhoneSpan] = []
    runs: list[tuple[int, list[Segment]]] = []  # note of the score, its segments
    broken = True
    for segment, owner in zip(segments, owners):
        if owner < 0:
            broken = True
        elif broken or runs[-1][0] != owner:
            runs.append((owner, []))
            broken = False
        if owner >= 0:
            runs[-1][1].append(segment)
        note = len(runs) - 1 if owner >= 0 else -1
        spans.append(PhoneSpan(segment.phone, segment.start_s, segment.end_s, note))
    onsets = [_onset(run) for _, run in runs]
    notes = []
    for k, (owner, run) in enumerate(runs):
        last_s = run[-1].end_s
        follows = k + 1 < len(runs) and runs[k + 1][1][0].start_s == last_s
        midi, bpm = pitches[owner]
        notes.append(TimedNote(onsets[k], onsets[k + 1] if follows else last_s, midi, bpm))
    return Timeline(tuple(spans), tuple(notes), segments[-1].end_s if segments else 0.0)


def _onset(run: list[Segment]) -> float:
    return next((s.start_s for s in run if s.phone.nucleus), run[0].start_s)
