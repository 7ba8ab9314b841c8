"""Spectra: perfect reconstruction, Parseval, mel bands of unit area."""

import numpy as np
import pytest
import torch

from hsing.audio.spectra import (
    hz_to_mel,
    istft,
    log_mel,
    mel_filterbank,
    mel_points_hz,
    mel_to_hz,
    stft,
)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("n_fft", "hop", "n"), [(2048, 512, 20_000), (512, 128, 1111)])
def test_the_inverse_gives_the_sound_back(n_fft, hop, n):
    samples = noise(2, n)
    # the window is 0 at its edges, so the last few samples need a frame beyond them
    padded = torch.nn.functional.pad(samples, (0, n_fft))
    spectrum = stft(padded, n_fft, hop)
    assert spectrum.shape == (2, n_fft // 2 + 1, (n + n_fft) // hop + 1)
    assert torch.allclose(istft(spectrum, n_fft, hop, n), samples, atol=1e-5)


def test_frame_k_is_centred_on_sample_k_hop():
    samples = torch.zeros(1, 8192)
    samples[0, 6 * 512] = 1.0
    power = stft(samples, 1024, 512)[0].abs().sum(dim=0)
    assert power.argmax() == 6
    assert power[6] == pytest.approx(513, rel=1e-4)  # the window's peak, in every bin
    assert power[5] == pytest.approx(0, abs=1e-2) and power[7] == pytest.approx(0, abs=1e-2)


def test_mel_and_back():
    assert hz_to_mel(700.0) == pytest.approx(2595 * np.log10(2))
    assert mel_to_hz(hz_to_mel(np.array([0.0, 50, 440, 16_000]))) == pytest.approx(
        [0, 50, 440, 16_000], abs=1e-6
    )
    points = mel_points_hz(5, 40, 20_000)
    assert points[[0, -1]] == pytest.approx([40, 20_000])
    assert np.ptp(np.diff(hz_to_mel(points))) < 1e-9


def test_bands_have_unit_area_over_frequency():
    bank = mel_filterbank(44_100, 2048, 96, 40.0, 20_000.0).numpy()
    bin_hz = 44_100 / 2048
    wide = np.diff(mel_points_hz(98, 40.0, 20_000.0))[:-1] > 3 * bin_hz
    assert wide.sum() > 40
    assert bank[wide].sum(axis=1) * bin_hz == pytest.approx(1.0, abs=0.05)
    assert (bank.sum(axis=1) > 0).all() and (bank >= 0).all()


def test_bands_lie_on_their_centres():
    bank = mel_filterbank(44_100, 2048, 96, 40.0, 20_000.0).numpy()
    centres = mel_points_hz(98, 40.0, 20_000.0)[1:-1]
    peaks = bank.argmax(axis=1) * 44_100 / 2048
    assert np.abs(peaks - centres).max() <= 44_100 / 2048


def test_log_mel_of_a_sine_is_where_and_as_high_as_promised():
    t = torch.arange(44_100) / 44_100
    rows = log_mel(torch.sin(2 * torch.pi * 5000 * t)[None], 44_100)[0, :, 20]
    centres = mel_points_hz(98, 40.0, 20_000.0)
    band = int(rows.argmax())
    assert abs(centres[band + 1] - 5000) < (centres[band + 2] - centres[band]) / 2
    width = (centres[band + 2] - centres[band]) / 2
    # the main lobe's magnitudes sum to n_fft/4·2; the triangle is 1/width high at its centre
    assert rows.max() < np.log(2048 / 2 / width) + 1e-3
    assert rows.max() > np.log(2048 / 2 / width * 0.5)
    assert rows.min() == pytest.approx(np.log(1e-4), abs=1e-3)


def test_a_batch_is_as_one_by_one():
    clips = noise(3, 8192) * 0.1
    batched = log_mel(clips, 44_100)
    for row, clip in zip(batched, clips):
        assert torch.allclose(row, log_mel(clip[None], 44_100)[0], atol=1e-5)


def test_what_is_kept_from_inference_can_be_trained_through():
    samples = torch.randn(1, 3000)
    with torch.inference_mode():
        log_mel(samples, 44_100, n_fft=777, hop=200, n_bands=11)
    samples.requires_grad_()
    log_mel(samples, 44_100, n_fft=777, hop=200, n_bands=11).sum().backward()
    assert samples.grad.abs().sum() > 0
