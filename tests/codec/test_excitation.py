"""The pulse train is in tune, of unit power, and silent above Nyquist; noise is seekable."""

import math

import numpy as np
import torch

from hsing.codec.excitation import frame_phases, noise_phases, pulse_train

RATE, HOP = 44_100, 512


def pulses(f0_hz: torch.Tensor) -> torch.Tensor:
    return pulse_train(f0_hz, frame_phases(f0_hz, HOP, RATE), HOP, RATE)[0]


def test_ten_minutes_of_a_tone_are_in_tune_at_the_end():
    n_frames = 600 * RATE // HOP
    f0_hz = torch.full((1, n_frames), 220.3)
    expected = (n_frames - 1) * HOP / RATE * f0_hz[0, 0].double()
    assert abs(frame_phases(f0_hz, HOP, RATE)[0, -1] - expected) < 1e-6


def test_phase_is_the_integral_of_a_glide():
    f0_hz = torch.linspace(100.0, 400.0, 200)[None]
    instant_hz = np.interp(np.arange(199 * HOP), np.arange(200) * HOP, f0_hz[0].double().numpy())
    brute = instant_hz.sum() / RATE
    assert abs(frame_phases(f0_hz, HOP, RATE)[0, 199] - brute) < 1e-6


def test_unit_power_at_any_pitch():
    for f0 in (82.4, 220.0, 987.8):
        power = pulses(torch.full((1, 80), f0))[HOP:-HOP].square().mean()
        assert abs(10 * math.log10(power)) < 0.3


def test_energy_lies_on_harmonics_only():
    f0 = RATE / 2048 * 10  # the tenth bin of a 2048-point FFT
    sound = pulses(torch.full((1, 40), f0))
    spectrum = torch.fft.rfft(sound[4096 : 4096 + 2048]).abs()
    on = torch.zeros(len(spectrum), dtype=torch.bool)
    on[::10] = True
    below = spectrum[:900]  # clear of the sinc's slope at Nyquist
    assert below[~on[:900]].max() < 1e-2 * below[on[:900]][1:].min()


def test_pulses_start_anywhere():
    f0_hz = 150.0 + 30.0 * torch.sin(torch.arange(60) / 7.0)[None]
    phase = frame_phases(f0_hz, HOP, RATE)
    whole = pulse_train(f0_hz, phase, HOP, RATE)
    part = pulse_train(f0_hz[:, 20:40], phase[:, 20:40], HOP, RATE)
    inner = slice(64, 19 * HOP - 64)
    assert torch.allclose(whole[:, 20 * HOP :][:, inner], part[:, inner], atol=1e-5)


def test_noise_is_the_same_from_any_starting_frame():
    whole = noise_phases(0, 700, 5, seed=3)
    assert torch.equal(noise_phases(250, 300, 5, seed=3), whole[250:550])
    assert not torch.equal(noise_phases(0, 700, 5, seed=4), whole)
    assert 0 <= whole.min() and whole.max() <= 2 * math.pi
