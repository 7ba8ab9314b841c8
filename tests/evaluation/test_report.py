"""The report: planted faults show in its figures, and it survives JSON."""

import json

import numpy as np
import pytest

from hsing.errors import AudioError, InputError
from hsing.evaluation.report import Report, Sample, make_report, save_pictures
from hsing.flow import Audio, PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import phone
from hsing.units import midi_to_hz

RATE = 24_000
LINE = Timeline(
    (
        PhoneSpan(phone("pau"), 0.0, 0.5, -1),
        PhoneSpan(phone("a"), 0.5, 1.5, 0),
        PhoneSpan(phone("i"), 1.5, 2.5, 1),
        PhoneSpan(phone("pau"), 2.5, 3.0, -1),
    ),
    (TimedNote(0.5, 1.5, 57, 120.0), TimedNote(1.5, 2.5, 60, 120.0)),
    3.0,
)


def sung(detune_cents=0.0, late_s=0.0):
    time_s = np.arange(3 * RATE) / RATE
    f_hz = np.where(time_s < 1.5 + late_s, midi_to_hz(57), midi_to_hz(60))
    phase = 2 * np.pi * np.cumsum(f_hz * 2 ** (detune_cents / 1200)) / RATE
    samples = sum(np.sin(h * phase) / h for h in range(1, 11)) * 0.2
    on = (time_s > 0.5 + late_s) & (time_s < 2.5 + late_s)
    return Audio((samples * on).astype(np.float32), RATE)


def test_planted_faults_are_measured_and_survive_json():
    samples = [
        Sample("a", sung(30.0, 0.04), sung(), LINE),
        Sample("b", sung(30.0, 0.04), None, LINE),
    ]
    report = make_report(samples, "yin")
    assert report.recording.n_files == 1
    assert report.score.n_files == 2
    assert report.score.n_notes == 4
    assert report.score.share_within_50_cents == 1.0
    assert report.score.share_within_25_cents == 0.0
    assert report.score.median_abs_deviation_cents == pytest.approx(30.0, abs=1.0)
    assert report.score.onset_median_ms == pytest.approx(40.0, abs=8.0)
    assert report.score.n_onsets == 2  # the second vowel grows out of the first
    assert report.checks["a"].length_error_frames == 0
    assert Report.from_json(report.to_json()) == report


def test_what_cannot_be_measured_is_null():
    silent = Audio(np.zeros(3 * RATE, np.float32), RATE)
    report = make_report([Sample("silent", silent, silent, LINE)], "yin")
    facts = json.loads(report.to_json())
    assert facts["recording"]["pitch_error_cents_550hz"] is None
    assert facts["recording"]["si_sdr_db"] is None
    assert facts["score"]["n_unvoiced_notes"] == 2
    assert facts["score"]["onset_median_abs_ms"] is None
    assert Report.from_json(report.to_json()) == report


def test_rows_name_section_measure_and_tracker():
    report = make_report([Sample("a", sung(), sung(), LINE)], "yin")
    rows = report.rows()
    assert ("a", "n_clipped", "0") in rows
    assert ("against the recording (yin)", "pitch_error_cents_1100hz", "0.000") in rows
    assert ("against the score (yin)", "share_within_50_cents", "1.000") in rows
    plain = make_report([Sample("a", sung())]).rows()
    assert {section for section, _, _ in plain} == {"a"}
    assert "n_noise_bursts" not in {measure for _, measure, _ in plain}


def test_pictures_of_every_sample(tmp_path):
    written = save_pictures([Sample("a", sung(), sung(), LINE)], tmp_path / "new", "yin")
    assert [path.name for path in written] == ["a-spectrogram.png", "a-pitch.png"]
    assert all(path.stat().st_size > 5_000 for path in written)
    with pytest.raises(InputError, match="exists; give --force"):
        save_pictures([Sample("a", sung())], tmp_path / "new", "yin", force=False)


def test_refusals():
    short = Audio(sung().samples[: 2 * RATE], RATE)
    with pytest.raises(AudioError, match=r"a: lasts 3\.00 s and its reference 2\.00 s"):
        make_report([Sample("a", sung(), short)])
    with pytest.raises(InputError, match="not a report"):
        Report.from_json("[1, 2]")
