"""Spectral measures in closed form."""

import numpy as np
import pytest

from hsing.errors import AudioError
from hsing.evaluation.spectral import (
    _warped_distance,
    log_mel_l1,
    log_mel_mae,
    mel_cepstral_distortion,
    multi_resolution_stft_distance,
    si_sdr_db,
)
from hsing.flow import Audio

RATE = 44_100


@pytest.fixture
def noise():
    return np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1


def audio(samples):
    return Audio(np.asarray(samples, np.float32), RATE)


def test_identical_sounds_have_no_distance(noise):
    same = audio(noise)
    for distance in (
        log_mel_l1,
        log_mel_mae,
        multi_resolution_stft_distance,
        mel_cepstral_distortion,
    ):
        assert distance(same, same) == 0.0


def test_gain_in_closed_form(noise):
    quiet = audio(noise / 2)
    assert log_mel_l1(audio(noise), quiet) == pytest.approx(0.0, abs=1e-5)  # peaks normalised
    assert log_mel_mae(audio(noise), quiet) == pytest.approx(np.log(2), rel=1e-3)
    # convergence ½, log distance ln 2; cepstrum without its zeroth coefficient
    distance = multi_resolution_stft_distance(audio(noise), quiet)
    assert distance == pytest.approx(0.5 + np.log(2), rel=1e-3)
    assert mel_cepstral_distortion(audio(noise), quiet) == pytest.approx(0.0, abs=1e-3)


def test_distortion_grows_with_the_change(noise):
    kernel = np.array([1.0, -0.3]), np.array([1.0, -0.9])
    mild, strong = (audio(np.convolve(noise, k)[:RATE]) for k in kernel)
    assert 0.5 < mel_cepstral_distortion(audio(noise), mild)
    assert 2 * mel_cepstral_distortion(audio(noise), mild) < mel_cepstral_distortion(
        audio(noise), strong
    )


def test_warping_forgives_a_shift_and_equals_the_plain_recursion():
    rng = np.random.default_rng(1)
    a = rng.standard_normal((40, 3))
    assert _warped_distance(a, np.concatenate((a[:1], a[:-1])), 10) < 0.1 * _warped_distance(
        a, rng.standard_normal((40, 3)), 10
    )
    b = rng.standard_normal((37, 3))
    best = np.full((41, 38), np.inf)
    best[0, 0] = 0.0
    steps = np.zeros((41, 38))
    for i in range(40):
        for j in range(37):
            before = [(i, j), (i, j + 1), (i + 1, j)]
            place = min(before, key=lambda p: best[p])
            best[i + 1, j + 1] = best[place] + np.linalg.norm(a[i] - b[j])
            steps[i + 1, j + 1] = steps[place] + 1
    assert _warped_distance(a, b, 100) == pytest.approx(best[40, 37] / steps[40, 37])


def test_si_sdr_of_a_known_mixture(noise):
    signal = np.sin(2 * np.pi * 441 * np.arange(RATE) / RATE)
    noise = noise - noise.mean()
    noise -= signal * (noise @ signal) / (signal @ signal)  # orthogonal: exactly 10 dB below
    noise *= np.sqrt(0.1 * (signal @ signal) / (noise @ noise))
    assert si_sdr_db(audio(signal), audio(0.5 * (signal + noise))) == pytest.approx(10.0, abs=0.01)
    assert si_sdr_db(audio(signal), audio(0.3 * signal)) > 100.0
    assert np.isnan(si_sdr_db(audio(signal), audio(np.zeros(RATE))))


def test_lengths_must_match(noise):
    with pytest.raises(AudioError, match="44100 samples .* output of 44000"):
        si_sdr_db(audio(noise), audio(noise[:44_000]))
