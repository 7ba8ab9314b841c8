"""Tempo marks as engraved → one tempo map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from hsing.flow import Tempo, TempoMap

DEFAULT_BPM = 120.0


@dataclass(frozen=True)
class TempoMark:
    """At `onset_beats`: `quarter_bpm` quarter notes per minute, or the tempo before × `ratio`."""

    onset_beats: Fraction
    quarter_bpm: float | None = None
    ratio: Fraction = Fraction(1)


def tempo_map(marks: Iterable[TempoMark]) -> TempoMap:
    """Tempo map of marks in any order.

    Where several marks stand at one place the last given holds. The first mark holds from beat 0;
    without any absolute mark the music starts at 120 quarter notes per minute.
    """
    ordered = sorted(marks, key=lambda mark: mark.onset_beats)
    bpm = next((m.quarter_bpm for m in ordered if m.quarter_bpm is not None), DEFAULT_BPM)
    tempos = {Fraction(0): bpm}
    for mark in ordered:
        if mark.quarter_bpm is not None:
            bpm = mark.quarter_bpm
        else:
            bpm *= float(mark.ratio)
        tempos[mark.onset_beats] = bpm
    return TempoMap(_without_repeats(tempos))


def _without_repeats(tempos: dict[Fraction, float]) -> tuple[Tempo, ...]:
    kept: list[Tempo] = []
    for onset, bpm in tempos.items():
        if not kept or kept[-1].quarter_bpm != bpm:
            kept.append(Tempo(onset, bpm))
    return tuple(kept)
