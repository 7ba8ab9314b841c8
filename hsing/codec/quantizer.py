"""Residual vector quantiser, learnt by exponential moving averages (SoundStream, Zeghidour 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_DECAY = 0.99
_DEAD = 0.02  # a code used less often than this per step, on average, is restarted


class ResidualQuantizer(nn.Module):
    """`n_codebooks` books of `codebook_size` entries; each quantises what the ones before left.

    Until `initialise` has been called the quantiser lets latents pass unchanged.
    """

    def __init__(self, n_codebooks: int, codebook_size: int, dim: int):
        super().__init__()
        self.n_codebooks, self.codebook_size = n_codebooks, codebook_size
        self.register_buffer("codebooks", torch.zeros(n_codebooks, codebook_size, dim))
        self.register_buffer("usage", torch.ones(n_codebooks, codebook_size))
        self.register_buffer("ready", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def initialise(self, latents: Tensor, *, n_rounds: int = 8, seed: int = 0) -> None:
        """k-means, book after book, on latents [shape=(n, dim)], n ≥ codebook_size."""
        generator = torch.Generator().manual_seed(seed)
        residual = latents.clone()
        for book in range(self.n_codebooks):
            order = torch.randperm(len(residual), generator=generator)[: self.codebook_size]
            centres = residual[order].clone()
            for _ in range(n_rounds):
                nearest = _nearest(residual, centres)
                sums, counts = _totals(residual, nearest, self.codebook_size)
                used = counts > 0
                centres[used] = sums[used] / counts[used, None]
            self.codebooks[book] = centres
            residual = residual - centres[_nearest(residual, centres)]
        self.usage.fill_(1.0)
        self.ready.fill_(1)

    def forward(self, latent: Tensor, n_books: int | Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Quantise, passing gradients straight through.

        Parameters
        ----------
        latent : [shape=(batch, frames, dim)]
        n_books : how many books to use: one number, or one per clip [shape=(batch,)]; None = all

        Returns
        -------
        quantised : [shape=(batch, frames, dim)], gradient exactly 1 to `latent`
        commitment : scalar, Σ_c ‖residual_c − q_c‖² averaged over frames (HiddenSinger Eq. 3)
        """
        if not self.ready:
            return latent, latent.new_zeros(())
        books = self._books_per_clip(latent, n_books)
        residual, quantised = latent.detach(), torch.zeros_like(latent)
        commitment = latent.new_zeros(())
        for book in range(int(books.max())):
            active = (books > book).to(latent.dtype)[:, None, None]
            codes = _nearest(residual.flatten(0, 1), self.codebooks[book]).view(residual.shape[:2])
            chosen = self.codebooks[book][codes]
            if self.training:
                self._update(book, residual[books > book].flatten(0, 1), codes[books > book])
            left = latent - quantised  # differentiable: carries the encoder's share of Eq. 3
            commitment = commitment + (active * (left - chosen).square()).sum(-1).mean()
            residual = residual - active * chosen
            quantised = quantised + active * chosen
        return latent + (quantised - latent).detach(), commitment

    def encode(self, latent: Tensor, n_books: int | None = None) -> Tensor:
        """Codes int64 [shape=(batch, n_books, frames)] of latents [(batch, frames, dim)]."""
        residual, codes = latent, []
        for book in range(n_books or self.n_codebooks):
            chosen = _nearest(residual.flatten(0, 1), self.codebooks[book]).view(latent.shape[:2])
            residual = residual - self.codebooks[book][chosen]
            codes.append(chosen)
        return torch.stack(codes, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Latents [(batch, frames, dim)] of codes [(batch, n_books, frames)]: the sum of entries."""
        return sum(self.codebooks[book][codes[:, book]] for book in range(codes.shape[1]))

    def _books_per_clip(self, latent: Tensor, n_books) -> Tensor:
        if n_books is None:
            n_books = self.n_codebooks
        if not torch.is_tensor(n_books):
            n_books = torch.full((len(latent),), n_books, device=latent.device)
        return n_books

    @torch.no_grad()
    def _update(self, book: int, vectors: Tensor, codes: Tensor) -> None:
        """Moving averages of each code's vectors; dead codes restart at a random vector."""
        sums, counts = _totals(vectors, codes.flatten(), self.codebook_size)
        usage, codebook = self.usage[book], self.codebooks[book]
        old_weight = _DECAY * usage
        usage.copy_(old_weight + (1 - _DECAY) * counts)
        moved = codebook * old_weight[:, None] + (1 - _DECAY) * sums
        codebook.copy_(moved / usage[:, None].clamp(min=1e-6))
        dead = torch.nonzero(usage < _DEAD).flatten()
        if len(dead):
            drawn = torch.randint(len(vectors), (len(dead),), device=vectors.device)
            codebook[dead], usage[dead] = vectors[drawn], 1.0


def _nearest(vectors: Tensor, centres: Tensor) -> Tensor:
    """Index of the nearest centre: argmin ‖v − c‖² = argmax v·c − ½‖c‖², in slices."""
    bias = -0.5 * centres.square().sum(dim=1)
    slices = vectors.detach().split(16_384)
    return torch.cat([torch.addmm(bias, part, centres.T).argmax(dim=1) for part in slices])


def _totals(vectors: Tensor, codes: Tensor, n_codes: int) -> tuple[Tensor, Tensor]:
    """Sum and number of the vectors of each code."""
    sums = vectors.new_zeros(n_codes, vectors.shape[1]).index_add_(0, codes, vectors)
    return sums, F.one_hot(codes, n_codes).sum(0).to(vectors.dtype)
