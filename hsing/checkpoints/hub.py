"""Checkpoints from the Hugging Face hub, always at a pinned revision.

A name is either `hf:owner/repository@revision`, or stands in a table `hub.json` beside the
checkpoints of a model folder: {"name": "owner/repository@revision"}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from hsing.errors import CheckpointError

HUB_PREFIX = "hf:"
TABLE_FILE = "hub.json"
_PINNED = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)@(?P<revision>[\w.-]+)")
_WANTED = ["config.json", "card.md", "*.safetensors"]


def parse_pinned(name: str) -> tuple[str, str]:
    """(repository, revision) of 'owner/repository@revision'. Raises CheckpointError otherwise."""
    match = _PINNED.fullmatch(name)
    if match is None:
        raise CheckpointError(
            f"'{name}' does not pin a model on the hub; write owner/repository@revision,"
            " the revision being a commit or a tag"
        )
    return match["repository"], match["revision"]


def published(roots: Iterable[Path]) -> dict[str, str]:
    """Name → 'owner/repository@revision' from the tables of the model folders; the first wins.

    Raises CheckpointError naming the table if one cannot be read.
    """
    table: dict[str, str] = {}
    for path in (root / TABLE_FILE for root in roots):
        if not path.is_file():
            continue
        try:
            entries = json.loads(path.read_text("utf-8"))
            table = {**{str(name): str(pinned) for name, pinned in entries.items()}, **table}
        except (OSError, ValueError, AttributeError):
            raise CheckpointError(
                f'{path}: expected JSON of the form {{"name": "owner/repository@revision"}}'
            ) from None
    return table


def fetch(pinned: str) -> Path:
    """Folder of 'owner/repository@revision', downloaded if it is not in the hub's cache yet.

    Only config.json, card.md and safetensors files are fetched. Raises CheckpointError if there
    is no such revision, or no network.
    """
    from huggingface_hub import snapshot_download

    repository, revision = parse_pinned(pinned)
    try:
        folder = snapshot_download(repository, revision=revision, allow_patterns=_WANTED)
    except Exception as error:  # the hub's client raises its own, the network's and the disk's
        raise CheckpointError(
            f"{repository}@{revision} could not be fetched from the Hugging Face hub"
            f" ({type(error).__name__}); check the name and the network, or download the folder"
            " elsewhere and give its path"
        ) from error
    return Path(folder)
