"""The codec: pitch-free analysis, pitch as a control, chunks equal to the whole, a falling loss."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hsing.audio.f0 import track_f0
from hsing.audio.spectra import log_mel
from hsing.codec.analysis import Analysis
from hsing.codec.config import CodecConfig
from hsing.codec.decoder import FilterBands
from hsing.codec.excitation import frame_phases, pulse_train
from hsing.codec.losses import mel_loss, spectral_losses
from hsing.codec.model import Codec
from hsing.flow import Audio
from hsing.units import cents

CONFIG = CodecConfig(
    channels=32, encoder_blocks=1, decoder_blocks=2, latent_dim=8, n_codebooks=4, codebook_size=16
)
N_FRAMES = 60


def voice(f0: float, n_frames: int = N_FRAMES) -> torch.Tensor:
    """A pulse train through two fixed resonances, and a little noise."""
    f0_hz = torch.full((1, n_frames), f0)
    source = pulse_train(f0_hz, frame_phases(f0_hz, 512, 44_100), 512, 44_100)
    spectrum = torch.fft.rfft(source)
    hz = torch.fft.rfftfreq(source.shape[1], 1 / 44_100)
    shape = sum(torch.exp(-(((hz - centre) / 300.0) ** 2)) for centre in (700.0, 1800.0)) + 0.02
    noise = torch.randn(source.shape, generator=torch.Generator().manual_seed(0))
    return 0.05 * torch.fft.irfft(spectrum * shape, n=source.shape[1]) + 1e-4 * noise


def test_analysis_is_nearly_free_of_pitch():
    """An octave changes the features far less than other formants do."""
    analysis = Analysis(CONFIG)

    def features(f0, samples):
        rows = analysis(samples, torch.full((1, N_FRAMES), f0))[0, 10:50]
        return rows.mean(0)[: CONFIG.n_envelope_bands]

    low, high = (features(f0, voice(f0)) for f0 in (130.0, 260.0))
    band = slice(10, 60)
    plain = log_mel(torch.cat([voice(130.0), voice(260.0)]), 44_100, n_bands=96)[:, :, 10:50]
    by_mel = (plain.mean(2)[0] - plain.mean(2)[1])[band].abs().mean() * 2 / 5  # same scale
    ours = (low - high)[band].abs().mean()
    assert ours < 0.5 * by_mel
    assert ours < 0.15


def test_flatness_tells_noise_from_tone():
    analysis = Analysis(CONFIG)
    noise = 0.05 * torch.randn(1, N_FRAMES * 512, generator=torch.Generator().manual_seed(1))
    f0_hz = torch.full((1, N_FRAMES), 200.0)
    band = slice(CONFIG.n_envelope_bands + 5, CONFIG.n_envelope_bands + 12)
    flat = analysis(noise, f0_hz)[0, 10:50, band].mean()
    peaky = analysis(voice(200.0), f0_hz)[0, 10:50, band].mean()
    assert peaky < flat - 0.5


def test_filter_bands_interpolate():
    bands = FilterBands(5, 16, 16_000)
    values = torch.arange(5.0)
    spread = bands(values)
    assert spread[0] == 0 and math.isclose(spread[-1], 4.0, abs_tol=1e-5)
    assert (spread.diff() > 0).all()


def test_decoded_pitch_is_the_one_asked_for():
    torch.manual_seed(0)
    codec = Codec(CONFIG).eval()
    latent = torch.zeros(172, CONFIG.latent_dim)
    with torch.no_grad():
        codec.decoder.head.bias[: CONFIG.n_filter_bands] = -3.0
        codec.decoder.head.bias[2 * CONFIG.n_filter_bands :] = -12.0
    for f0 in (110.0, 196.0, 523.25):
        sound = codec.decode(latent, torch.full((172,), f0), torch.ones(172))
        heard, _ = track_f0(Audio(0.2 * sound.numpy(), 44_100), CONFIG.clock)
        voiced = heard[40:130][heard[40:130] > 0]
        assert len(voiced) > 70 and abs(np.median(cents(voiced, f0))) < 5


def test_chunks_equal_the_whole():
    torch.manual_seed(0)
    codec = Codec(CONFIG).eval()
    latent = torch.randn(150, CONFIG.latent_dim)
    f0_hz = 200.0 + 20.0 * torch.sin(torch.arange(150) / 9.0)
    voicing = (torch.arange(150) % 40 > 8).float()
    whole = codec.decode(latent, f0_hz, voicing, chunk_frames=1000)
    chunked = codec.decode(latent, f0_hz, voicing, chunk_frames=32)
    assert whole.shape == (150 * 512,)
    assert torch.allclose(whole, chunked, atol=1e-5)


def test_same_seed_same_samples_other_seed_other_noise():
    codec = Codec(CONFIG).eval()
    arguments = torch.zeros(40, CONFIG.latent_dim), torch.full((40,), 200.0), torch.zeros(40)
    first = codec.decode(*arguments, seed=1)
    assert torch.equal(first, codec.decode(*arguments, seed=1))
    assert not torch.equal(first, codec.decode(*arguments, seed=2))


def test_a_batch_equals_its_clips():
    torch.manual_seed(0)
    codec = Codec(CONFIG).eval()
    samples = torch.cat([voice(150.0), voice(220.0)])
    f0_hz = torch.tensor([[150.0], [220.0]]).expand(2, N_FRAMES)
    both = codec.encode(samples, f0_hz)
    assert torch.allclose(both[1], codec.encode(samples[1:], f0_hz[1:])[0], atol=1e-5)


def test_loss_falls():
    torch.manual_seed(0)
    codec = Codec(replace(CONFIG, n_filter_bands=64))
    samples, f0_hz, voicing = (
        voice(180.0),
        torch.full((1, N_FRAMES), 180.0),
        torch.ones(1, N_FRAMES),
    )
    optimizer = torch.optim.Adam(codec.parameters(), 3e-3)
    history = []
    for _ in range(25):
        output, _ = codec(samples, f0_hz, voicing)
        loss = mel_loss(output, samples, 44_100) + sum(spectral_losses(output, samples).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert np.mean(history[-3:]) < 0.6 * history[0]


def test_losses_are_zero_for_a_perfect_copy_and_grow():
    target = voice(200.0)
    worse = [sum(spectral_losses(target * gain, target).values()).item() for gain in (1, 0.8, 0.5)]
    assert worse[0] == 0 < worse[1] < worse[2]


def test_kbit_per_s():
    assert CodecConfig().kbit_per_s(30) == pytest.approx(30 * 10 * 44_100 / 512 / 1000)
