"""Write a checkpoint: config.json, one safetensors file per component, card.md."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hsing.checkpoints.card import CARD_FILE, Card, plain, write_card
from hsing.checkpoints.load import CONFIG_FILE
from hsing.errors import CheckpointError, InputError

if TYPE_CHECKING:
    from torch import Tensor


def save_checkpoint(
    folder: str | Path,
    config: dict,
    components: dict[str, tuple[dict, dict[str, Tensor]]],
    card: Card,
    *,
    dtype: str = "float32",
    force: bool = False,
) -> Path:
    """Write a checkpoint folder so that no reader sees half of it; returns the folder.

    Parameters
    ----------
    config : has at least "kind"; "components" is filled in here
    components : name → (config of the network, its state dict)
    card : its `sha256` is filled in here
    dtype : "float32", or "float16" for half the size; integer tensors keep their type
    force : replace the checkpoint in `folder`, if any; other files there are left alone

    Raises
    ------
    InputError
        If the folder is not empty and `force` is false, or the folder above it does not exist.
    CheckpointError
        If a weight is not finite (in float16: larger than 65,504).
    """
    folder = Path(folder)
    _check_folder(folder, force)
    staging = folder.resolve().with_name(f".{folder.name}-{secrets.token_hex(4)}")
    staging.mkdir()
    try:
        _write(staging, config, components, card, dtype)
        _publish(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def _check_folder(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give the name of a folder for the checkpoint")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise InputError(f"{folder} exists; give --force to overwrite")
    parent = folder.resolve().parent
    if not parent.is_dir():
        raise InputError(f"{folder} cannot be written: {parent} does not exist; make it")
    if not os.access(parent, os.W_OK):
        raise InputError(f"{folder} cannot be written: no permission to write in {parent}")


def _write(staging: Path, config: dict, components: dict, card: Card, dtype: str) -> None:
    from safetensors.torch import save

    table, hashes = {}, {}
    for name, (network_config, state) in components.items():
        file = f"{name}.safetensors"
        weights = save({key: _stored(key, tensor, name, dtype) for key, tensor in state.items()})
        hashes[file] = hashlib.sha256(weights).hexdigest()
        table[name] = {"file": file, "config": network_config, "sha256": hashes[file]}
        (staging / file).write_bytes(weights)
    config = {**config, "components": table}
    text = json.dumps(config, indent=2, ensure_ascii=False, default=plain)
    (staging / CONFIG_FILE).write_text(text + "\n", "utf-8")
    write_card(staging / CARD_FILE, replace(card, sha256=hashes))


def _stored(key: str, tensor: Tensor, component: str, dtype: str) -> Tensor:
    """The tensor as it is stored: on the CPU, contiguous, floats in `dtype`."""
    import torch

    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.to({"float16": torch.float16, "float32": torch.float32}[dtype])
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{component}: weight '{key}' is not finite in {dtype}")
    return tensor.clone(memory_format=torch.contiguous_format)


def _publish(staging: Path, folder: Path) -> None:
    """Move the files into place, config.json last: it holds the hashes of the others."""
    if not folder.exists():
        os.replace(staging, folder)
        return
    written = sorted(staging.iterdir(), key=lambda path: path.name == CONFIG_FILE)
    names = {path.name for path in written}
    for path in written:
        os.replace(path, folder / path.name)
    for path in folder.glob("*.safetensors"):
        if path.name not in names:
            path.unlink()
