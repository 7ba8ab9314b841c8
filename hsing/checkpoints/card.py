"""The card of a model: what it is, whose voice, under which licence, how it was made and measured.

`card.md` is Markdown with YAML front matter: people read it, `hsing voices show` prints it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import yaml

from hsing.errors import CheckpointError
from hsing.files import atomic_path

CARD_FILE = "card.md"
_FENCE = "---"
_TUPLES = ("languages", "data", "validation")


@dataclass(frozen=True)
class Card:
    """Everything that must travel with the weights.

    data : what it was trained on, an entry per corpus, with its licence
    validation : names of the songs held out
    figures : measured figure → value
    command : the command line that trained it
    sha256 : weights file → SHA-256; `save_checkpoint` fills it in
    text : Markdown below the front matter
    """

    name: str
    licence: str
    attribution: str
    languages: tuple[str, ...] = ()
    singer: str = ""
    sample_rate: int = 0
    data: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    figures: dict[str, object] = field(default_factory=dict)
    command: str = ""
    sha256: dict[str, str] = field(default_factory=dict)
    text: str = ""


def write_card(path: str | Path, card: Card, *, force: bool = False) -> None:
    """Write a card as Markdown with front matter. Raises InputError if the file cannot be written.

    Empty fields are left out.
    """
    front = {key: value for key, value in asdict(card).items() if value and key != "text"}
    front = json.loads(json.dumps(front, default=plain))
    header = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=96)
    with atomic_path(path, force) as temporary:
        temporary.write_text(f"{_FENCE}\n{header}{_FENCE}\n\n{card.text.strip()}\n", "utf-8")


def read_card(path: str | Path) -> Card:
    """Read a card. Raises CheckpointError if it is missing, malformed or has an unknown field."""
    path = Path(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: the card cannot be read ({_line(error)})") from None
    front, body = _split(text, path)
    known = [entry.name for entry in fields(Card) if entry.name != "text"]
    if unknown := [key for key in front if key not in known]:
        raise CheckpointError(
            f"{path}: unknown field '{unknown[0]}'; a card knows {', '.join(known)}"
        )
    if missing := [key for key in ("name", "licence", "attribution") if not front.get(key)]:
        raise CheckpointError(f"{path}: the card lacks '{missing[0]}'; add it to its front matter")
    for key in _TUPLES:
        value = front.get(key) or ()
        front[key] = (value,) if isinstance(value, str) else tuple(value)
    return Card(**front, text=body)


def plain(number) -> object:
    """A NumPy or torch scalar as Python's own number, for json's `default`."""
    return number.item()


def _split(text: str, path: Path) -> tuple[dict, str]:
    """Front matter and body of a card."""
    opening, _, rest = text.partition(f"{_FENCE}\n")
    header, closing, body = rest.partition(f"\n{_FENCE}\n")
    if opening or not closing:
        raise CheckpointError(f"{path}: a card starts with YAML between two lines '{_FENCE}'")
    try:
        front = yaml.safe_load(header)
    except yaml.YAMLError as error:
        raise CheckpointError(f"{path}: the front matter is not YAML ({_line(error)})") from None
    if not isinstance(front, dict):
        raise CheckpointError(f"{path}: the front matter is not a list of 'field: value' lines")
    return front, body.strip()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
