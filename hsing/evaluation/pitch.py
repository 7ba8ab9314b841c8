"""Singing against a recording, by pitch: error in cents, periodicity and voicing.

The definitions are those of CARGAN (Morrison et al., ICLR 2022, section 4.3), with another
tracker: 16 kHz, a hop of ⌊256·16000/22050⌋ samples, periodicity 0 where the A-weighted level is
below −60 dB, voicing by hysteresis for reference and output apart, root mean squares pooled over
files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hsing.audio.f0 import track_f0
from hsing.audio.loudness import loudness_db
from hsing.audio.resample import resample
from hsing.errors import AudioError, InputError
from hsing.evaluation.yin import yin_f0
from hsing.flow import Audio
from hsing.units import Clock

CLOCK = Clock(16_000, 256 * 16_000 // 22_050)
RANGE_HZ = (50.0, 550.0)
WIDE_RANGE_HZ = (50.0, 1100.0)
_SILENT_DB = -60.0
_LONGEST_TRIM_S = 0.1
# tracker: (function, periodicity that a voiced run must keep, and that it must reach)
_TRACKERS = {"swift-f0": (track_f0, 0.5, 0.8), "yin": (yin_f0, 0.5, 0.8)}
TRACKERS = tuple(_TRACKERS)


@dataclass(frozen=True)
class PitchTrack:
    """Frames of `CLOCK`, all [shape=(n_frames,)].

    f0_hz : float, meaningful where voiced
    periodicity : float, 0…1
    voiced : bool
    """

    f0_hz: np.ndarray
    periodicity: np.ndarray
    voiced: np.ndarray
    tracker: str

    @property
    def seconds(self) -> np.ndarray:
        """Times of the frames in seconds."""
        return CLOCK.seconds(np.arange(len(self.f0_hz)))

    @property
    def voiced_f0_hz(self) -> np.ndarray:
        """Pitch in Hz, 0 where unvoiced."""
        return np.where(self.voiced, self.f0_hz, 0.0)

    def cut(self, n_frames: int) -> PitchTrack:
        """The first n_frames."""
        f0_hz, periodicity = self.f0_hz[:n_frames], self.periodicity[:n_frames]
        return PitchTrack(f0_hz, periodicity, self.voiced[:n_frames], self.tracker)


Pair = tuple[PitchTrack, PitchTrack]  # reference, output


def track_pitch(
    audio: Audio, tracker: str = "swift-f0", range_hz: tuple[float, float] = WIDE_RANGE_HZ
) -> PitchTrack:
    """Pitch, periodicity and voicing at 16 kHz. Raises InputError for an unknown tracker."""
    if tracker not in _TRACKERS:
        raise InputError(f"'{tracker}' is not a pitch tracker; choose one of {', '.join(TRACKERS)}")
    function, keep, reach = _TRACKERS[tracker]
    audio = at_rate(audio, CLOCK.sample_rate)
    f0_hz, periodicity = function(audio, CLOCK, low_hz=range_hz[0], high_hz=range_hz[1])
    level_db = loudness_db(audio, CLOCK, n_fft=1024)
    periodicity = np.where(level_db < _SILENT_DB, 0.0, periodicity)
    voiced = hysteresis(periodicity, keep, reach) & (f0_hz > 0)
    return PitchTrack(f0_hz, periodicity, voiced, tracker)


def hysteresis(values: np.ndarray, keep: float, reach: float) -> np.ndarray:
    """True in runs of values ≥ `keep` that somewhere reach `reach`: [n] → bool [n]."""
    above = values >= keep
    run = np.cumsum(np.diff(above, prepend=False)) * above  # odd numbers name the runs
    return above & np.isin(run, run[values >= reach])


def at_rate(audio: Audio, sample_rate: int) -> Audio:
    """The same sound at another rate in Hz."""
    return Audio(resample(audio.samples, audio.sample_rate, sample_rate), sample_rate)


def trimmed(reference: Audio, output: Audio, name: str = "output") -> tuple[Audio, Audio]:
    """Both cut to the shorter one's length; `reference` resampled to the output's rate if need be.

    Raises AudioError if they differ by more than 0.1 s: nothing here warps time.
    """
    excess_s = output.seconds - reference.seconds
    if abs(excess_s) > _LONGEST_TRIM_S:
        raise AudioError(
            f"{name}: lasts {output.seconds:.2f} s and its reference {reference.seconds:.2f} s; "
            f"compare recordings whose lengths differ by {_LONGEST_TRIM_S:g} s at most"
        )
    reference = at_rate(reference, output.sample_rate)
    n = min(len(reference.samples), len(output.samples))
    rate = output.sample_rate
    return Audio(reference.samples[:n], rate), Audio(output.samples[:n], rate)


def pitch_error_cents(pairs: Sequence[Pair]) -> float:
    """√ mean (1200·Δlog₂ f)² over the frames voiced in both; NaN if there is none."""
    squares = []
    for reference, output in map(_same_length, pairs):
        both = reference.voiced & output.voiced
        ratio = output.f0_hz[both].astype(np.float64) / reference.f0_hz[both]
        squares.append((1200.0 * np.log2(ratio)) ** 2)
    return _root_mean(squares)


def periodicity_rmse(pairs: Sequence[Pair]) -> float:
    """Root mean square difference of periodicity over all frames."""
    pairs = [_same_length(pair) for pair in pairs]
    return _root_mean([(output.periodicity - ref.periodicity) ** 2 for ref, output in pairs])


def vuv_f1(pairs: Sequence[Pair]) -> float:
    """Harmonic mean of precision and recall of voiced frames; NaN if none is voiced in either."""
    both = total = 0
    for reference, output in map(_same_length, pairs):
        both += int((reference.voiced & output.voiced).sum())
        total += int(reference.voiced.sum() + output.voiced.sum())
    return 2.0 * both / total if total else float("nan")


def _same_length(pair: Pair) -> Pair:
    """Both tracks cut by a frame at most. Raises AudioError if that does not make them equal."""
    lengths = [len(track.f0_hz) for track in pair]
    if abs(lengths[0] - lengths[1]) > 1:
        raise AudioError(
            f"a reference of {lengths[0]} frames and an output of {lengths[1]} cannot be compared; "
            "give both the same length"
        )
    n = min(lengths)
    return pair[0].cut(n), pair[1].cut(n)


def _root_mean(squares: list[np.ndarray]) -> float:
    pooled = np.concatenate(squares) if squares else np.empty(0)
    return float(np.sqrt(pooled.mean())) if len(pooled) else float("nan")
