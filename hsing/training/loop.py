"""The training loop. It knows no model: it is handed losses by name and weighs, logs and saves."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from hsing.errors import TrainingError
from hsing.files import atomic_path

STATE_FILE, BEST_FILE = "state.pt", "best.pt"


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast. Learning rate: linear warm-up, then a cosine to a twentieth."""

    steps: int = 5000
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    clip_norm: float = 5.0
    ema_decay: float = 0.999
    seed: int = 0
    log_every: int = 50
    validate_every: int = 1000
    save_every_s: float = 120.0

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * (0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done))))


def weigh(losses: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """Weighted sum. A loss without a weight, or a weight without a loss, raises TrainingError."""
    if losses.keys() != weights.keys():
        odd = ", ".join(sorted(losses.keys() ^ weights.keys()))
        raise TrainingError(f"losses and weights do not match: {odd}; known: {', '.join(losses)}")
    return sum(weights[name] * loss for name, loss in losses.items())


def fit(
    model: nn.Module,
    losses_of: Callable[[int], dict[str, Tensor]],
    weights: dict[str, float],
    folder: Path,
    config: LoopConfig,
    *,
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None,
    best_by: str | None = None,
    before_step: Callable[[int], None] = lambda step: None,
    report: Callable[[int, dict[str, float]], None] = lambda step, row: None,
) -> nn.Module:
    """Train `model`, resuming from `folder` if a state lies there; returns the averaged model.

    Parameters
    ----------
    losses_of : step → losses by name (a path such as `rvq/commitment`)
    weights : by the same names
    validate : (averaged model, step) → figures by name, every `validate_every` steps and at the end
    best_by : the figure of `validate` whose lowest value marks the model to keep, in `best.pt` and
        as the one returned; None keeps the last
    before_step : called with each step's number before its losses are computed
    report : called with every row that goes into `log.jsonl`

    The state (`state.pt`, tensors only) is saved every `save_every_s` seconds and at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        config.learning_rate,
        betas=(0.8, 0.99),
        weight_decay=config.weight_decay,
    )
    averaged = copy.deepcopy(model).eval()
    first = _resume(folder, model, averaged, optimizer)
    sums: dict[str, float] = {}
    summed = 0
    started = saved = time.monotonic()
    for step in range(first, config.steps):
        torch.manual_seed(config.seed * 1_000_003 + step)
        for group in optimizer.param_groups:
            group["lr"] = config.rate_at(step)
        before_step(step)
        model.train()
        losses = losses_of(step)
        total = weigh(losses, weights)
        if not torch.isfinite(total):
            raise TrainingError(f"step {step}: the loss is not finite: the run has diverged")
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        _average(averaged, model, min(config.ema_decay, (1 + step) / (10 + step)))
        for name, loss in (*losses.items(), ("total", total), ("gradient", norm)):
            sums[name] = sums.get(name, 0.0) + float(loss.detach())
        summed += 1
        done = step + 1
        if done % config.log_every == 0 or done == config.steps:
            row = {name: value / summed for name, value in sums.items()}
            row["seconds"] = time.monotonic() - started
            _log(folder, done, row, report)
            sums.clear()
            summed = 0
        if validate and (done % config.validate_every == 0 or done == config.steps):
            with torch.no_grad():
                figures = validate(averaged, done)
            _log(folder, done, figures, report)
            if best_by is not None:
                _keep_best(folder, done, figures[best_by], averaged)
        if time.monotonic() - saved > config.save_every_s or done == config.steps:
            _save(folder, done, model, averaged, optimizer)
            saved = time.monotonic()
    if best_by is not None and (folder / BEST_FILE).exists():
        averaged.load_state_dict(load_state(folder / BEST_FILE, averaged)["averaged"])
    return averaged


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential moving average of the parameters; buffers are copied."""
    for ours, theirs in zip(averaged.parameters(), model.parameters()):
        ours.lerp_(theirs, 1.0 - decay)
    for ours, theirs in zip(averaged.buffers(), model.buffers()):
        ours.copy_(theirs)


def _save(folder: Path, step: int, model, averaged, optimizer) -> None:
    state = {
        "step": step,
        "model": model.state_dict(),
        "averaged": averaged.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    with atomic_path(folder / STATE_FILE, force=True) as temporary:
        torch.save(state, temporary)


def _keep_best(folder: Path, step: int, figure: float, averaged: nn.Module) -> None:
    """Write the averaged model to `best.pt` if no validation was better before."""
    path = folder / BEST_FILE
    if math.isnan(figure):
        return
    if path.exists() and load_state(path, averaged)["figure"] <= figure:
        return
    with atomic_path(path, force=True) as temporary:
        torch.save({"step": step, "figure": figure, "averaged": averaged.state_dict()}, temporary)


def load_state(path: Path, model: nn.Module | None = None) -> dict:
    """A state that this loop wrote, on the model's device (the CPU without one)."""
    device = "cpu" if model is None else next(model.parameters()).device
    return torch.load(path, weights_only=True, map_location=device)


def _resume(folder: Path, model, averaged, optimizer) -> int:
    path = folder / STATE_FILE
    if not path.exists():
        return 0
    state = load_state(path, model)
    try:
        model.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError, KeyError):
        raise TrainingError(
            f"{path}: from a run with another configuration; give another --output or remove it"
        ) from None
    return state["step"]


def _log(folder: Path, step: int, row: dict[str, float], report) -> None:
    with open(folder / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, **{k: round(float(v), 6) for k, v in row.items()}}))
        file.write("\n")
    report(step, row)
