"""Where in the audio a vowel starts, against where the score wants it.

Only vowels are measured whose start can be heard as an event: those after silence, a closure, an
unvoiced consonant or a voiced obstruent. A vowel that grows out of a nasal, glide, liquid or
another vowel has no such instant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from hsing.audio.spectra import stft
from hsing.evaluation.pitch import at_rate
from hsing.flow import Audio, Timeline

_RATE, _HOP, _N_FFT = 16_000, 32, 256  # frames of 2 ms, windows of 16 ms
_FRAME_S = _HOP / _RATE
_REACH_S = 0.15
_SIDE_S = 0.04  # levels before and after a candidate are means over this
_LEAST_RISE_DB = 6.0
_BELOW_VOWEL_DB = 9.0
_OBSTRUENTS = ("stop", "fricative", "affricate", "closure", "silence", "breath")
# Voicing lies in the low band; a voice bar, which sounds before the vowel, lies below the high one.
_BAND_HZ = {"unvoiced": (100.0, 1000.0), "voiced": (400.0, 3000.0)}


@dataclass(frozen=True)
class OnsetErrors:
    """errors_ms : float [shape=(n_found,)], measured less written; positive is late.

    n_notes counts the notes that qualify, n_missing those of them without a rise of 6 dB.
    """

    errors_ms: np.ndarray
    n_notes: int
    n_missing: int

    @property
    def median_abs_ms(self) -> float:
        """Median of |error| in ms; NaN if nothing was found."""
        return float(np.median(np.abs(self.errors_ms))) if len(self.errors_ms) else float("nan")

    @property
    def p95_abs_ms(self) -> float:
        """95th percentile of |error| in ms; NaN if nothing was found."""
        found = len(self.errors_ms)
        return float(np.percentile(np.abs(self.errors_ms), 95)) if found else float("nan")

    @property
    def median_ms(self) -> float:
        """Median signed error in ms: below 0, the singer is early."""
        return float(np.median(self.errors_ms)) if len(self.errors_ms) else float("nan")


def onset_errors_ms(audio: Audio, timeline: Timeline) -> OnsetErrors:
    """Vowel onsets heard in the audio less those of the timeline, in ms.

    The level in dB of a band (100–1000 Hz after what is unvoiced, 400–3000 Hz after a voiced
    obstruent) is searched within 150 ms of the written onset, and no further than half-way to the
    vowels before and after, for its greatest rise from the mean of the 40 ms before to that of the
    40 ms after. The onset is where it crosses the middle of the two, or 9 dB below the latter if
    that is higher. No rise of 6 dB: missing.
    """
    levels = _band_levels(audio)
    starts = _vowel_starts(timeline)
    found, n_notes = [], 0
    for (before_s, _, _), (at_s, end_s, kind), (after_s, _, _) in zip(
        starts, starts[1:], starts[2:]
    ):
        if kind is None:
            continue
        n_notes += 1
        low_s = max(at_s - _REACH_S, (at_s + before_s) / 2)
        high_s = min(at_s + _REACH_S, (at_s + after_s) / 2, end_s)
        rise_s = _greatest_rise(levels[kind], low_s, high_s)
        if rise_s is not None:
            found.append(1000.0 * (rise_s - at_s))
    return OnsetErrors(np.array(found), n_notes, n_notes - len(found))


def _vowel_starts(timeline: Timeline) -> list[tuple[float, float, str | None]]:
    """(start, end, kind) of each vowel that begins; kind names the band, None if not measured.

    A first and a last entry lie beyond the ends.
    """
    starts: list[tuple[float, float, str | None]] = [(-1.0, -1.0, None)]
    previous = None
    for span in timeline.phones:
        if span.phone.kind == "vowel" and (previous is None or previous.kind != "vowel"):
            starts.append((span.start_s, span.end_s, _kind(previous)))
        previous = span.phone
    return [*starts, (timeline.length_s + 1.0, timeline.length_s + 1.0, None)]


def _kind(previous) -> str | None:
    if previous is None or previous.manner not in _OBSTRUENTS:
        return None if previous else "unvoiced"
    return "voiced" if previous.voiced else "unvoiced"


def _band_levels(audio: Audio) -> dict[str, np.ndarray]:
    """Level in dB of each band, a frame every 2 ms, not below 60 dB under the loudest."""
    samples = torch.from_numpy(at_rate(audio, _RATE).samples)[None]
    power = stft(samples, _N_FFT, _HOP)[0].abs().square().numpy()
    bins_hz = np.arange(_N_FFT // 2 + 1) * _RATE / _N_FFT
    levels = {}
    for kind, (low_hz, high_hz) in _BAND_HZ.items():
        band = power[(bins_hz >= low_hz) & (bins_hz <= high_hz)].sum(axis=0)
        level_db = 10.0 * np.log10(np.maximum(band, 1e-12))
        levels[kind] = np.maximum(level_db, level_db.max() - 60.0)
    return levels


def _greatest_rise(level_db: np.ndarray, low_s: float, high_s: float) -> float | None:
    """Time in seconds within low_s…high_s at which the level rises most; None if by < 6 dB."""
    side = int(_SIDE_S / _FRAME_S)
    padded = np.pad(level_db, side, mode="edge")
    total = np.concatenate(([0.0], np.cumsum(padded)))
    before = (total[side : -side - 1] - total[: -2 * side - 1]) / side
    after = (total[2 * side + 1 :] - total[side + 1 : -side]) / side
    frames = np.arange(max(0, int(low_s / _FRAME_S)), min(len(level_db), int(high_s / _FRAME_S)))
    if len(frames) == 0:
        return None
    rise = (after - before)[frames]
    best = frames[np.argmax(rise)]
    if rise.max() < _LEAST_RISE_DB:
        return None
    # The window smears a step in dB to the left: a low crossing would come early.
    threshold = max((before[best] + after[best]) / 2, after[best] - _BELOW_VOWEL_DB)
    near = level_db[max(0, best - side) : best + side + 1]
    crossings = np.flatnonzero((near[:-1] < threshold) & (near[1:] >= threshold))
    if len(crossings) == 0:
        return best * _FRAME_S
    nearest = crossings[np.argmin(np.abs(crossings - min(best, side)))]
    fraction = (threshold - near[nearest]) / (near[nearest + 1] - near[nearest])
    return (max(0, best - side) + nearest + fraction) * _FRAME_S
