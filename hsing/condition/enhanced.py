"""Enhanced condition encoder: frames of lyrics and melody → h_cond (HiddenSinger, section III-B)."""

from __future__ import annotations

from torch import Tensor, nn

from hsing.condition.config import ConditionConfig
from hsing.layers.conv import ConvNeXtBlock


class EnhancedConditionEncoder(nn.Module):
    """[(batch, frames, channels)] → the same.

    The paper uses FFT blocks here too; at 86 frames a second convolution of the same reach is
    several times cheaper, and exact when a song is rendered in windows.
    """

    def __init__(self, config: ConditionConfig):
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.channels, kernel=config.kernel, expansion=config.expansion)
            for _ in range(config.enhanced_blocks)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.channels)
        self.reach_frames = config.enhanced_blocks * (config.kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(self.dropout(x))
        return self.norm(x)
