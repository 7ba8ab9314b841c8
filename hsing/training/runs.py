"""What a training run leaves in its folder, and how to read it back."""

from __future__ import annotations

import json
from pathlib import Path

from hsing.codec.config import CodecConfig
from hsing.codec.model import Codec
from hsing.errors import TrainingError
from hsing.files import atomic_path
from hsing.pipelines.voice import ConditionedGenerator
from hsing.training.datasets import TrainingSet
from hsing.training.loop import BEST_FILE, STATE_FILE, load_state


def write_run(folder: Path, kind: str, configs: dict, data: TrainingSet) -> None:
    """Note in `folder/run.json` what is trained there, so that it can be exported."""
    folder.mkdir(parents=True, exist_ok=True)
    run = {
        "kind": kind,
        "configs": configs,
        "data": str(data.folder),
        "singers": list(data.singers),
        "validation": [song.name for song in data.songs if song.validation],
    }
    with atomic_path(folder / "run.json", force=True) as temporary:
        temporary.write_text(json.dumps(run, indent=1), encoding="utf-8")


def read_run(folder: Path, kind: str) -> tuple[dict, dict]:
    """(run.json, state dict of the best averaged model, or of the last) of a run. Raises TrainingError if it is not one of `kind`."""
    path = folder / "run.json"
    if not path.is_file() or not (folder / STATE_FILE).is_file():
        raise TrainingError(f"{folder}: no training run; make one with 'hsing train {kind}'")
    run = json.loads(path.read_text(encoding="utf-8"))
    if run["kind"] != kind:
        raise TrainingError(f"{folder}: holds a run of '{run['kind']}', not of '{kind}'")
    best = folder / BEST_FILE
    return run, load_state(best if best.is_file() else folder / STATE_FILE)["averaged"]


def load_run_generator(folder: Path, kind: str) -> ConditionedGenerator:
    """The averaged model of a pitch or singer run."""
    run, state = read_run(folder, kind)
    model = ConditionedGenerator.from_configs(run["configs"])
    model.load_state_dict(state)
    return model.eval()


def load_run_codec(folder: Path) -> Codec:
    """The averaged codec of a codec run."""
    run, state = read_run(folder, "codec")
    codec = Codec(CodecConfig(**run["configs"]))
    codec.load_state_dict(state)
    return codec.eval()
