"""Pitch measures against tones whose error is known."""

import numpy as np
import pytest

from hsing.errors import AudioError, InputError
from hsing.evaluation.pitch import (
    CLOCK,
    RANGE_HZ,
    WIDE_RANGE_HZ,
    PitchTrack,
    hysteresis,
    periodicity_rmse,
    pitch_error_cents,
    track_pitch,
    trimmed,
    vuv_f1,
)
from hsing.flow import Audio

RATE = 24_000


def voice(f_hz, seconds=1.0, rate=RATE):
    time_s = np.arange(int(rate * seconds)) / rate
    partials = [np.sin(2 * np.pi * f_hz * k * time_s) / k for k in range(1, 9)]
    return Audio((0.2 * np.sum(partials, axis=0)).astype(np.float32), rate)


def track(f0_hz, periodicity, voiced):
    return PitchTrack(np.array(f0_hz), np.array(periodicity), np.array(voiced, bool), "made up")


def test_the_hop_is_the_published_one():
    assert (CLOCK.sample_rate, CLOCK.hop) == (16_000, 185)


@pytest.mark.parametrize("tracker", ["swift-f0", "yin"])
def test_a_tone_detuned_by_30_cents_measures_30(tracker):
    reference, output = voice(220.0), voice(220.0 * 2 ** (30 / 1200))
    pair = tuple(track_pitch(a, tracker, RANGE_HZ) for a in (reference, output))
    assert pitch_error_cents([pair]) == pytest.approx(30.0, abs=1.0)
    assert vuv_f1([pair]) > 0.97


def test_errors_are_pooled_over_frames_not_files():
    flat = track([200.0] * 30, [1.0] * 30, [1] * 30)
    sharp = track([200.0 * 2 ** (40 / 1200)] * 30, [1.0] * 30, [1] * 30)
    short = track([200.0] * 10, [1.0] * 10, [1] * 10)
    pooled = pitch_error_cents([(flat, sharp), (short, short)])
    assert pooled == pytest.approx(40.0 * np.sqrt(30 / 40))


def test_only_frames_voiced_in_both_count_for_pitch():
    reference = track([200.0, 200.0, 999.0], [1, 1, 1], [1, 1, 0])
    output = track([200.0, 50.0, 200.0], [1, 1, 1], [1, 0, 1])
    assert pitch_error_cents([(reference, output)]) == 0.0


def test_f1_of_a_known_overlap():
    reference = track([200.0] * 10, [0.0] * 10, [1] * 8 + [0] * 2)
    output = track([200.0] * 10, [0.0] * 10, [0] * 4 + [1] * 6)
    precision, recall = 4 / 6, 4 / 8
    f1 = 2 * precision * recall / (precision + recall)
    assert vuv_f1([(reference, output)]) == pytest.approx(f1)


def test_periodicity_over_all_frames():
    reference = track([1.0] * 4, [1.0, 0.5, 0.0, 0.2], [0] * 4)
    output = track([1.0] * 4, [1.0, 0.1, 0.3, 0.2], [0] * 4)
    assert periodicity_rmse([(reference, output)]) == pytest.approx(0.25)


def test_nothing_voiced_is_nan():
    silent = track([0.0] * 4, [0.0] * 4, [0] * 4)
    assert np.isnan(pitch_error_cents([(silent, silent)]))
    assert np.isnan(vuv_f1([(silent, silent)]))


def test_hysteresis_keeps_runs_that_reach_the_upper_bound():
    values = np.array([0.6, 0.7, 0.2, 0.6, 0.9, 0.6, 0.1, 0.9, 0.49, 0.6])
    assert hysteresis(values, 0.5, 0.8).tolist() == [0, 0, 0, 1, 1, 1, 0, 1, 0, 0]


def test_what_is_too_quiet_has_no_periodicity():
    loud = voice(220.0)
    quiet = Audio(loud.samples * 1e-3, RATE)  # about −70 dB
    assert track_pitch(loud, "yin").voiced.mean() > 0.9
    assert track_pitch(quiet, "yin").periodicity.max() == 0.0


def test_singing_above_c5_needs_the_wide_range():
    high = voice(880.0)
    wide = track_pitch(high, "yin", WIDE_RANGE_HZ)
    assert np.median(wide.f0_hz[wide.voiced]) == pytest.approx(880.0, rel=0.003)
    narrow = track_pitch(high, "yin", RANGE_HZ)
    assert narrow.f0_hz.max() < 560.0


def test_lengths_are_trimmed_by_a_tenth_of_a_second_at_most():
    reference, output = trimmed(voice(220.0, 1.0, 16_000), voice(220.0, 1.08))
    assert reference.sample_rate == output.sample_rate == RATE
    assert len(reference.samples) == len(output.samples) == RATE
    with pytest.raises(AudioError, match=r"a\.wav: lasts 1\.20 s and its reference 1\.00 s"):
        trimmed(voice(220.0, 1.0), voice(220.0, 1.2), "a.wav")
    two, four = (track([1.0] * n, [1.0] * n, [1] * n) for n in (2, 4))
    with pytest.raises(AudioError, match="2 frames and an output of 4"):
        pitch_error_cents([(two, four)])


def test_an_unknown_tracker_is_refused():
    with pytest.raises(InputError, match="'crepe' is not a pitch tracker; choose one of swift-f0"):
        track_pitch(voice(220.0, 0.1), "crepe")
