"""The tree keeps its rules: who may import whom, one home per outside library, only the command
line prints. The rules read the source; planted violations show that each of them can fail."""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "hsing"

# Anyone may import these; they import only each other.
SHARED = {"flow", "units", "errors", "files", "audio", "layers"}
STAGES = {
    "score", "lyrics", "align", "melody", "condition", "latent", "codec", "unsupervised", "ddsp",
    "edit",
}  # fmt: skip
# Who may import more than SHARED and itself. "" is hsing/__init__.py, the public interface.
JOINS = {
    "checkpoints": {""},
    "evaluation": {"pipelines"},
    "pipelines": STAGES | {"checkpoints", "evaluation"},
    "training": STAGES | {"checkpoints", "evaluation", "pipelines"},
    "cli": STAGES | {"checkpoints", "evaluation", "pipelines", "training", ""},
    "": {"pipelines"},
}
EVERYWHERE = {"torch", "numpy"}
HOMES = {
    "soundfile": ["audio/io.py"],
    "soxr": ["audio/resample.py"],
    "swift_f0": ["audio/f0.py"],
    "music21": ["score/musicxml.py"],
    "pretty_midi": ["score/midi.py"],
    "mido": ["score/midi.py"],
    "pyopenjtalk": ["lyrics/languages/ja*.py"],
    "safetensors": ["checkpoints/load.py", "checkpoints/save.py", "training/*.py"],
    "huggingface_hub": ["checkpoints/hub.py"],
    "yaml": ["checkpoints/card.py", "training/config.py"],
    "matplotlib": ["evaluation/pictures.py"],
    "typer": ["cli/*.py"],
    "rich": ["cli/*.py"],
}
LIGHT = {"typer", "rich", "hsing"} | sys.stdlib_module_names
PICKLES = {"pickle", "dill", "joblib", "shelve", "marshal"}


def violations(package: Path) -> list[str]:
    """One line per broken rule: 'folder/file.py:line: what'."""
    found = []
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        file = path.relative_to(package).as_posix()
        for line, what in [*_imports_broken(tree, file), *_statements_broken(tree, file)]:
            found.append(f"{file}:{line}: {what}")
    return found


def _imports_broken(tree: ast.Module, file: str) -> Iterator[tuple[int, str]]:
    part = _part(file)
    allowed = SHARED | JOINS.get(part, set()) | ({part} if "/" in file else set())
    if file in ("flow.py", "units.py", "errors.py"):
        allowed = {"flow", "units", "errors"}
    for node, module in _imports(tree, file):
        library, *rest = module.split(".")
        if library == "hsing":
            target = rest[0] if rest else ""
            if target not in allowed:
                yield node.lineno, f"{part or 'hsing'} imports {module}"
        elif library in PICKLES:
            yield node.lineno, f"imports {library}: data is never pickled"
        elif library not in EVERYWHERE | sys.stdlib_module_names:
            homes = HOMES.get(library, [])
            if not any(fnmatch(file, home) for home in homes):
                yield node.lineno, f"{library} belongs in {' '.join(homes) or 'no file yet'}"
    if part == "cli":
        for node, module in _imports(ast.Module(_at_import(tree), []), file):
            if module.split(".")[0] not in LIGHT:
                yield node.lineno, f"{module} is imported before a command runs"


def _part(file: str) -> str:
    """Top folder, or root module; "" for hsing/__init__.py."""
    return file.split("/")[0].removesuffix(".py").removesuffix("__init__")


def _imports(tree: ast.AST, file: str) -> Iterator[tuple[ast.stmt, str]]:
    """Every imported module by its full name; `from hsing import x` is hsing.x."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ["hsing", *file.split("/")[:-1]]
                base = ".".join([*above[: len(above) - node.level + 1], *filter(None, [base])])
            if base == "hsing":
                for alias in node.names:
                    dunder = alias.name.startswith("__")
                    yield node, "hsing" if dunder else f"hsing.{alias.name}"
            else:
                yield node, base


def _at_import(tree: ast.Module) -> list[ast.stmt]:
    """Statements of a module that run when it is imported and are not for type checkers only."""
    return [
        node
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]


def _statements_broken(tree: ast.Module, file: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            if not any(word in ast.unparse(node.test) for word in ("shape", "ndim", "dim()")):
                yield node.lineno, "assert is for internal shapes; raise an HsingError"
        elif isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            if call == "print":
                yield node.lineno, "print: only the command line prints, by typer.echo"
            elif call in ("eval", "exec"):
                yield node.lineno, f"{call} of text"
            elif call == "torch.load" and "weights_only=True" not in ast.unparse(node):
                yield node.lineno, "torch.load without weights_only=True opens pickles"


def test_the_tree_keeps_its_rules():
    assert violations(PACKAGE) == []


def test_every_folder_has_a_place_in_the_rules():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= SHARED | STAGES | JOINS.keys()


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("score/read.py", "from hsing.lyrics.attach import attach", "score imports hsing.lyrics"),
        ("score/read.py", "from ..lyrics import attach", "score imports hsing.lyrics"),
        ("score/read.py", "from hsing import lyrics", "score imports hsing.lyrics"),
        ("codec/model.py", "def f():\n    import hsing.latent.sde", "codec imports hsing.latent"),
        ("codec/model.py", "from hsing import checkpoints", "codec imports hsing.checkpoints"),
        ("checkpoints/load.py", "import hsing.codec.model", "checkpoints imports hsing.codec"),
        ("evaluation/report.py", "from hsing.score import read", "evaluation imports hsing.score"),
        ("pipelines/synth.py", "import hsing.training.loop", "pipelines imports hsing.training"),
        ("training/loop.py", "from hsing.cli import console", "training imports hsing.cli"),
        ("audio/io.py", "from hsing.codec import model", "audio imports hsing.codec"),
        ("flow.py", "from hsing.audio import io", "flow imports hsing.audio"),
        ("audio/f0.py", "import soundfile", "soundfile belongs in audio/io.py"),
        ("codec/model.py", "from rich import console", "rich belongs in cli/"),
        ("latent/sde.py", "def f():\n    from scipy.signal import x", "scipy belongs in no file"),
        ("checkpoints/load.py", "import pickle", "imports pickle"),
        ("cli/synth.py", "import torch", "torch is imported before a command runs"),
        ("cli/synth.py", "try:\n    import numpy as np\nfinally:\n    pass", "numpy is imported"),
        ("audio/io.py", "def f():\n    print(1)", "print: only the command line"),
        ("score/read.py", "def f(x):\n    assert x > 0", "assert is for internal shapes"),
        ("edit/curves.py", "f = eval('1')", "eval of text"),
        ("training/loop.py", "import torch\ntorch.load('x')", "torch.load without weights_only"),
    ],
)
def test_a_planted_violation_is_found(tmp_path, file, source, complaint):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source)
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(file) and complaint in found[0]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("score/read.py", "from hsing.errors import ScoreError\nfrom hsing.score import midi"),
        ("score/read.py", "from . import midi\nfrom ..flow import Score\nfrom .midi import x"),
        ("codec/model.py", "import torch\nfrom hsing.layers.conv import Block\nimport math"),
        ("codec/model.py", "def f(x):\n    assert x.shape[0] == 1\n    x.eval()"),
        ("pipelines/synth.py", "from hsing.score import read\nfrom hsing.checkpoints import load"),
        ("cli/synth.py", "import typer\ndef synth():\n    import torch"),
        ("checkpoints/load.py", "import hsing\nfrom hsing import __version__"),
        ("__init__.py", "def f():\n    from hsing.pipelines.synth import synth"),
    ],
)
def test_what_is_allowed_is_not_reported(tmp_path, file, source):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source)
    assert violations(tmp_path) == []
