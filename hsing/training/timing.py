"""Recipe: the timing model, from labelled songs. Under a minute on one CPU thread."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hsing.align.timing import (
    PhoneContext,
    TimingConfig,
    TimingModel,
    inputs,
    phone_contexts,
    rule_s,
    split_at_nucleus,
    timeline_notes,
)
from hsing.errors import CheckpointError, TrainingError
from hsing.files import atomic_path
from hsing.lyrics.inventory import INVENTORY
from hsing.training.prepare import VALIDATION

if TYPE_CHECKING:
    from hsing.training.corpora import Song

WEIGHTS_FILE, CONFIG_FILE = "timing.safetensors", "timing.json"
_PLAUSIBLE_S = (0.008, 3.0)  # anything else is a slip of the labels


@dataclass(frozen=True)
class Example:
    """One labelled phone: what the model is told, how long it was, who sang it."""

    context: PhoneContext
    length_s: float
    singer: str


def train_timing(
    songs: Sequence[Song],
    out_dir: str | Path,
    *,
    steps: int = 1500,
    seed: int = 0,
    validation: Collection[str] = VALIDATION,
    batch: int = 256,
    learning_rate: float = 3e-3,
) -> dict:
    """Train, write `timing.safetensors` and `timing.json` to out_dir, and measure.

    The loss is the mean absolute error of log length, whose minimum is the median.

    Parameters
    ----------
    songs : from `read_corpus`; those with labels only are welcome
    validation : names of songs that are measured and not trained on

    Returns
    -------
    dict : `loss` (first and last mean of training), `parameters`, and under `validation` for each
        class of phone and for `consonants` and `all` the number, and mean and median absolute
        error in ms of the model and of the rule

    Raises
    ------
    TrainingError : no labelled phones to train on
    """
    held_out = [song for song in songs if song.name in validation]
    training = examples([song for song in songs if song.name not in validation])
    if not training:
        raise TrainingError("no labelled consonants to learn timing from; give songs with labels")
    model, losses = _fit(training, steps, seed, batch, learning_rate)
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    save_timing(model, out_dir)
    tenth = max(1, len(losses) // 10)
    return {
        "loss": {"first": float(np.mean(losses[:tenth])), "last": float(np.mean(losses[-tenth:]))},
        "parameters": sum(p.numel() for p in model.parameters()),
        "examples": len(training),
        "validation": measure(model, examples(held_out)),
    }


def examples(songs: Sequence[Song]) -> list[Example]:
    """All phones of some songs but the first nucleus of each note; none of songs timed by rule."""
    found = []
    for song in songs:
        if not song.labelled:
            continue
        notes, lengths = timeline_notes(song.timeline)
        for note, note_lengths, contexts in zip(notes, lengths, phone_contexts(notes)):
            nucleus = len(split_at_nucleus(note.phones)[0])
            asked = [length for i, length in enumerate(note_lengths) if i != nucleus]
            found += [Example(c, length, song.singer) for c, length in zip(contexts, asked)]
    low_s, high_s = _PLAUSIBLE_S
    return [example for example in found if low_s < example.length_s < high_s]


def _fit(
    training: list[Example], steps: int, seed: int, batch: int, learning_rate: float
) -> tuple[TimingModel, list[float]]:
    """A trained model in evaluation mode, and the loss of every step."""
    singers = sorted({example.singer for example in training})
    config = TimingConfig(
        n_phones=len(INVENTORY),
        phones={example.context.phone.index for example in training},
        singers=singers,
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TimingModel(config)
    phones, numbers = inputs([example.context for example in training])
    singer = torch.tensor([singers.index(example.singer) for example in training])
    target = _log_ratio(training)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    losses = []
    for _ in range(steps):
        rows = torch.randint(len(training), (min(batch, len(training)),), generator=generator)
        # Now and then nobody sings: the mean of the singers is trained as well.
        nobody = torch.rand(len(rows), generator=generator) < 0.1
        who = torch.where(nobody, -1, singer[rows])
        loss = (model(phones[rows], numbers[rows], who) - target[rows]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return model.eval(), losses


def _log_ratio(training: list[Example]) -> Tensor:
    """Logarithm of sung length over the rule's."""
    sung = torch.tensor([example.length_s for example in training], dtype=torch.float64)
    rule = torch.tensor([rule_s(example.context) for example in training], dtype=torch.float64)
    return torch.log(sung / rule).float()


def measure(model: TimingModel, held_out: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Absolute errors in ms by class of phone, of the model and of the rule."""
    errors = defaultdict(list)
    for singer in sorted({example.singer for example in held_out}):
        own = [example for example in held_out if example.singer == singer]
        predicted = model.predict([example.context for example in own], singer)
        for example, length_s in zip(own, predicted):
            off = (length_s - example.length_s, rule_s(example.context) - example.length_s)
            for name in _classes(example.context):
                errors[name].append(off)
    return {name: _row(1000 * np.abs(np.array(rows))) for name, rows in sorted(errors.items())}


def _classes(context: PhoneContext) -> tuple[str, ...]:
    phone = context.phone
    if phone.kind == "consonant":
        voicing = "voiced " if phone.voiced else "voiceless "
        plain = phone.manner in ("nasal", "liquid", "glide")
        return (phone.manner if plain else voicing + phone.manner, "consonants", "all")
    return (f"second {phone.symbol}" if phone.kind == "moraic" else "second vowel", "all")


def _row(errors_ms: np.ndarray) -> dict[str, float]:
    """errors_ms : [shape=(n, 2)], of the model and of the rule."""
    mean, median = errors_ms.mean(0), np.median(errors_ms, 0)
    return {
        "n": len(errors_ms),
        "mean_ms": round(float(mean[0]), 1),
        "median_ms": round(float(median[0]), 1),
        "rule_mean_ms": round(float(mean[1]), 1),
        "rule_median_ms": round(float(median[1]), 1),
    }


# --- files ---------------------------------------------------------------------------------------


def save_timing(model: TimingModel, folder: Path) -> None:
    """Write weights and config, each atomically, over what is there."""
    from safetensors.torch import save_file

    with atomic_path(folder / WEIGHTS_FILE, force=True) as temporary:
        save_file(model.state_dict(), str(temporary))
    with atomic_path(folder / CONFIG_FILE, force=True) as temporary:
        temporary.write_text(json.dumps(asdict(model.config), indent=1), encoding="utf-8")


def load_timing(folder: str | Path) -> TimingModel:
    """Read what `save_timing` wrote; tensors only. CheckpointError names what is missing."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"{folder / name}: no such file; make it with 'hsing train timing'"
            )
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        model = TimingModel(TimingConfig(**config))
        model.load_state_dict(load_file(str(folder / WEIGHTS_FILE)))
    except (TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{folder}: not a timing model ({reason}); train it again") from None
    return model.eval()
