"""The shipped voices sing every example as it is written, by a tracker that had no part in them."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from hsing.evaluation.metrics import note_accuracy, onset_errors_ms, output_checks, track_pitch
from hsing.pipelines.synth import TAIL_S, SynthOptions, read_sung, synth
from hsing.pipelines.voice import load_voice

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SONGS = sorted(p for p in EXAMPLES.iterdir() if p.suffix in (".musicxml", ".mid"))
TRACKER = "yin"


@pytest.fixture(scope="module")
def pjs():
    return load_voice("pjs")


@pytest.fixture(scope="module")
def nit070():
    return load_voice("nit070")


def sung(path, voice, **options):
    if path.stem == "haru_ga_kita" and find_spec("pyopenjtalk") is None:
        pytest.skip("kanji need pyopenjtalk: pip install 'hsing[ja]'")
    options = SynthOptions(**options)
    score = read_sung(path, options)
    return score, synth(score, voice, options)


def check_take(score, take):
    track = track_pitch(take.audio, TRACKER)
    notes = note_accuracy(track.voiced_f0_hz, track.seconds, take.timeline.notes)
    assert notes.n_notes == len(score.notes)
    assert notes.share_within(50) >= 0.97
    assert notes.share_within(25) >= 0.85
    onsets = onset_errors_ms(take.audio, take.timeline)
    assert onsets.median_abs_ms <= 25 and onsets.p95_abs_ms <= 90
    length_s = score.tempo.seconds(score.length_beats) + TAIL_S
    assert abs(take.audio.seconds - length_s) <= 512 / take.audio.sample_rate
    checks = output_checks(take.audio, take.timeline, tail_s=TAIL_S)
    assert -12 < checks.peak_dbfs <= -0.9
    assert checks.n_noise_bursts == 0


@pytest.mark.parametrize("path", SONGS, ids=lambda path: path.stem)
def test_example_is_sung_as_written(path, pjs):
    check_take(*sung(path, pjs))


@pytest.mark.parametrize("name", ["momotaro.musicxml", "furusato.musicxml"])
def test_second_voice(name, nit070):
    check_take(*sung(EXAMPLES / name, nit070))


def test_seeds_are_takes(pjs):
    path = EXAMPLES / "momotaro.musicxml"
    first, again, other = (sung(path, pjs, seed=seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first.audio.samples, again.audio.samples)
    both = (first.f0_hz > 0) & (other.f0_hz > 0)
    away = 1200 * np.abs(np.log2(first.f0_hz[both] / other.f0_hz[both]))
    assert np.quantile(away, 0.9) > 10  # cents: another curve, not only another noise
    check_take(*sung(path, pjs, seed=2))
