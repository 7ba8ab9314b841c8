"""The codec: sound ⇄ pitch, voicing and a latent that knows neither (the stage's one door)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hsing.codec.analysis import Analysis
from hsing.codec.config import CodecConfig
from hsing.codec.decoder import SourceFilterDecoder
from hsing.codec.excitation import frame_phases, noise_phases
from hsing.codec.quantizer import ResidualQuantizer
from hsing.layers.conv import ConvNeXtStack


class Codec(nn.Module):
    """Encoder, residual vector quantiser and source-filter decoder."""

    def __init__(self, config: CodecConfig):
        super().__init__()
        self.config = config
        self.analysis = Analysis(config)
        self.encoder = ConvNeXtStack(
            self.analysis.n_features,
            config.channels,
            config.encoder_blocks,
            kernel=config.kernel,
            expansion=config.expansion,
        )
        self.to_latent = nn.Linear(config.channels, config.latent_dim)
        self.quantizer = ResidualQuantizer(
            config.n_codebooks, config.codebook_size, config.latent_dim
        )
        self.decoder = SourceFilterDecoder(config)

    def encode(self, samples: Tensor, f0_hz: Tensor) -> Tensor:
        """Continuous latent [(batch, frames, latent_dim)], before the quantiser.

        samples : [shape=(batch, n)], −1…1
        f0_hz : [shape=(batch, frames)], Hz, > 0 everywhere (`audio.f0.fill_unvoiced`)
        """
        return self.to_latent(self.encoder(self.analysis(samples, f0_hz)))

    def forward(self, samples: Tensor, f0_hz: Tensor, voicing: Tensor, n_books=None):
        """One training pass: encode, quantise, decode with fresh noise.

        Returns (samples [(batch, frames·hop)], commitment loss).
        """
        latent, commitment = self.quantizer(self.encode(samples, f0_hz), n_books)
        phase = frame_phases(f0_hz, self.config.hop, self.config.sample_rate)
        shape = (*latent.shape[:2], self.config.n_fft // 2 + 1)
        noise = torch.rand(shape, device=latent.device) * (2.0 * torch.pi)
        return self.decoder(latent, f0_hz, voicing, phase, noise), commitment

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.to_latent.weight.device

    @torch.inference_mode()
    def decode(
        self,
        latent: Tensor,
        f0_hz: Tensor,
        voicing: Tensor,
        *,
        seed: int = 0,
        chunk_frames: int = 1024,
    ) -> Tensor:
        """Sound of one clip, in chunks: memory does not grow with the networks' activations.

        Parameters
        ----------
        latent : [shape=(frames, latent_dim)]
        f0_hz : [shape=(frames,)], Hz, > 0 everywhere
        voicing : [shape=(frames,)], 0…1
        seed : of the noise; the same seed gives the same samples whatever the chunking

        Returns
        -------
        [shape=(frames·hop,)]; chunked equals whole to float32 rounding, since every chunk is
        decoded with the decoder's whole reach on either side.
        """
        n_frames, hop = len(latent), self.config.hop
        latent, f0_hz, voicing = (x.to(self.device) for x in (latent, f0_hz, voicing))
        phase = frame_phases(f0_hz[None], hop, self.config.sample_rate)
        reach = self.decoder.reach_frames
        pieces = []
        for start in range(0, n_frames, chunk_frames):
            end = min(start + chunk_frames, n_frames)
            left, right = max(0, start - reach), min(n_frames, end + reach)
            span = slice(left, right)
            noise = noise_phases(left, right - left, self.config.n_fft // 2 + 1, seed)
            sound = self.decoder(
                latent[None, span],
                f0_hz[None, span],
                voicing[None, span],
                phase[:, span],
                noise[None].to(self.device),
            )[0]
            pieces.append(sound[(start - left) * hop : (end - left) * hop].clone())
        return torch.cat(pieces)
