"""Configuration of the codec, saved with its weights."""

from __future__ import annotations

from dataclasses import dataclass

from hsing.units import Clock


@dataclass(frozen=True)
class CodecConfig:
    """Defaults: the 44.1 kHz source-filter codec. Widths are in channels, lengths in frames."""

    sample_rate: int = 44_100
    hop: int = 512
    n_fft: int = 2048
    n_envelope_bands: int = 96
    n_flatness_bands: int = 32
    low_hz: float = 40.0
    channels: int = 256
    encoder_blocks: int = 3
    decoder_blocks: int = 5
    kernel: int = 7
    expansion: int = 3
    latent_dim: int = 32
    n_codebooks: int = 30
    codebook_size: int = 1024
    n_filter_bands: int = 160

    @property
    def clock(self) -> Clock:
        return Clock(self.sample_rate, self.hop)

    def kbit_per_s(self, n_books: int) -> float:
        """Bit rate of the indices of `n_books` books, in kbit/s."""
        bits = (self.codebook_size - 1).bit_length()
        return n_books * bits * self.clock.frame_rate / 1000.0
