"""Feed-forward-transformer blocks with relative positions and a bounded reach."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RelativeAttention(nn.Module):
    """Self-attention with learnt relative positions (Shaw et al. 2018) over ±reach tokens.

    The bound keeps memory linear in length and makes a window of a song, given its margin, equal
    to the whole song. [shape=(batch, tokens, channels)] → the same.
    """

    def __init__(self, channels: int, n_heads: int, reach: int):
        super().__init__()
        self.n_heads, self.reach = n_heads, reach
        self.width = channels // n_heads
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        shape = (n_heads, 2 * reach + 1, self.width)
        self.relative_key = nn.Parameter(torch.randn(shape) * self.width**-0.5)
        self.relative_value = nn.Parameter(torch.randn(shape) * self.width**-0.5)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """mask : bool [shape=(batch, tokens)], True where there is a token."""
        batch, n_tokens, _ = x.shape
        query, key, value = self.query_key_value(x).chunk(3, dim=-1)
        query = query.view(batch, n_tokens, self.n_heads, self.width)
        keys, values = self._windows(key), self._windows(value)
        scores = torch.einsum("bthw,bthkw->bthk", query, keys)
        scores = scores + torch.einsum("bthw,hkw->bthk", query, self.relative_key)
        seen = F.pad(mask, (self.reach, self.reach)).unfold(1, 2 * self.reach + 1, 1)
        # a padding token sees only itself: it is never read, and its softmax stays finite
        seen = seen | (torch.arange(2 * self.reach + 1, device=x.device) == self.reach)
        scores = scores.masked_fill(~seen[:, :, None], float("-inf")) * self.width**-0.5
        weights = scores.softmax(dim=-1)
        mixed = torch.einsum("bthk,bthkw->bthw", weights, values)
        mixed = mixed + torch.einsum("bthk,hkw->bthw", weights, self.relative_value)
        return self.out(mixed.flatten(2))

    def _windows(self, x: Tensor) -> Tensor:
        """[(batch, tokens, channels)] → the ±reach around each: [(batch, tokens, heads, 2r+1, w)]"""
        windows = F.pad(x, (0, 0, self.reach, self.reach)).unfold(1, 2 * self.reach + 1, 1)
        return windows.unflatten(2, (self.n_heads, self.width)).transpose(3, 4)


class FFTBlock(nn.Module):
    """Feed-forward transformer block (FastSpeech, Ren et al. 2019), norms before each half."""

    def __init__(self, channels: int, *, n_heads: int, kernel: int, reach: int, dropout: float):
        super().__init__()
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = RelativeAttention(channels, n_heads, reach)
        self.conv_norm = nn.LayerNorm(channels)
        self.expand = nn.Conv1d(channels, channels, kernel, padding=kernel // 2)
        self.contract = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [(batch, tokens, channels)], mask bool [(batch, tokens)] → like x."""
        x = x + self.dropout(self.attention(self.attention_norm(x), mask))
        y = self.conv_norm(x) * mask[..., None]
        y = F.gelu(self.expand(y.transpose(1, 2)).transpose(1, 2), approximate="tanh")
        return x + self.dropout(self.contract(y))


class FFTStack(nn.Module):
    """`n_blocks` FFT blocks and a final norm."""

    def __init__(self, channels: int, n_blocks: int, **block):
        super().__init__()
        self.blocks = nn.ModuleList(FFTBlock(channels, **block) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x) * mask[..., None]
