"""Latents → filters → sound: a source-filter decoder in the STFT domain.

The network sees the latent alone, never the pitch: it predicts per frame what filters the pulse
train and the noise pass through (DDSP's time-varying filter). Another f₀ therefore moves the
pitch exactly and leaves the envelope where it was.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from hsing.audio.spectra import istft, mel_points_hz, stft
from hsing.codec.config import CodecConfig
from hsing.codec.excitation import pulse_train
from hsing.layers.conv import ConvNeXtStack

_MAX_LOG_GAIN = 4.0


class FilterBands(nn.Module):
    """Band values → bins of the STFT, linear between mel-spaced points, constant beyond."""

    def __init__(self, n_bands: int, n_fft: int, sample_rate: int):
        super().__init__()
        points = mel_points_hz(n_bands, 0.0, sample_rate / 2)
        bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
        position = np.interp(bins, points, np.arange(n_bands))
        below = np.minimum(position.astype(np.int64), n_bands - 2)
        self.register_buffer("below", torch.from_numpy(below), persistent=False)
        fraction = torch.from_numpy((position - below).astype(np.float32))
        self.register_buffer("fraction", fraction, persistent=False)

    def forward(self, bands: Tensor) -> Tensor:
        """[shape=(…, n_bands)] → [shape=(…, bins)]"""
        left, right = bands[..., self.below], bands[..., self.below + 1]
        return left + (right - left) * self.fraction


class SourceFilterDecoder(nn.Module):
    """Latent [(batch, frames, latent_dim)] and pitch → samples [(batch, frames·hop)]."""

    def __init__(self, config: CodecConfig):
        super().__init__()
        self.config = config
        self.body = ConvNeXtStack(
            config.latent_dim,
            config.channels,
            config.decoder_blocks,
            kernel=config.kernel,
            expansion=config.expansion,
        )
        self.head = nn.Linear(config.channels, 3 * config.n_filter_bands)
        self.spread = FilterBands(config.n_filter_bands, config.n_fft, config.sample_rate)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
            self.head.bias[: config.n_filter_bands] = -4.0
            self.head.bias[2 * config.n_filter_bands :] = -6.0

    @property
    def reach_frames(self) -> int:
        """How far a latent frame can be heard: the network's reach plus the STFT's overlap."""
        return self.body.reach_frames + math.ceil(self.config.n_fft / self.config.hop) + 1

    def filters(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log gain and phase (radians) for the pulses, log gain for the noise.

        Each [shape=(batch, frames, bins)]; natural logarithms of amplitude factors.
        """
        bands = self.head(self.body(latent)).chunk(3, dim=-1)
        pulse_gain, phase, noise_gain = (self.spread(band) for band in bands)
        return pulse_gain.clamp(max=_MAX_LOG_GAIN), phase, noise_gain.clamp(max=_MAX_LOG_GAIN)

    def forward(
        self, latent: Tensor, f0_hz: Tensor, voicing: Tensor, phase: Tensor, noise: Tensor
    ) -> Tensor:
        """Decode.

        Parameters
        ----------
        latent : [shape=(batch, frames, latent_dim)]
        f0_hz : [shape=(batch, frames)], Hz, > 0 everywhere
        voicing : [shape=(batch, frames)], 0…1, gain of the pulses
        phase : float64 [shape=(batch, frames)], cycles at frame starts
        noise : [shape=(batch, frames, bins)], random phases in radians
        """
        config = self.config
        n_frames = latent.shape[1]
        pulses = pulse_train(f0_hz, phase, config.hop, config.sample_rate)
        pulses = pulses * _upsample(voicing, config.hop)
        source = stft(pulses, config.n_fft, config.hop)[..., :n_frames].transpose(1, 2)
        pulse_gain, rotation, noise_gain = self.filters(latent)
        # white noise of unit power has E|X|² = Σ window² = 3/8·n_fft in every bin
        noise_level = math.sqrt(0.375 * config.n_fft)
        spectrum = source * torch.polar(pulse_gain.exp(), rotation)
        spectrum = spectrum + torch.polar(noise_gain.exp() * noise_level, noise)
        spectrum = torch.cat([spectrum, spectrum[:, -1:]], dim=1)
        return istft(spectrum.transpose(1, 2), config.n_fft, config.hop, n_frames * config.hop)


def _upsample(frames: Tensor, hop: int) -> Tensor:
    """[(batch, frames)] → [(batch, frames·hop)], linear from each frame's centre to the next."""
    following = torch.cat([frames[:, 1:], frames[:, -1:]], dim=1)
    ramp = torch.arange(hop, device=frames.device) / hop
    return (frames[..., None] + (following - frames)[..., None] * ramp).flatten(1)
