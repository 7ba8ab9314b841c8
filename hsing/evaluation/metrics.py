"""The door to the measures: singing against the score, checks of an output, and the codec table.

Singing against a recording is measured in `pitch` and `spectral`, onsets in `onsets`; all public
names are found here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hsing.errors import AudioError
from hsing.evaluation.onsets import OnsetErrors, onset_errors_ms
from hsing.evaluation.pitch import (
    RANGE_HZ,
    TRACKERS,
    WIDE_RANGE_HZ,
    PitchTrack,
    at_rate,
    periodicity_rmse,
    pitch_error_cents,
    track_pitch,
    trimmed,
    vuv_f1,
)
from hsing.evaluation.spectral import (
    log_mel_l1,
    log_mel_mae,
    mel_cepstral_distortion,
    multi_resolution_stft_distance,
    si_sdr_db,
)
from hsing.evaluation.yin import yin_f0
from hsing.flow import Audio, TimedNote, Timeline
from hsing.units import Clock, cents, gain_to_db, midi_to_hz

__all__ = [
    "RANGE_HZ",
    "TRACKERS",
    "WIDE_RANGE_HZ",
    "CodecRow",
    "NoteAccuracy",
    "OnsetErrors",
    "OutputChecks",
    "PitchTrack",
    "at_rate",
    "codec_rows",
    "log_mel_l1",
    "log_mel_mae",
    "mel_cepstral_distortion",
    "multi_resolution_stft_distance",
    "note_accuracy",
    "onset_errors_ms",
    "output_checks",
    "periodicity_rmse",
    "pitch_error_cents",
    "si_sdr_db",
    "track_pitch",
    "trimmed",
    "voiced_share",
    "vuv_f1",
    "yin_f0",
]

_LENGTH_CLOCK = Clock(44_100, 512)  # the frames that length errors are counted in
_SUSTAINED_MARGIN_S = 0.06
_REST_MARGIN_S = 0.1  # the last vowel rings, the next consonant begins
_LEVEL_FRAME_S = 0.01
_LOUD_REST_DBFS = -40.0
_BREATH_DBFS, _BREATH_S, _BREATH_PERIODICITY = -25.0, 0.08, 0.5
_FULL_SCALE = 32_767 / 32_768


@dataclass(frozen=True)
class NoteAccuracy:
    """deviation_cents : float [shape=(n_notes,)], median sung pitch less the note; NaN where the
    note's middle is unvoiced. Those count as misses in both shares."""

    deviation_cents: np.ndarray

    @property
    def n_notes(self) -> int:
        return len(self.deviation_cents)

    @property
    def n_unvoiced(self) -> int:
        """Notes without one voiced frame in the middle 60 %."""
        return int(np.isnan(self.deviation_cents).sum())

    @property
    def median_abs_cents(self) -> float:
        """Median |deviation| of the voiced notes in cents; NaN if there is none."""
        voiced = self.deviation_cents[~np.isnan(self.deviation_cents)]
        return float(np.median(np.abs(voiced))) if len(voiced) else float("nan")

    def share_within(self, limit_cents: float) -> float:
        """Share of all notes, 0…1, that lie within ± limit_cents; NaN if there are no notes."""
        hits = np.abs(self.deviation_cents) <= limit_cents  # NaN compares false
        return float(hits.mean()) if self.n_notes else float("nan")


def note_accuracy(
    f0_hz: np.ndarray, seconds: np.ndarray, notes: Sequence[TimedNote]
) -> NoteAccuracy:
    """Deviation of the median sung pitch over the middle 60 % of each note.

    f0_hz : [shape=(n_frames,)], Hz, 0 where unvoiced
    seconds : [shape=(n_frames,)], times of the frames
    """
    deviations = []
    for note in notes:
        margin_s = 0.2 * (note.end_s - note.onset_s)
        inside = (seconds >= note.onset_s + margin_s) & (seconds <= note.end_s - margin_s)
        sung_hz = f0_hz[inside & (f0_hz > 0)]
        deviations.append(
            float(cents(np.median(sung_hz), midi_to_hz(note.midi))) if len(sung_hz) else np.nan
        )
    return NoteAccuracy(np.array(deviations, dtype=np.float64))


def voiced_share(voiced: np.ndarray, seconds: np.ndarray, timeline: Timeline) -> float:
    """Share of voiced frames in sustained vowels, 0…1; NaN if no vowel is long enough.

    Sustained: vowels that follow each other are one; 60 ms at each end are left out.

    voiced : bool [shape=(n_frames,)]
    seconds : [shape=(n_frames,)]
    """
    inside = np.zeros(len(voiced), dtype=bool)
    for start_s, end_s in _runs(timeline, lambda phone: phone.kind == "vowel"):
        first, last = start_s + _SUSTAINED_MARGIN_S, end_s - _SUSTAINED_MARGIN_S
        inside |= (seconds >= first) & (seconds <= last)
    return float(voiced[inside].mean()) if inside.any() else float("nan")


# --- checks of an output -------------------------------------------------------------------------


@dataclass(frozen=True)
class OutputChecks:
    """What needs no reference; the last three need a timeline and are None without.

    n_clipped : samples at full scale
    length_error_frames : frames of 512 samples at 44.1 kHz; positive is too long
    rest_level_dbfs : RMS over the rests, breaths left out
    n_noise_bursts : see `output_checks`
    """

    seconds: float
    peak_dbfs: float
    n_clipped: int
    length_error_frames: int | None = None
    rest_level_dbfs: float | None = None
    n_noise_bursts: int | None = None


def output_checks(
    audio: Audio, timeline: Timeline | None = None, *, tail_s: float = 0.0
) -> OutputChecks:
    """Peak, clipping, length, and what is heard in rests.

    `tail_s` is how much longer than the timeline the audio is meant to be.

    Rests are the silences of the timeline, written breaths and 0.1 s at each end left out. A noise
    burst is a run of 10 ms frames of a rest above −40 dBFS that is no breath; a breath lasts 80 ms
    or more, never exceeds −25 dBFS, and has a median periodicity (YIN) below 0.5.
    """
    magnitude = np.abs(audio.samples)
    peak_dbfs = float(gain_to_db(magnitude.max(initial=0.0)))
    n_clipped = int((magnitude >= _FULL_SCALE).sum())
    if timeline is None:
        return OutputChecks(audio.seconds, peak_dbfs, n_clipped)
    due = _LENGTH_CLOCK.frames(timeline.length_s + tail_s)
    excess = _LENGTH_CLOCK.frames(audio.seconds) - due
    rest_level_dbfs, n_bursts = _rests(audio, timeline)
    return OutputChecks(audio.seconds, peak_dbfs, n_clipped, excess, rest_level_dbfs, n_bursts)


def _rests(audio: Audio, timeline: Timeline) -> tuple[float | None, int]:
    """(level in dBFS, None if there is no rest; number of noise bursts)."""
    clock = Clock(audio.sample_rate, int(_LEVEL_FRAME_S * audio.sample_rate))
    n_frames = len(audio.samples) // clock.hop
    power = (audio.samples[: n_frames * clock.hop].astype(np.float64) ** 2).reshape(n_frames, -1)
    power = power.mean(axis=1)
    resting = np.zeros(n_frames, dtype=bool)
    for start_s, end_s in _runs(timeline, lambda phone: phone.symbol == "pau"):
        # the score begins and ends in silence that nothing rings into
        first_s = start_s + (_REST_MARGIN_S if start_s > 0 else 0.0)
        last_s = end_s - (_REST_MARGIN_S if end_s < timeline.length_s else 0.0)
        resting[clock.frames(first_s) : max(0, clock.frames(last_s))] = True
    if not resting.any():
        return None, 0
    level_db = 10.0 * np.log10(np.maximum(power, 1e-20))
    loud = resting & (level_db > _LOUD_REST_DBFS)
    periodicity = yin_f0(audio, clock)[1] if loud.any() else np.zeros(n_frames)
    edges = np.flatnonzero(np.diff(loud.astype(np.int8), prepend=0, append=0))
    bursts = sum(
        not _is_breath(level_db[a:b], periodicity[a:b]) for a, b in zip(edges[::2], edges[1::2])
    )
    return float(10.0 * np.log10(max(power[resting].mean(), 1e-20))), bursts


def _is_breath(level_db: np.ndarray, periodicity: np.ndarray) -> bool:
    return bool(
        len(level_db) * _LEVEL_FRAME_S >= _BREATH_S
        and level_db.max() <= _BREATH_DBFS
        and np.median(periodicity) < _BREATH_PERIODICITY
    )


def _runs(timeline: Timeline, wanted) -> list[tuple[float, float]]:
    """(start, end) in seconds of each stretch of phones for which `wanted` is true."""
    runs: list[tuple[float, float]] = []
    open_run = False
    for span in timeline.phones:
        if wanted(span.phone) and open_run:
            runs[-1] = (runs[-1][0], span.end_s)
        elif wanted(span.phone):
            runs.append((span.start_s, span.end_s))
        open_run = wanted(span.phone)
    return runs


# --- the codec table -----------------------------------------------------------------------------


@dataclass(frozen=True)
class CodecRow:
    """One line of the codec table: means over files, the pitch error pooled over frames."""

    n_quantisers: int
    kbit_per_s: float
    log_mel_l1: float
    stft_distance: float
    si_sdr_db: float
    pitch_error_cents: float
    vuv_f1: float
    n_files: int


def codec_rows(
    originals: Sequence[Audio],
    copies_by_books: Mapping[int, Sequence[Audio]],
    *,
    kbit_per_s_per_book: float = float("nan"),
    tracker: str = "swift-f0",
) -> list[CodecRow]:
    """One row for each number of quantisers, in rising order.

    originals : recordings
    copies_by_books : for each number of quantisers the copies of all originals, in their order
    kbit_per_s_per_book : frames per second × log₂(entries) / 1000

    Raises
    ------
    AudioError : not as many copies as originals, or lengths that differ by more than 0.1 s
    """
    references = [track_pitch(audio, tracker) for audio in originals]
    rows = []
    for books, copies in sorted(copies_by_books.items()):
        if len(copies) != len(originals):
            raise AudioError(
                f"{len(originals)} originals but {len(copies)} copies with {books} quantisers; "
                "give one copy of each"
            )
        pairs = [trimmed(a, b) for a, b in zip(originals, copies)]
        outputs = [track_pitch(copy, tracker) for _, copy in pairs]
        tracks = [(ref.cut(len(out.f0_hz)), out) for ref, out in zip(references, outputs)]
        rows.append(
            CodecRow(
                books,
                books * kbit_per_s_per_book,
                _mean(log_mel_l1, pairs),
                _mean(multi_resolution_stft_distance, pairs),
                _mean(si_sdr_db, pairs),
                pitch_error_cents(tracks),
                vuv_f1(tracks),
                len(pairs),
            )
        )
    return rows


def _mean(measure, pairs: list[tuple[Audio, Audio]]) -> float:
    return float(np.mean([measure(a, b) for a, b in pairs]))
