"""The two sources: a band-limited pulse train at f₀ and noise, both of unit power."""

from __future__ import annotations

import torch
from torch import Tensor

_HALF_TAPS = 16
_NOISE_BLOCK = 256


def frame_phases(f0_hz: Tensor, hop: int, sample_rate: int) -> Tensor:
    """Phase in cycles at the start of every frame, for pitch linear between frames.

    f0_hz [(batch, frames)] → float64 [(batch, frames)], 0 at the first frame. Exact: the sum over
    a hop of a straight line, in float64, so that a pulse train stays in tune over any length.
    """
    start = f0_hz.double()
    slope = torch.diff(start, dim=1, append=start[:, -1:])
    advance = (start * hop + slope * (hop - 1) / 2.0) / sample_rate
    return torch.cumsum(advance, dim=1) - advance


def pulse_train(f0_hz: Tensor, phase: Tensor, hop: int, sample_rate: int) -> Tensor:
    """Band-limited pulses of unit power at f₀.

    Parameters
    ----------
    f0_hz : [shape=(batch, frames)], Hz, > 0, linear between frames
    phase : float64 [shape=(batch, frames)], cycles at frame starts (`frame_phases`)

    Returns
    -------
    [shape=(batch, frames·hop)] float32. Each time the phase passes an integer, a windowed sinc of
    height √(sample_rate/f₀) is placed with its fraction of a sample, so nothing lies above
    Nyquist and the power per sample is 1 whatever the pitch.
    """
    batch, n_frames = f0_hz.shape
    start = f0_hz.double()[..., None]
    slope = torch.diff(start, dim=1, append=start[:, -1:]) / hop
    step = torch.arange(hop, device=f0_hz.device, dtype=torch.float64)
    instant_hz = (start + slope * step).flatten(1)
    cycles = phase[..., None] + (start * step + slope * step * (step - 1) / 2.0) / sample_rate
    cycles = cycles.flatten(1)
    following = cycles + instant_hz / sample_rate
    clip, sample = torch.nonzero(following.floor() > cycles.floor(), as_tuple=True)
    # the pulse falls `offset` samples after `sample`, 0 < offset ≤ 1
    rate = instant_hz[clip, sample] / sample_rate
    offset = (following[clip, sample].floor() - cycles[clip, sample]) / rate
    taps = torch.arange(-_HALF_TAPS + 1, _HALF_TAPS + 1, device=f0_hz.device)
    distance = taps - offset[:, None]
    window = torch.cos(torch.pi * distance / (2 * _HALF_TAPS)).square()
    pulses = torch.sinc(distance) * window / rate.sqrt()[:, None]
    length = n_frames * hop
    padded = torch.zeros(batch, length + 2 * _HALF_TAPS, device=f0_hz.device)
    where = clip[:, None] * padded.shape[1] + sample[:, None] + taps + _HALF_TAPS
    padded.view(-1).index_add_(0, where.flatten(), pulses.float().flatten())
    return padded[:, _HALF_TAPS : _HALF_TAPS + length]


def noise_phases(first_frame: int, n_frames: int, n_bins: int, seed: int) -> Tensor:
    """Random phases in radians [shape=(n_frames, n_bins)] for frames first_frame…

    Drawn in blocks of 256 frames, each with its own generator, so any stretch of a song can be
    decoded by itself and gets the same noise as the whole.
    """
    first, last = first_frame // _NOISE_BLOCK, (first_frame + n_frames - 1) // _NOISE_BLOCK
    blocks = []
    for block in range(first, last + 1):
        generator = torch.Generator().manual_seed((seed * 1_000_003 + block) % 2**63)
        blocks.append(torch.rand(_NOISE_BLOCK, n_bins, generator=generator))
    start = first_frame - first * _NOISE_BLOCK
    return torch.cat(blocks)[start : start + n_frames] * (2.0 * torch.pi)
