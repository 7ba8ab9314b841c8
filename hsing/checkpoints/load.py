"""Find and load a checkpoint: name → folder → SHA-256 → tensors only.

The networks themselves are built elsewhere, from the config that is stored with the weights.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import hsing
from hsing.checkpoints.hub import HUB_PREFIX, fetch, published
from hsing.errors import CheckpointError

if TYPE_CHECKING:
    import torch

CONFIG_FILE = "config.json"


@dataclass(frozen=True)
class Listed:
    """A checkpoint in one of the model folders."""

    name: str
    folder: Path
    config: dict


def model_folders() -> list[Path]:
    """Where checkpoints are looked up by name: the user's folder, then the package's own.

    The user's is $HSING_HOME, or ~/.local/share/hsing/models.
    """
    home = os.environ.get("HSING_HOME")
    user = Path(home).expanduser() if home else Path.home() / ".local/share/hsing/models"
    return [user, package_folder()]


def package_folder() -> Path:
    """`checkpoints/` of a source tree, or the copy of it that an installed package carries."""
    package = Path(hsing.__file__).resolve().parent
    if (package.parent / "pyproject.toml").is_file():
        return package.parent / "checkpoints"
    return package / "models"


def find_checkpoint(
    name_or_path: str | Path, *, kind: str | None = None, beside: Path | None = None
) -> Path:
    """Folder of a checkpoint.

    Parameters
    ----------
    name_or_path : a folder, a name, or hf:owner/repository@revision
    kind : "voice", "codec", …: refuse any other
    beside : a checkpoint whose neighbours are looked at before the model folders: a voice finds
        its codec there

    Raises
    ------
    CheckpointError
        If there is none of that name (listing the names there are and where they were looked
        for), it is of another kind, or cannot be fetched.
    """
    name = str(name_or_path)
    folder = _folder(name, kind, beside)
    found = read_config(folder)["kind"]
    if kind not in (None, found):
        raise CheckpointError(f"{name} is a {found}, not a {kind}{_available(kind)}")
    return folder


def _folder(name: str, kind: str | None, beside: Path | None) -> Path:
    if name.startswith(HUB_PREFIX):
        return fetch(name.removeprefix(HUB_PREFIX))
    if _is_checkpoint(Path(name)) or os.sep in name or name in (".", ".."):
        return Path(name)
    neighbours = [] if beside is None else [Path(beside).resolve().parent]
    for root in neighbours + model_folders():
        if _is_checkpoint(root / name):
            return root / name
    if pinned := published(model_folders()).get(name):
        return fetch(pinned)
    places = ", ".join(map(str, neighbours + model_folders()))
    wanted = kind or "checkpoint"
    raise CheckpointError(f"there is no {wanted} '{name}' in {places}{_available(kind)}")


def _available(kind: str | None) -> str:
    listed = list_checkpoints(kind, on_error=lambda error: None)
    names = sorted({entry.name for entry in listed} | set(published(model_folders())))
    return f"; available: {', '.join(names) or 'none'}"


def list_checkpoints(
    kind: str | None = None, *, on_error: Callable[[CheckpointError], None] | None = None
) -> list[Listed]:
    """Checkpoints in the model folders, by name; the first folder wins where names collide.

    `on_error` receives the error of each checkpoint that cannot be read; without it, it is raised.
    """
    found: dict[str, Listed] = {}
    for root in model_folders():
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            if folder.name in found or not _is_checkpoint(folder):
                continue
            try:
                entry = Listed(folder.name, folder, read_config(folder))
            except CheckpointError as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            found[entry.name] = entry
    return [found[name] for name in sorted(found) if kind in (None, found[name].config["kind"])]


def read_config(folder: str | Path) -> dict:
    """config.json of a checkpoint.

    Raises CheckpointError if it is missing, is not JSON, or lacks "kind" or a well-formed
    "components".
    """
    path = Path(folder) / CONFIG_FILE
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{folder} is not a checkpoint: it has no {CONFIG_FILE}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({_line(error)})") from None
    if not isinstance(config, dict) or not isinstance(config.get("kind"), str):
        raise CheckpointError(f"{path} does not say what kind of model it is: 'kind' is missing")
    components = config.get("components")
    if not isinstance(components, dict) or not components:
        raise CheckpointError(f"{path} lists no components")
    for name, entry in components.items():
        if not isinstance(entry, dict) or not {"file", "config", "sha256"} <= entry.keys():
            raise CheckpointError(f"{path}: component '{name}' needs file, config and sha256")
    return config


def load_components(
    folder: str | Path, device: str | torch.device = "cpu", *, only: tuple[str, ...] | None = None
) -> tuple[dict, dict[str, tuple[dict, dict[str, torch.Tensor]]]]:
    """(config, {component: (its config, its state dict)}); floating-point tensors in float32.

    Parameters
    ----------
    folder : from `find_checkpoint`
    device : where the tensors go
    only : names of the components wanted; all by default

    Raises
    ------
    CheckpointError
        If a file or a component is missing, a file's SHA-256 is not the one in config.json, or a
        file is not safetensors: pickles are never opened.
    """
    folder = Path(folder)
    config = read_config(folder)
    table = config["components"]
    wanted = tuple(table) if only is None else only
    if missing := [name for name in wanted if name not in table]:
        raise CheckpointError(
            f"{folder} has no component '{missing[0]}'; it has {', '.join(table)}"
        )
    components = {
        name: (table[name]["config"], _read_weights(folder, table[name], device)) for name in wanted
    }
    return config, components


def _read_weights(folder: Path, entry: dict, device) -> dict[str, torch.Tensor]:
    """State dict of one component; what is hashed is what is parsed."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    file = str(entry["file"])
    path = folder / file
    if Path(file).name != file or path.suffix != ".safetensors":
        raise CheckpointError(
            f"{folder}: '{file}' is refused; weights are a .safetensors file in the same folder"
        )
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror})") from None
    digest = hashlib.sha256(weights).hexdigest()
    if digest != entry["sha256"]:
        raise CheckpointError(
            f"{path} is damaged or not the file that was published: its SHA-256 begins"
            f" {digest[:12]}, {CONFIG_FILE} says {str(entry['sha256'])[:12]}; fetch it again"
        )
    try:
        tensors = load(weights)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a safetensors file ({_line(error)})") from None
    return {key: _usable(tensor).to(device) for key, tensor in tensors.items()}


def _usable(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _is_checkpoint(folder: Path) -> bool:
    return (folder / CONFIG_FILE).is_file()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
