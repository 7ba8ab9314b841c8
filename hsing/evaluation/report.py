"""All figures of one evaluation in one record: as JSON, as rows of a table, and as pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from hsing.errors import InputError
from hsing.evaluation.metrics import (
    RANGE_HZ,
    WIDE_RANGE_HZ,
    NoteAccuracy,
    OnsetErrors,
    OutputChecks,
    log_mel_l1,
    log_mel_mae,
    mel_cepstral_distortion,
    multi_resolution_stft_distance,
    note_accuracy,
    onset_errors_ms,
    output_checks,
    periodicity_rmse,
    pitch_error_cents,
    si_sdr_db,
    track_pitch,
    trimmed,
    voiced_share,
    vuv_f1,
)
from hsing.files import make_folder
from hsing.flow import Audio, Timeline


@dataclass(frozen=True)
class Sample:
    """One output, and what it is held against; `tail_s`: see `output_checks`."""

    name: str
    output: Audio
    reference: Audio | None = None
    timeline: Timeline | None = None
    tail_s: float = 0.0


@dataclass(frozen=True)
class RecordingFigures:
    """Against recordings; pitch figures twice, for 50–550 Hz as published and for 50–1100 Hz.

    None where there was nothing to measure. Pitch, periodicity and voicing are pooled over frames,
    the others are means over files.
    """

    n_files: int
    pitch_error_cents_550hz: float | None
    periodicity_rmse_550hz: float | None
    vuv_f1_550hz: float | None
    pitch_error_cents_1100hz: float | None
    periodicity_rmse_1100hz: float | None
    vuv_f1_1100hz: float | None
    log_mel_mae: float | None
    log_mel_l1: float | None
    mel_cepstral_distortion_db: float | None
    stft_distance: float | None
    si_sdr_db: float | None


@dataclass(frozen=True)
class ScoreFigures:
    """Against scores, pooled over notes. None where there was nothing to measure."""

    n_files: int
    n_notes: int
    n_unvoiced_notes: int
    share_within_50_cents: float | None
    share_within_25_cents: float | None
    median_abs_deviation_cents: float | None
    n_onsets: int
    n_onsets_missing: int
    onset_median_abs_ms: float | None
    onset_p95_abs_ms: float | None
    onset_median_ms: float | None
    voiced_share: float | None


@dataclass(frozen=True)
class Report:
    """What `hsing evaluate` found. `checks` maps each output's name to its checks."""

    tracker: str
    checks: dict[str, OutputChecks]
    recording: RecordingFigures | None = None
    score: ScoreFigures | None = None

    def to_json(self) -> str:
        """Indented JSON; what could not be measured is null."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: str) -> Report:
        """The report that `to_json` wrote. Raises InputError for anything else."""
        try:
            facts = json.loads(text)
            recording, score = facts["recording"], facts["score"]
            return Report(
                facts["tracker"],
                {name: OutputChecks(**checks) for name, checks in facts["checks"].items()},
                RecordingFigures(**recording) if recording is not None else None,
                ScoreFigures(**score) if score is not None else None,
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"not a report of `hsing evaluate` ({error})") from None

    def rows(self) -> list[tuple[str, str, str]]:
        """(section, measure, value) for a table, in the order of the record."""
        found = []
        for name, checks in self.checks.items():
            found += _rows(name, checks)
        if self.recording is not None:
            found += _rows(f"against the recording ({self.tracker})", self.recording)
        if self.score is not None:
            found += _rows(f"against the score ({self.tracker})", self.score)
        return found


def make_report(samples: Sequence[Sample], tracker: str = "swift-f0") -> Report:
    """Measure every sample against what it has; figures are pooled over samples.

    Raises InputError for an unknown tracker, AudioError if an output and its reference differ in
    length by more than 0.1 s.
    """
    recorded = [trimmed(s.reference, s.output, s.name) for s in samples if s.reference is not None]
    scored = [(s.output, s.timeline) for s in samples if s.timeline is not None]
    return Report(
        tracker,
        {s.name: output_checks(s.output, s.timeline, tail_s=s.tail_s) for s in samples},
        _against_recordings(recorded, tracker) if recorded else None,
        _against_scores(scored, tracker) if scored else None,
    )


def save_pictures(
    samples: Sequence[Sample], folder: str | Path, tracker: str = "swift-f0", force: bool = True
) -> list[Path]:
    """Write NAME-spectrogram.png and NAME-pitch.png of each sample into a folder, made if missing.

    Returns the paths. Raises InputError if one exists and `force` is false.
    """
    from hsing.evaluation.pictures import save_pitch_curves, save_spectrograms

    folder = make_folder(folder)
    written = []
    for sample in samples:
        sounds = _sounds(sample)
        rate = sample.output.sample_rate
        path = folder / f"{sample.name}-spectrogram.png"
        save_spectrograms(path, [(title, audio.samples) for title, audio in sounds], rate, force)
        tracks = [(title, track_pitch(audio, tracker)) for title, audio in sounds]
        curves = [(title, track.voiced_f0_hz, track.seconds) for title, track in tracks]
        timeline = sample.timeline
        notes = list(timeline.notes) if timeline else []
        written += [path, folder / f"{sample.name}-pitch.png"]
        save_pitch_curves(written[-1], notes, curves, _words(timeline), force)
    return written


def _sounds(sample: Sample) -> list[tuple[str, Audio]]:
    """The reference, if there is one, and the output, at one rate."""
    if sample.reference is None:
        return [(sample.name, sample.output)]
    reference, output = trimmed(sample.reference, sample.output, sample.name)
    return [("reference", reference), (sample.name, output)]


def _words(timeline: Timeline | None) -> list[tuple[float, str]]:
    """Phones that are sung, where they start."""
    phones = timeline.phones if timeline else ()
    return [(span.start_s, span.phone.symbol) for span in phones if span.phone.kind != "silence"]


def _against_recordings(pairs: list[tuple[Audio, Audio]], tracker: str) -> RecordingFigures:
    pitch_figures = []
    for range_hz in (RANGE_HZ, WIDE_RANGE_HZ):
        tracks = [tuple(track_pitch(audio, tracker, range_hz) for audio in pair) for pair in pairs]
        for measure in (pitch_error_cents, periodicity_rmse, vuv_f1):
            pitch_figures.append(_known(measure(tracks)))
    sound_measures = (
        log_mel_mae,
        log_mel_l1,
        mel_cepstral_distortion,
        multi_resolution_stft_distance,
        si_sdr_db,
    )
    means = [_mean([measure(*pair) for pair in pairs]) for measure in sound_measures]
    return RecordingFigures(len(pairs), *pitch_figures, *means)


def _against_scores(scored: list[tuple[Audio, Timeline]], tracker: str) -> ScoreFigures:
    deviations, onsets, shares = [], [], []
    for audio, timeline in scored:
        track = track_pitch(audio, tracker)
        found = note_accuracy(track.voiced_f0_hz, track.seconds, timeline.notes)
        deviations.append(found.deviation_cents)
        onsets.append(onset_errors_ms(audio, timeline))
        shares.append(voiced_share(track.voiced, track.seconds, timeline))
    notes = NoteAccuracy(np.concatenate(deviations))
    onset = OnsetErrors(
        np.concatenate([o.errors_ms for o in onsets]),
        sum(o.n_notes for o in onsets),
        sum(o.n_missing for o in onsets),
    )
    return ScoreFigures(
        n_files=len(scored),
        n_notes=notes.n_notes,
        n_unvoiced_notes=notes.n_unvoiced,
        share_within_50_cents=_known(notes.share_within(50.0)),
        share_within_25_cents=_known(notes.share_within(25.0)),
        median_abs_deviation_cents=_known(notes.median_abs_cents),
        n_onsets=onset.n_notes,
        n_onsets_missing=onset.n_missing,
        onset_median_abs_ms=_known(onset.median_abs_ms),
        onset_p95_abs_ms=_known(onset.p95_abs_ms),
        onset_median_ms=_known(onset.median_ms),
        voiced_share=_mean(shares),
    )


def _mean(values: list[float]) -> float | None:
    """Mean of what could be measured, None if nothing could."""
    measured = [value for value in values if math.isfinite(value)]
    return float(np.mean(measured)) if measured else None


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _rows(section: str, record) -> list[tuple[str, str, str]]:
    values = ((field.name, getattr(record, field.name)) for field in fields(record))
    return [(section, name, _shown(value)) for name, value in values if value is not None]


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
