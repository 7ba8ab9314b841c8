"""YAML over dataclasses: a file names only what differs from the defaults."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import yaml

from hsing.errors import InputError


def overlay_file(config, path: str | Path | None):
    """`config` with the values of a YAML file laid over it; None leaves it as it is.

    Raises InputError if the file is missing, is no mapping, or names an unknown key.
    """
    if path is None:
        return config
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({_line(error)})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: must hold 'key: value' lines")
    return overlay(config, values, str(path))


def overlay(config, values: dict, where: str):
    """A copy of a dataclass with `values` in place of its own, nested ones too."""
    known = {field.name: getattr(config, field.name) for field in fields(config)}
    changed = {}
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{where}: unknown key '{key}'; known: {', '.join(known)}")
        changed[key] = _laid_over(known[key], value, f"{where}: {key}")
    return replace(config, **changed)


def _laid_over(old, value, where: str):
    if is_dataclass(old):
        if not isinstance(value, dict):
            raise InputError(f"{where} must be a mapping, not {value!r}")
        return overlay(old, value, where)
    if isinstance(old, dict):
        if not isinstance(value, dict) or not value.keys() <= old.keys():
            raise InputError(f"{where} must map some of {', '.join(old)}")
        changed = {key: _laid_over(old[key], v, f"{where}: {key}") for key, v in value.items()}
        return {**old, **changed}
    if old is not None and not _is_like(old, value):
        raise InputError(f"{where} must be of type {type(old).__name__}, not {value!r}")
    return type(old)(value) if type(old) is float else value


def _is_like(old, value) -> bool:
    """Same type, but that whole numbers stand for floats; True and False are no numbers."""
    if isinstance(value, bool):
        return isinstance(old, bool)
    return isinstance(value, int | float if isinstance(old, float) else type(old))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
