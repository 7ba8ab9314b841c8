"""Recipe of the codec (`hsing train codec`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hsing.audio.f0 import fill_unvoiced
from hsing.audio.resample import resample
from hsing.codec.config import CodecConfig
from hsing.codec.losses import mel_loss, spectral_losses
from hsing.codec.model import Codec
from hsing.errors import TrainingError
from hsing.training.datasets import PreparedSong, TrainingSet
from hsing.training.loop import LoopConfig, fit
from hsing.training.runs import first_of_each_singer, require_songs, write_example, write_run


@dataclass(frozen=True)
class CodecTraining:
    """What the codec is trained with. `loop.steps` of `batch_clips` clips of `clip_frames`."""

    model: CodecConfig = field(default_factory=CodecConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=2600))
    batch_clips: int = 8
    clip_frames: int = 86
    # the quantiser is fitted by k-means once the latents have settled
    quantizer_from_step: int = 600
    min_books: int = 4
    # share of clips played faster or slower, for timbres and pitches between the singers'
    augmented_share: float = 0.3
    augment_semitones: float = 3.0
    weights: dict[str, float] = field(
        default_factory=lambda: {
            "spectral/magnitude": 1.0,
            "spectral/log": 1.0,
            "mel": 4.0,
            "rvq/commitment": 0.02,
        }
    )


def train_codec(
    data: TrainingSet,
    folder: Path,
    config: CodecTraining,
    *,
    device: str = "cpu",
    report: Callable = lambda step, row: None,
) -> Codec:
    """Train on a prepared set; the run's state, log, audio and pictures go to `folder`.

    Raises TrainingError if set and codec are on different clocks, if there is no song to train on,
    or if there are too few steps to fit the quantiser.
    """
    if data.clock != config.model.clock:
        raise TrainingError(f"{data.folder} is on {data.clock}, the codec on {config.model.clock}")
    if config.loop.steps <= config.quantizer_from_step:
        raise TrainingError(
            "the quantiser would never be fitted: it is from step"
            f" {config.quantizer_from_step}, and there are {config.loop.steps} steps; give more, or"
            " a lower quantizer_from_step"
        )
    songs = [_Song(song) for song in data.split(validation=False)]
    require_songs(songs, data)
    write_run(folder, "codec", asdict(config.model), data)
    torch.manual_seed(config.loop.seed)
    codec = Codec(config.model).to(device)
    held_out = data.split(validation=True)

    def losses_of(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((config.loop.seed, step))
        samples, f0_hz, voicing = (x.to(device) for x in _batch(songs, config, rng))
        books = torch.from_numpy(_draw_books(config, rng)).to(device)
        output, commitment = codec(samples, f0_hz, voicing, books)
        return {
            **spectral_losses(output, samples),
            "mel": mel_loss(output, samples, config.model.sample_rate),
            "rvq/commitment": commitment,
        }

    def before_step(step: int) -> None:
        if step >= config.quantizer_from_step and not codec.quantizer.ready:
            codec.quantizer.initialise(_sample_latents(codec, songs, config, device))

    return fit(
        codec,
        losses_of,
        config.weights,
        folder,
        config.loop,
        validate=lambda model, step: _validate(model, held_out, folder, step, device),
        before_step=before_step,
        report=report,
    )


class _Song:
    """A song's sound and controls, ready to be cut into clips."""

    def __init__(self, song: PreparedSong):
        self.samples = song.sound()
        self.f0_hz = fill_unvoiced(song.f0_hz)
        self.voicing = (song.f0_hz > 0).astype(np.float32)

    def clip(self, start: int, n_frames: int, hop: int, ratio: float = 1.0):
        """n_frames from frame `start`, played `ratio` times as fast; silence where the song is too
        short."""
        taken = int(np.ceil(n_frames * ratio)) + 2 if ratio != 1.0 else n_frames
        start = max(0, min(start, len(self.f0_hz) - taken))
        samples = self.samples[start * hop : (start + taken) * hop]
        at = np.arange(n_frames) * ratio
        f0_hz, voicing = (x[start : start + taken] for x in (self.f0_hz, self.voicing))
        index = np.arange(len(f0_hz))
        voicing = np.interp(at, index, voicing, right=0.0) > 0.5
        f0_hz = np.interp(at, index, f0_hz) * ratio
        if ratio != 1.0:
            samples = resample(samples, 10_000, round(10_000 / ratio))
        samples = np.pad(samples, (0, max(0, n_frames * hop - len(samples))))[: n_frames * hop]
        return samples, f0_hz.astype(np.float32), voicing.astype(np.float32)


def _batch(songs: list[_Song], config: CodecTraining, rng) -> tuple[Tensor, Tensor, Tensor]:
    """Random clips, songs drawn by length: samples, f0_hz, voicing."""
    lengths = np.array([len(song.f0_hz) for song in songs], dtype=np.float64)
    clips = []
    for song in rng.choice(len(songs), config.batch_clips, p=lengths / lengths.sum()):
        start = int(rng.integers(0, max(1, len(songs[song].f0_hz) - config.clip_frames)))
        ratio = 1.0
        if rng.random() < config.augmented_share:
            ratio = 2.0 ** (rng.uniform(-1, 1) * config.augment_semitones / 12.0)
        samples, f0_hz, voicing = songs[song].clip(
            start, config.clip_frames, config.model.hop, ratio
        )
        clips.append((samples * rng.uniform(0.5, 1.0), f0_hz, voicing))
    return tuple(torch.from_numpy(np.stack(column).astype(np.float32)) for column in zip(*clips))


def _draw_books(config: CodecTraining, rng) -> np.ndarray:
    """Quantiser dropout: half the clips use all books, the others any number of them."""
    n = config.model.n_codebooks
    low = min(config.min_books, n)
    drawn = rng.integers(low, n + 1, config.batch_clips)
    return np.where(rng.random(config.batch_clips) < 0.5, n, drawn)


@torch.no_grad()
def _sample_latents(codec: Codec, songs, config: CodecTraining, device: str) -> Tensor:
    """Latents of training clips for the first k-means: about 20,000, or four to a code if that is
    more, but no more than 40 batches hold."""
    rng = np.random.default_rng(config.loop.seed)
    wanted = max(20_000, 4 * config.model.codebook_size)
    rounds = -(-wanted // (config.batch_clips * config.clip_frames))
    batches = [_batch(songs, config, rng) for _ in range(min(rounds, 40))]
    latents = [codec.encode(samples.to(device), f0.to(device)) for samples, f0, _ in batches]
    return torch.cat([latent.flatten(0, 1) for latent in latents])


def copy_of(codec: Codec, song: PreparedSong, n_books: int | None, device: str) -> np.ndarray:
    """The codec's copy of a song with `n_books` books: float32 [n]."""
    f0_hz = torch.from_numpy(fill_unvoiced(song.f0_hz)).to(device)
    voicing = torch.from_numpy((song.f0_hz > 0).astype(np.float32)).to(device)
    with torch.inference_mode():
        latent = codec.encode(torch.from_numpy(song.sound())[None].to(device), f0_hz[None])
        latent, _ = codec.quantizer(latent, n_books)
        return codec.decode(latent[0], f0_hz, voicing).cpu().numpy()


def _validate(codec: Codec, songs: list[PreparedSong], folder: Path, step: int, device: str):
    """Log-mel L1 of the copies of the held-out songs; each singer's first is written as sound and
    picture."""
    rate, errors = codec.config.sample_rate, []
    shown = first_of_each_singer(songs)
    for song in songs:
        copy = copy_of(codec, song, None, device)
        original = song.sound()[: len(copy)]
        copy = copy[: len(original)]
        pair = torch.from_numpy(copy)[None], torch.from_numpy(original)[None]
        errors.append(float(mel_loss(*pair, rate)))
        if song.name in shown:
            write_example(folder, step, song, "copy", copy, rate)
    return {"validation/mel": float(np.mean(errors))} if errors else {}
