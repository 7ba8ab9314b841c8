"""What a training run leaves in its folder, and how to read it back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hsing.audio.io import write_audio
from hsing.errors import TrainingError
from hsing.evaluation.pictures import save_spectrograms
from hsing.files import atomic_path
from hsing.flow import Audio
from hsing.pipelines.voice import ConditionedGenerator
from hsing.training.datasets import PreparedSong, TrainingSet, read_index
from hsing.training.loop import BEST_FILE, STATE_FILE, load_state

RUN_FILE = "run.json"


def write_run(folder: Path, kind: str, configs: dict, data: TrainingSet) -> None:
    """Note in `folder/run.json` what is trained there, so that it can be resumed and exported.

    Clock and statistics of the training set are noted too: the set itself may be gone by then.
    Raises TrainingError, and writes nothing, if a run with another configuration lies there.
    """
    run = {
        "kind": kind,
        "configs": configs,
        "data": str(data.folder),
        "clock": asdict(data.clock),
        "singers": list(data.singers),
        "validation": [song.name for song in data.songs if song.validation],
        "statistics": read_index(data.folder)["statistics"],
    }
    _refuse_another(folder, json.loads(json.dumps(run)))
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / RUN_FILE, force=True) as temporary:
        temporary.write_text(json.dumps(run, indent=1), encoding="utf-8")


def _refuse_another(folder: Path, run: dict) -> None:
    path = folder / RUN_FILE
    if not path.is_file():
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    if any(there[key] != run[key] for key in ("kind", "configs", "singers")):
        raise TrainingError(
            f"{folder}: holds a run with another configuration; give another --output or remove it"
        )


def read_run(folder: Path, kind: str) -> tuple[dict, dict]:
    """(run.json, state dict of the best averaged model, or of the last) of a run.

    Raises TrainingError if there is no run, or not one of `kind`.
    """
    path = folder / RUN_FILE
    if not path.is_file() or not (folder / STATE_FILE).is_file():
        raise TrainingError(f"{folder}: no training run; make one with 'hsing train {kind}'")
    run = json.loads(path.read_text(encoding="utf-8"))
    if run["kind"] != kind:
        raise TrainingError(f"{folder}: holds a run of '{run['kind']}', not of '{kind}'")
    best = folder / BEST_FILE
    return run, load_state(best if best.is_file() else folder / STATE_FILE)["averaged"]


def require_songs(songs: Sequence, data: TrainingSet) -> None:
    """Raises TrainingError if there is nothing to train on."""
    if not songs:
        raise TrainingError(
            f"{data.folder}: no song to train on, all are held out; prepare a set with others"
        )


def write_example(
    folder: Path, step: int, song: PreparedSong, what: str, output: np.ndarray, rate: int
) -> None:
    """What a model makes of a held-out song, as audio and in a picture below the recording's.

    output : float [n]; clipped to ±1 in the file
    """
    stem = folder / f"step{step:06d}-{song.name}"
    rows = [("recording", song.sound()), (f"{what}, step {step}", output)]
    save_spectrograms(stem.with_suffix(".png"), rows, rate)
    write_audio(stem.with_suffix(".flac"), Audio(np.clip(output, -1.0, 1.0), rate), force=True)


def first_of_each_singer(songs: Sequence[PreparedSong]) -> set[str]:
    """Names of the songs to write examples of."""
    return set({song.singer: song.name for song in reversed(songs)}.values())


def load_start(folder: Path, kind: str, data: TrainingSet) -> ConditionedGenerator:
    """The averaged model of a run to train on with `data`.

    Raises TrainingError if the run was of other singers: each has a row of its own in the model.
    """
    run, _ = read_run(folder, kind)
    if run["singers"] != list(data.singers):
        raise TrainingError(
            f"{folder}: a run of {', '.join(run['singers'])} cannot go on with"
            f" {', '.join(data.singers)}; start from one of the same singers"
        )
    return load_run_generator(folder, kind)


def load_run_generator(folder: Path, kind: str) -> ConditionedGenerator:
    """The averaged model of a pitch or singer run."""
    run, state = read_run(folder, kind)
    model = ConditionedGenerator.from_configs(run["configs"])
    model.load_state_dict(state)
    return model.eval()
