"""Which note each labelled nucleus is sung on: a monotonic alignment of labels and score."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hsing.errors import TrainingError
from hsing.training.htslabels import Segment

MISFIT_S = 0.5  # a pair further apart than this costs no more
JOIN_COST_S = 0.06  # a nucleus sung on the note before, straight after its nucleus
JOIN_OVER_CONSONANT_COST_S = 0.18
JOIN_OVER_SILENCE_COST_S = 0.4
MELISMA_COST_S = 0.06  # a note that starts inside a nucleus and goes on with its vowel
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
    shifted = np.sort(onsets_s)[None, :, None] + candidates[:, None, None]
    nearest = np.abs(shifted - starts_s[None, None, :]).min(axis=1)
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
