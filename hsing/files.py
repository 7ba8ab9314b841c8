"""Writing files so that no reader ever sees half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hsing.errors import InputError


@contextmanager
def atomic_path(path: str | Path, force: bool = False) -> Iterator[Path]:
    """A path to write to instead of `path`; it becomes `path` when the block ends well.

    The temporary path lies in the same folder and has the same suffix, so that writers that go by
    the suffix work. If the block raises, it is removed and `path` stays as it was.

    Raises
    ------
    InputError
        If `path` exists and `force` is false, is not an ordinary file, or its folder does not
        exist or cannot be written to.
    """
    path = Path(path)
    check_writable(path, force)
    target = path.resolve()
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | Path, force: bool = False) -> None:
    """Raise InputError if `atomic_path` would refuse `path`: ask before hours of work, not after."""
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not an ordinary file; give the name of a file to write")
    if path.exists() and not force:
        raise InputError(f"{path} exists; give --force to overwrite")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise InputError(f"{path} cannot be written: the folder {folder} does not exist; make it")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{path} cannot be written: no permission to write in {folder}")


def make_folder(path: str | Path) -> Path:
    """Make a folder, and those above it, if need be. Raises InputError if that cannot be done."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made a folder ({error.strerror})") from None
    return path
