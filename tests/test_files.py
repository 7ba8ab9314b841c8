"""atomic_path: all or nothing."""

import pytest

from hsing.errors import InputError
from hsing.files import atomic_path, check_writable


def test_the_file_appears_only_when_the_block_ends(tmp_path):
    target = tmp_path / "song.wav"
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".wav"
        temporary.write_bytes(b"la")
        assert not target.exists()
    assert target.read_bytes() == b"la"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_block_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "song.wav"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_path(target, force=True) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_overwriting_needs_force(tmp_path):
    target = tmp_path / "song.wav"
    target.write_bytes(b"old")
    with pytest.raises(InputError, match="song.wav exists; give --force to overwrite"):
        check_writable(target)
    with atomic_path(target, force=True) as temporary:
        temporary.write_bytes(b"new")
    assert target.read_bytes() == b"new"


def test_a_link_is_written_through(tmp_path):
    target, link = tmp_path / "take1.wav", tmp_path / "latest.wav"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with atomic_path(link, force=True) as temporary:
        temporary.write_bytes(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_missing_folder_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="folder .*nowhere does not exist"):
        check_writable(tmp_path / "nowhere" / "song.wav")
    with pytest.raises(InputError, match="not an ordinary file"), atomic_path(tmp_path, True):
        pass
    assert tmp_path.is_dir()
