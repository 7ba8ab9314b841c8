"""Recipe of the pitch model (`hsing train pitch`): how this singer moves between and on notes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hsing.condition.config import ConditionConfig
from hsing.condition.model import ConditionInput, batch_of
from hsing.latent.config import LatentConfig
from hsing.melody.curve import decimate
from hsing.pipelines.voice import ConditionedGenerator
from hsing.training.clips import PITCH_POOL, Drawer, SungClip, clips_of, cut, cut_tokens
from hsing.training.datasets import TrainingSet
from hsing.training.loop import LoopConfig, fit
from hsing.training.runs import require_songs, write_run

UNTRUSTED_WEIGHT = 0.05  # the curve through consonants is interpolated: keep it near, no more


@dataclass(frozen=True)
class PitchTraining:
    """A small condition encoder and denoiser at half the frame rate."""

    condition: ConditionConfig = field(
        default_factory=lambda: ConditionConfig(
            channels=96,
            token_blocks=1,
            token_reach=2,
            latent_dim=1,
            n_regressed=2,
            pool=PITCH_POOL,
            dropout=0.3,
        )
    )
    latent: LatentConfig = field(
        default_factory=lambda: LatentConfig(
            latent_dim=1, condition_channels=96, channels=96, n_blocks=5
        )
    )
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(steps=900, weight_decay=0.05, validate_every=100)
    )
    batch_clips: int = 8
    clip_frames: int = 512
    transpose_semitones: int = 7
    weights: dict[str, float] = field(
        default_factory=lambda: {
            "diffusion/score": 1.0,
            "prior/nll": 4.0,
            "pitch/bias": 0.5,
            "pitch/voicing": 2.0,
        }
    )


def pitch_losses(
    model: ConditionedGenerator,
    given: ConditionInput,
    shape: Tensor,
    weight: Tensor,
    bias: Tensor,
    trusted: Tensor,
    voiced: Tensor,
) -> dict[str, Tensor]:
    """Losses by name.

    Parameters
    ----------
    shape, weight : [shape=(batch, frames/pool, 1)], semitones and what each row counts
    bias, trusted, voiced : [shape=(batch, frames)]
    """
    condition = model.condition(given)
    sung_bias, voicing = condition.regressed.unbind(dim=-1)
    away = F.smooth_l1_loss(sung_bias, bias, reduction="none", beta=0.3)
    target = model.generator.normalise(shape)
    return {
        **model.generator.losses(target, condition.prior_mean, condition.h, weight),
        "pitch/bias": (away * trusted).sum() / trusted.sum().clamp(min=1.0),
        "pitch/voicing": F.binary_cross_entropy_with_logits(voicing, voiced),
    }


def train_pitch(
    data: TrainingSet,
    folder: Path,
    config: PitchTraining,
    *,
    device: str = "cpu",
    report: Callable = lambda step, row: None,
) -> ConditionedGenerator:
    """Train on a prepared set; state and log go to `folder`.

    Sizes that follow from set and task, whatever `config` says: one row per singer, one number per
    step of the curve, bias and voicing regressed, no curves given.
    Raises TrainingError if there is no song to train on.
    """
    condition = replace(
        config.condition, n_singers=len(data.singers), latent_dim=1, n_regressed=2, n_curves=0
    )
    latent = replace(config.latent, latent_dim=1, condition_channels=condition.channels)
    torch.manual_seed(config.loop.seed)
    model = ConditionedGenerator(condition, latent).to(device)
    clips, held_out = clips_of(data, validation=False), clips_of(data, validation=True)
    require_songs(clips, data)
    write_run(folder, "pitch", model.configs(), data)
    spread = np.concatenate([clip.shape[clip.trusted > 0] for clip in clips]).std()
    model.generator.std.fill_(float(spread))
    drawer = Drawer(clips)

    def losses_of(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((config.loop.seed, step))
        drawn = drawer.draw(rng, config.batch_clips, config.clip_frames)
        shift = rng.integers(
            -config.transpose_semitones, config.transpose_semitones + 1, config.batch_clips
        )
        windows = [(clips[song], start, int(s)) for (song, start), s in zip(drawn, shift)]
        return pitch_losses(model, *_batch(windows, config.clip_frames, device, condition.pool))

    def validate(averaged: ConditionedGenerator, step: int) -> dict[str, float]:
        # one fixed draw of times and noise, so that rows can be compared
        torch.manual_seed(0)
        rows = [
            pitch_losses(
                averaged, *_batch([(clip, 0, 0)], clip.frames.n_frames, device, condition.pool)
            )
            for clip in held_out
        ]
        means = {name: float(np.mean([float(row[name]) for row in rows])) for name in rows[0]}
        total = sum(config.weights[name] * value for name, value in means.items())
        return {**{f"validation/{k}": v for k, v in means.items()}, "validation/total": total}

    return fit(
        model,
        losses_of,
        config.weights,
        folder,
        config.loop,
        validate=validate if held_out else None,
        best_by="validation/total" if held_out else None,
        report=report,
    )


def _batch(
    windows: list[tuple[SungClip, int, int]], n_frames: int, device: str, pool: int = PITCH_POOL
):
    """Arguments of pitch_losses after the model, for (song, first frame, transposition) windows."""

    def column(name: str) -> np.ndarray:
        return np.stack([cut(getattr(clip, name), start, n_frames) for clip, start, _ in windows])

    tokens = []
    for clip, start, shift in windows:
        window = cut_tokens(clip.tokens, start, n_frames)
        moved = np.where(window.note_midi > 0, window.note_midi + shift, 0)
        tokens.append(replace(window, note_midi=moved))
    given = batch_of(tokens, None, [clip.singer for clip, _, _ in windows])
    shape, trusted = column("shape"), column("trusted")
    slow = np.stack([decimate(row, pool) for row in shape])[..., None]
    weight = np.stack([decimate(row, pool) for row in trusted])[..., None]
    arrays = slow, weight + UNTRUSTED_WEIGHT, column("bias"), trusted, column("voiced")
    tensors = (torch.from_numpy(a.astype(np.float32)).to(device) for a in arrays)
    return given.to(device), *tensors
