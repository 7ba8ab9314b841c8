"""Recipe of the latent model (`hsing train singer`): timbre, words and level of a singer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hsing.audio.f0 import fill_unvoiced
from hsing.codec.model import Codec
from hsing.condition.config import ConditionConfig
from hsing.condition.features import pitch_curves
from hsing.condition.model import ConditionInput, batch_of
from hsing.errors import TrainingError
from hsing.latent.config import LatentConfig
from hsing.latent.precondition import LatentGenerator
from hsing.latent.samplers import sample
from hsing.pipelines.voice import ConditionedGenerator
from hsing.training.clips import (
    PITCH_POOL,
    Drawer,
    SungClip,
    clips_of,
    cut,
    cut_tokens,
)
from hsing.training.datasets import PreparedSong, TrainingSet
from hsing.training.loop import LoopConfig, fit
from hsing.training.runs import first_of_each_singer, require_songs, write_example, write_run


@dataclass(frozen=True)
class SingerTraining:
    """What the latent model is trained with."""

    condition: ConditionConfig = field(default_factory=lambda: ConditionConfig(n_curves=2))
    latent: LatentConfig = field(default_factory=LatentConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=1800, validate_every=200))
    batch_clips: int = 8
    clip_frames: int = 344
    pitch_jitter_semitones: float = 0.3
    # frames per number of the pitch model, its `condition.pool`
    pitch_pool: int = PITCH_POOL
    # train on one singer's songs only, to fine-tune a model of several
    only_singer: str | None = None
    weights: dict[str, float] = field(
        default_factory=lambda: {"diffusion/score": 1.0, "prior/nll": 2.0}
    )


def singer_losses(
    model: ConditionedGenerator, given: ConditionInput, latent: Tensor
) -> dict[str, Tensor]:
    """Losses by name. latent : z [shape=(batch, frames, latent_dim)]"""
    condition = model.condition(given)
    target = model.generator.normalise(latent)
    return model.generator.losses(target, condition.prior_mean, condition.h)


def train_singer(
    data: TrainingSet,
    codec: Codec,
    folder: Path,
    config: SingerTraining,
    *,
    start_from: ConditionedGenerator | None = None,
    device: str = "cpu",
    report: Callable = lambda step, row: None,
) -> ConditionedGenerator:
    """Train on a prepared set and a frozen codec; state, log and pictures go to `folder`.

    start_from : weights to begin with, for fine-tuning; they replace the fresh ones

    Sizes that follow from set, codec and task, whatever `config` says: one row per singer, the
    codec's latents at its frame rate, pitch and voicing given.
    Raises TrainingError if set and codec are on different clocks, if there is no song to train on,
    or if `start_from` has other sizes.
    """
    if codec.config.clock != data.clock:
        raise TrainingError(f"{data.folder} is on {data.clock}, the codec on {codec.config.clock}")
    dim = codec.config.latent_dim
    condition = replace(
        config.condition, n_singers=len(data.singers), latent_dim=dim, n_curves=2, pool=1
    )
    latent = replace(config.latent, latent_dim=dim, condition_channels=condition.channels)
    torch.manual_seed(config.loop.seed)
    model = ConditionedGenerator(condition, latent).to(device)
    clips, held_out = (
        _chosen(clips_of(data, validation=side, pool=config.pitch_pool), data, config)
        for side in (False, True)
    )
    require_songs(clips, data)
    if start_from is not None:
        _refuse_other_sizes(model, start_from)
    write_run(folder, "singer", model.configs(), data)
    songs = {song.name: song for song in data.songs}
    latents = {c.name: latents_of(codec, songs[c.name], device) for c in clips + held_out}
    _set_statistics(model.generator, [latents[clip.name] for clip in clips])
    if start_from is not None:
        model.load_state_dict(start_from.state_dict())
    drawer = Drawer(clips)

    def losses_of(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((config.loop.seed, step))
        drawn = drawer.draw(rng, config.batch_clips, config.clip_frames)
        windows = [(clips[song], start) for song, start in drawn]
        given = _given(windows, config, rng).to(device)
        target = np.stack([cut(latents[c.name], s, config.clip_frames) for c, s in windows])
        return singer_losses(model, given, torch.from_numpy(target).to(device))

    def validate(averaged: ConditionedGenerator, step: int) -> dict[str, float]:
        return _validate(averaged, codec, held_out, songs, latents, folder, step, device)

    return fit(
        model,
        losses_of,
        config.weights,
        folder,
        config.loop,
        validate=validate if held_out else None,
        best_by="validation/prior/nll" if held_out else None,
        report=report,
    )


def latents_of(codec: Codec, song: PreparedSong, device: str = "cpu") -> np.ndarray:
    """Quantised latents of a song: float32 [shape=(n_frames, latent_dim)]."""
    with torch.inference_mode():
        f0_hz = torch.from_numpy(fill_unvoiced(song.f0_hz))[None].to(device)
        latent = codec.encode(torch.from_numpy(song.sound())[None].to(device), f0_hz)
        return codec.quantizer(latent)[0][0].cpu().numpy()


def _chosen(clips: list[SungClip], data: TrainingSet, config: SingerTraining) -> list[SungClip]:
    if config.only_singer is None:
        return clips
    if config.only_singer not in data.singers:
        raise TrainingError(
            f"no singer is called '{config.only_singer}'; {data.folder} has"
            f" {', '.join(data.singers)}"
        )
    wanted = data.singers.index(config.only_singer)
    return [clip for clip in clips if clip.singer == wanted]


def _refuse_other_sizes(model: ConditionedGenerator, start: ConditionedGenerator) -> None:
    shapes, configs = [], []
    for side in (model, start):
        shapes.append({name: tensor.shape for name, tensor in side.state_dict().items()})
        parts = side.configs().items()
        configs.append({f"{part}.{key}": v for part, values in parts for key, v in values.items()})
    if shapes[0] != shapes[1]:
        ours, theirs = configs
        odd = [f"{key} {theirs[key]}, not {ours[key]}" for key in ours if theirs[key] != ours[key]]
        raise TrainingError(
            f"the run to start from has other sizes: {'; '.join(odd)}; train with the same"
        )


def _set_statistics(generator: LatentGenerator, latents: list[np.ndarray]) -> None:
    """Mean and deviation of each latent dimension over the training songs."""
    rows = torch.from_numpy(np.concatenate(latents))
    generator.mean.copy_(rows.mean(dim=0))
    generator.std.copy_(rows.std(dim=0).clamp(min=1e-4))


def _given(windows: list[tuple[SungClip, int]], config: SingerTraining, rng):
    tokens, curves, n_frames = [], [], config.clip_frames
    for clip, start in windows:
        tokens.append(cut_tokens(clip.tokens, start, n_frames))
        jitter = rng.normal() * config.pitch_jitter_semitones
        pitch = cut(clip.smooth_midi, start, n_frames) + jitter
        curves.append(pitch_curves(pitch, cut(clip.voiced, start, n_frames)))
    return batch_of(tokens, np.stack(curves), [clip.singer for clip, _ in windows])


def _validate(model, codec, clips, songs, latents, folder: Path, step: int, device: str):
    """Losses on whole held-out songs, and error of drawn and of prior latents (in units of the
    latents' deviation); each singer's first song is written as sound and picture."""
    torch.manual_seed(0)
    rows, rate = [], codec.config.sample_rate
    shown = first_of_each_singer([songs[clip.name] for clip in clips])
    for clip in clips:
        n_frames = min(clip.frames.n_frames, len(latents[clip.name]))
        curves = pitch_curves(clip.smooth_midi, clip.voiced)[None, :n_frames]
        tokens = clip.tokens.window(0, n_frames)
        given = batch_of([tokens], curves, [clip.singer]).to(device)
        target = torch.from_numpy(latents[clip.name][None, :n_frames]).to(device)
        losses = singer_losses(model, given, target)
        condition = model.condition(given)
        drawn = sample(
            model.generator,
            condition.prior_mean,
            condition.h,
            n_steps=8,
            temperature=1.5,
            seed=0,
        )
        wanted = model.generator.normalise(target)
        rows.append(
            {
                **{name: float(value) for name, value in losses.items()},
                "prior_error": float((condition.prior_mean - wanted).square().mean().sqrt()),
                "drawn_error": float((drawn - wanted).square().mean().sqrt()),
            }
        )
        if clip.name in shown:
            song = songs[clip.name]
            f0_hz = torch.from_numpy(fill_unvoiced(song.f0_hz)[:n_frames]).to(device)
            voiced = torch.from_numpy(clip.voiced[:n_frames]).to(device)
            latent = model.generator.denormalise(drawn)[0]
            sung = codec.decode(latent, f0_hz, voiced).cpu().numpy()
            write_example(folder, step, song, "sung", sung, rate)
    return {f"validation/{k}": float(np.mean([row[k] for row in rows])) for k in rows[0]}
