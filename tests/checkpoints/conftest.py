"""A home for checkpoints, and a voice in it."""

import pytest
from tiny_checkpoint import CARD, CONFIG, tiny_components

from hsing.checkpoints.save import save_checkpoint


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty model folder of the user's; the package's own is empty too."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HSING_HOME", str(folder))
    package = tmp_path / "package"
    package.mkdir()
    monkeypatch.setattr("hsing.checkpoints.load.package_folder", lambda: package)
    return folder


@pytest.fixture
def voice(home):
    """Folder of a voice named 'tiny'."""
    return save_checkpoint(home / "tiny", CONFIG, tiny_components(), CARD)
