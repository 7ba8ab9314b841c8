"""What `pip install .` installs: every module, every data file, and the models."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import hsing
from hsing.checkpoints.card import CARD_FILE, read_card
from hsing.checkpoints.load import load_components

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SHIPPED = sorted(path.parent for path in (ROOT / "checkpoints").glob("*/config.json"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the tree, with a model 'planted' among the others."""
    source = tmp_path_factory.mktemp("source")
    for folder in ("hsing", "checkpoints"):
        unwanted = shutil.ignore_patterns("__pycache__")
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, source / folder, ignore=unwanted)
    for file in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / file, source)
    (source / "README.md").write_text("# A copy\n")
    planted = source / "checkpoints" / "planted"
    planted.mkdir(parents=True)
    config = {"kind": "voice", "components": {"x": {"file": "", "config": {}, "sha256": ""}}}
    (planted / "config.json").write_text(json.dumps(config))
    for file in ("card.md", "x.safetensors", "training.log"):
        (planted / file).write_text("planted")
    code = "from setuptools import build_meta; build_meta.build_wheel('.')"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (built,) = source.glob("*.whl")
    return zipfile.ZipFile(built)


def run_elsewhere(code, path, folder):
    """Standard output of code run in `folder`, with `path` to import from."""
    environment = {**os.environ, "PYTHONPATH": str(path), "HSING_HOME": str(folder / "no-models")}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_every_folder_with_code_is_listed():
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "hsing").rglob("__init__.py")}
    tree = {".".join(folder.parts) for folder in folders}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == tree | {"hsing.models"}
    stray = {path.parent.relative_to(ROOT) for path in (ROOT / "hsing").rglob("*.py")} - folders
    assert stray == set(), "folders with code but without __init__.py"


def test_the_program_is_where_the_entry_point_says():
    module, _, function = PROJECT["project"]["scripts"]["hsing"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_the_wheel_holds_all_of_the_package(wheel):
    here = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "hsing").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert here - set(wheel.namelist()) == set()


def test_the_wheel_holds_the_models_and_nothing_foreign(wheel):
    names = set(wheel.namelist())
    for folder in SHIPPED:
        for path in [*folder.glob("*.safetensors"), folder / "config.json", folder / CARD_FILE]:
            assert f"hsing/models/{folder.name}/{path.name}" in names
    assert "hsing/models/planted/x.safetensors" in names
    assert "hsing/models/planted/training.log" not in names
    metadata = f"hsing-{hsing.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"hsing", metadata}
    assert f"{metadata}/licenses/LICENSE" in names


def test_an_installed_package_finds_its_models_from_anywhere(wheel, tmp_path):
    site = tmp_path / "site-packages"
    wheel.extractall(site)
    code = "from hsing.checkpoints.load import find_checkpoint as find; print(find('planted'))"
    assert Path(run_elsewhere(code, site, tmp_path)) == site / "hsing/models/planted"


def test_a_source_tree_finds_its_models_from_anywhere(tmp_path):
    code = "from hsing.checkpoints.load import model_folders; print(model_folders()[1])"
    assert Path(run_elsewhere(code, ROOT, tmp_path)) == ROOT / "checkpoints"


def test_the_models_that_ship_are_whole_and_their_licence_is_declared():
    declared = PROJECT["project"]["license"]
    for folder in SHIPPED:
        config, components = load_components(folder)
        card = read_card(folder / CARD_FILE)
        hashes = {entry["file"]: entry["sha256"] for entry in config["components"].values()}
        assert card.sha256 == hashes, folder.name
        assert all(state for _, state in components.values())
        spdx = card.licence.replace(" ", "-")
        assert spdx in declared.split(" AND "), f"pyproject.toml: license lacks {spdx}"
