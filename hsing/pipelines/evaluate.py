"""Outputs, their scores and their recordings → one report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hsing.align.frames import place_phones
from hsing.audio.io import read_audio
from hsing.errors import InputError
from hsing.evaluation.metrics import TRACKERS
from hsing.evaluation.report import Report, Sample, make_report, save_pictures
from hsing.files import make_folder
from hsing.pipelines.synth import TAIL_S, SynthOptions, read_sung

_SCORES = (".musicxml", ".mxl", ".xml", ".mid", ".midi")
_RECORDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")


def evaluate(
    outputs: str | Path | Sequence[str | Path],
    score: str | Path | None = None,
    reference: str | Path | None = None,
    *,
    options: SynthOptions | None = None,
    tracker: str = "swift-f0",
    pictures: str | Path | None = None,
    force: bool = False,
) -> Report:
    """Measure outputs against their scores, against recordings, or by themselves.

    Parameters
    ----------
    outputs : audio files; the figures are pooled over them
    score : a score of the one output, or a folder with a score of the same stem for each
    reference : a recording of the one output, or a folder likewise
    options : of `synth`, for part, words, transposition and tempo; phones are placed by rule
    tracker : 'swift-f0' or 'yin'
    pictures : folder for spectrograms and pitch curves

    Raises
    ------
    InputError : a file is missing, has no match by stem, or an option is unknown
    AudioError : an output and its reference differ in length by more than 0.1 s
    ScoreError, LyricsError : the score cannot be sung
    """
    paths = [Path(outputs)] if isinstance(outputs, (str, Path)) else [Path(p) for p in outputs]
    _check(paths, tracker)
    # 1. each output beside what it is held against
    scores = _matched(paths, score, "score", _SCORES)
    references = _matched(paths, reference, "recording", _RECORDINGS)
    options = options or SynthOptions()
    if pictures is not None:
        make_folder(pictures)
    samples = [_sample(*row, options) for row in zip(paths, scores, references)]
    # 2. figures
    report = make_report(samples, tracker)
    # 3. pictures
    if pictures is not None:
        save_pictures(samples, pictures, tracker, force)
    return report


def _check(paths: list[Path], tracker: str) -> None:
    if tracker not in TRACKERS:
        raise InputError(f"'{tracker}' is not a pitch tracker; choose one of {', '.join(TRACKERS)}")
    if not paths:
        raise InputError("nothing to evaluate; give at least one audio file")
    stems = [path.stem for path in paths]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise InputError(f"two outputs are called '{twice}'; figures are kept by name: rename one")


def _matched(
    outputs: list[Path], given: str | Path | None, what: str, suffixes: tuple[str, ...]
) -> list[Path | None]:
    """The file that belongs to each output."""
    if given is None:
        return [None] * len(outputs)
    given = Path(given)
    if given.is_dir():
        return [_of_stem(given, output.stem, what, suffixes) for output in outputs]
    if len(outputs) > 1:
        raise InputError(
            f"{given}: one {what} for {len(outputs)} outputs; give a folder with one of the same "
            "name for each"
        )
    if not given.is_file():
        raise InputError(f"{given}: no such file")
    return [given]


def _of_stem(folder: Path, stem: str, what: str, suffixes: tuple[str, ...]) -> Path:
    for suffix in suffixes:
        path = folder / f"{stem}{suffix}"
        if path.is_file():
            return path
    raise InputError(f"{folder}: no {what} called {stem} ({', '.join(suffixes)}); add it")


def _sample(
    output: Path, score: Path | None, reference: Path | None, options: SynthOptions
) -> Sample:
    return Sample(
        output.stem,
        read_audio(output),
        read_audio(reference) if reference else None,
        place_phones(read_sung(score, options)) if score else None,
        TAIL_S if score else 0.0,
    )
