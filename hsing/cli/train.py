"""`hsing train`: the models of a voice, one command each, and a voice from their runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train the models of a voice; export and measure them.")

Data = Annotated[Path, typer.Argument(help="Training set, as 'hsing prepare' writes it.")]
Run = Annotated[
    Path, typer.Option("--output", "-o", help="Folder of the run; resumed if there is one.")
]
Config = Annotated[Path | None, typer.Option(help="YAML laid over the defaults.")]
Steps = Annotated[int | None, typer.Option(help="Training steps, in place of the default.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads to use.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite the checkpoint.")]
Card = Annotated[
    Path, typer.Option(help="YAML with licence, attribution, data, command, figures, text.")
]


@app.command("codec")
def codec(
    data: Data,
    output: Run,
    config: Config = None,
    steps: Steps = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train the codec."""
    from hsing.training.codec import CodecTraining, train_codec

    settings = _settings(CodecTraining(), config, steps, threads)
    chosen = _device(device, float64=True)
    train_codec(_read(data), output, settings, device=chosen, report=_report)


@app.command("timing")
def timing(
    corpora: Annotated[list[Path], typer.Argument(help="Corpus folders with labels.")],
    output: Run,
    data: Annotated[
        Path | None,
        typer.Option(help="Training set of the same corpora: its labels, and what it holds out."),
    ] = None,
    steps: Steps = None,
) -> None:
    """Train the timing model, from labelled corpora (audio is used only to check the labels)."""
    import json
    from dataclasses import replace

    from hsing.training.corpora import read_corpus
    from hsing.training.prepare import VALIDATION
    from hsing.training.timing import train_timing

    songs = [song for folder in corpora for song in read_corpus(folder)[0]]
    held_out = set(VALIDATION)
    if data is not None:
        prepared = _read(data)
        held_out |= {song.name for song in prepared.split(validation=True)}
        corrected = {song.name: song.timeline for song in prepared.songs}
        songs = [replace(s, timeline=corrected.get(s.name, s.timeline)) for s in songs]
    options = {} if steps is None else {"steps": steps}
    figures = train_timing(songs, output, validation=held_out, **options)
    typer.echo(json.dumps(figures, indent=1))


@app.command("pitch")
def pitch(
    data: Data,
    output: Run,
    config: Config = None,
    steps: Steps = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train the pitch model."""
    from hsing.training.pitch import PitchTraining, train_pitch

    settings = _settings(PitchTraining(), config, steps, threads)
    train_pitch(_read(data), output, settings, device=_device(device), report=_report)


@app.command("singer")
def singer(
    data: Data,
    output: Run,
    codec: Annotated[str, typer.Option(help="Codec checkpoint: a name or a folder.")],
    start_from: Annotated[
        Path | None, typer.Option(help="Run to start from, for fine-tuning.")
    ] = None,
    config: Config = None,
    steps: Steps = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train the latent model: condition encoder, prior and denoiser."""
    from hsing.pipelines.voice import load_codec
    from hsing.training.runs import load_start
    from hsing.training.singer import SingerTraining, train_singer

    settings = _settings(SingerTraining(), config, steps, threads)
    chosen = _device(device, float64=True)
    prepared = _read(data)
    before = None if start_from is None else load_start(start_from, "singer", prepared)
    train_singer(
        prepared,
        load_codec(codec, chosen),
        output,
        settings,
        start_from=before,
        device=chosen,
        report=_report,
    )


@app.command("export-codec")
def export_codec(
    run: Annotated[Path, typer.Argument(help="Folder of a codec run.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Checkpoint folder to write.")],
    card: Card,
    force: Force = False,
) -> None:
    """Write a codec checkpoint from its run."""
    from hsing.training.export import export_codec as export
    from hsing.training.export import read_provenance

    export(run, output, read_provenance(card), force=force)


@app.command("export-voice")
def export_voice(
    output: Annotated[Path, typer.Option("--output", "-o", help="Checkpoint folder to write.")],
    singer: Annotated[str, typer.Option(help="Which singer of the training set.")],
    codec: Annotated[str, typer.Option(help="Name of the codec checkpoint beside the voice.")],
    timing_run: Annotated[Path, typer.Option(help="Folder of the timing run.")],
    pitch_run: Annotated[Path, typer.Option(help="Folder of the pitch run.")],
    singer_run: Annotated[Path, typer.Option(help="Folder of the singer run.")],
    card: Card,
    language: Annotated[list[str], typer.Option(help="Language that the voice sings.")],
    force: Force = False,
) -> None:
    """Write a voice checkpoint from the runs that make it."""
    from hsing.training.export import export_voice as export
    from hsing.training.export import read_provenance

    export(
        output,
        singer=singer,
        codec=codec,
        timing_run=timing_run,
        pitch_run=pitch_run,
        singer_run=singer_run,
        languages=tuple(language),
        provenance=read_provenance(card),
        force=force,
    )


@app.command("measure-codec")
def measure_codec(
    data: Data,
    codec: Annotated[str, typer.Option(help="Codec checkpoint: a name or a folder.")],
    tracker: Annotated[str, typer.Option(help="swift-f0 or yin.")] = "swift-f0",
) -> None:
    """Copies of the held-out songs at 4, 8, 16 and 30 books, and shifted by ± 5 semitones: JSON."""
    from hsing.pipelines.voice import load_codec
    from hsing.training.measure import measure_codec as measure

    _print(measure(_read(data), load_codec(codec), tracker=tracker))


@app.command("measure-voice")
def measure_voice(
    data: Data,
    voice: Annotated[str, typer.Option(help="Voice: a name or a folder.")] = "pjs",
    seed: Annotated[int, typer.Option(help="Seed of the takes.")] = 0,
    tracker: Annotated[str, typer.Option(help="swift-f0 or yin.")] = "swift-f0",
) -> None:
    """The singer's held-out songs sung again, against recording and score: JSON."""
    from hsing.pipelines.voice import load_voice
    from hsing.training.measure import measure_voice as measure

    _print(measure(_read(data), load_voice(voice), seed=seed, tracker=tracker))


def _print(figures: dict) -> None:
    """JSON with four digits after the point."""
    import json

    rounded = json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))
    typer.echo(json.dumps(rounded, indent=1, ensure_ascii=False))


def _settings(defaults, config: Path | None, steps: int | None, threads: int | None):
    """Recipe settings: defaults, then the file, then --steps."""
    from dataclasses import replace

    from hsing.cli.console import set_threads
    from hsing.training.config import overlay_file

    set_threads(threads)
    settings = overlay_file(defaults, config)
    if steps is None:
        return settings
    return replace(settings, loop=replace(settings.loop, steps=steps))


def _read(data: Path):
    from hsing.training.datasets import read_training_set

    return read_training_set(data)


def _device(name: str, *, float64: bool = False) -> str:
    """The device to train on; Apple's have no float64, in which the codec keeps its phase."""
    from hsing.errors import InputError
    from hsing.pipelines.voice import choose_device

    if float64 and name == "mps":
        raise InputError("mps has no float64, which the codec needs; give --device cpu")
    return choose_device(name)


def _report(step: int, row: dict[str, float]) -> None:
    typer.echo(f"step {step}: " + "  ".join(f"{name} {value:.4f}" for name, value in row.items()))
