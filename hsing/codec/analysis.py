"""What the encoder hears: the spectral envelope and its flatness, freed of pitch.

The power spectrum is averaged over one fundamental's width around each band centre. Such a window
always holds exactly one harmonic, wherever the harmonics lie, so the average follows the envelope
and not the pitch (the idea of CheapTrick, Morise 2015). The mean of the *log* power over the same
window, less the log of the mean, tells how peaky the window is: 0 for flat noise, −10 and below
for clear harmonics.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hsing.audio.spectra import mel_points_hz, stft
from hsing.codec.config import CodecConfig

_FLOOR = 1e-7  # power of one STFT bin; about −95 dB below a quiet voice's strongest harmonic


class Analysis(nn.Module):
    """Samples and pitch → pitch-free features, one row per frame."""

    def __init__(self, config: CodecConfig):
        super().__init__()
        self.config = config
        nyquist = config.sample_rate / 2
        for name, n_bands in (
            ("envelope", config.n_envelope_bands),
            ("flatness", config.n_flatness_bands),
        ):
            points = mel_points_hz(n_bands + 2, config.low_hz, nyquist)
            self.register_buffer(f"{name}_centres", _float(points[1:-1]), persistent=False)
            self.register_buffer(
                f"{name}_widths", _float((points[2:] - points[:-2]) / 2), persistent=False
            )

    @property
    def n_features(self) -> int:
        return self.config.n_envelope_bands + self.config.n_flatness_bands

    def forward(self, samples: Tensor, f0_hz: Tensor) -> Tensor:
        """samples [(batch, n)], f0_hz [(batch, frames)] > 0 everywhere (unvoiced filled in)
        → features [(batch, frames, n_features)] of about unit range."""
        n_frames = f0_hz.shape[1]
        spectrum = stft(samples, self.config.n_fft, self.config.hop)[..., :n_frames]
        power = spectrum.abs().square().transpose(1, 2) + _FLOOR
        envelope = self._mean(power, f0_hz, self.envelope_centres, self.envelope_widths)
        mean = self._mean(power, f0_hz, self.flatness_centres, self.flatness_widths)
        log_mean = self._mean(power.log(), f0_hz, self.flatness_centres, self.flatness_widths)
        flatness = log_mean - torch.log(mean.clamp(min=_FLOOR))
        return torch.cat([(envelope.clamp(min=_FLOOR).log() + 5.0) / 5.0, flatness / 2.0], dim=-1)

    def _mean(self, values: Tensor, f0_hz: Tensor, centres: Tensor, widths: Tensor) -> Tensor:
        """Mean of `values` [(batch, frames, bins)] over max(f0, band width) round each centre.

        By differences of a cumulative sum, in float64 since power spans 120 dB.
        """
        bin_hz = self.config.sample_rate / self.config.n_fft
        n_bins = values.shape[-1]
        cumulative = torch.nn.functional.pad(values.double().cumsum(dim=-1), (1, 0))
        half = torch.maximum(f0_hz[..., None], widths) / 2.0
        # bin b covers [b − ½, b + ½] in units of bins
        low = ((centres - half) / bin_hz + 0.5).clamp(0.0, n_bins - 1.0)
        high = ((centres + half) / bin_hz + 0.5).clamp(1.0, float(n_bins))
        difference = _lerp(cumulative, high) - _lerp(cumulative, low)
        return (difference / (high - low)).to(values.dtype)


def _lerp(table: Tensor, position: Tensor) -> Tensor:
    """table [(…, n)] read at fractional positions [(…, m)] by linear interpolation."""
    below = position.floor().long().clamp(max=table.shape[-1] - 2)
    fraction = position - below
    left, right = table.gather(-1, below), table.gather(-1, below + 1)
    return left + (right - left) * fraction


def _float(values) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)
