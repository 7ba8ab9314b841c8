"""Lyrics encoder: phones → hidden tokens (HiddenSinger, section III-B)."""

from __future__ import annotations

from torch import Tensor, nn

from hsing.condition.config import ConditionConfig
from hsing.layers.attention import FFTStack


class LyricsEncoder(nn.Module):
    """phone_ids int64 [(batch, tokens)] → [(batch, tokens, channels)]"""

    def __init__(self, config: ConditionConfig):
        super().__init__()
        self.embed = nn.Embedding(config.n_phones, config.channels)
        self.blocks = FFTStack(**config.token_stack)

    def forward(self, phone_ids: Tensor, mask: Tensor) -> Tensor:
        return self.blocks(self.embed(phone_ids), mask)
