"""`hsing synth`: a score becomes singing."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Annotated

import typer


def synth(
    score: Annotated[Path, typer.Argument(help="MusicXML, or MIDI with lyrics.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Audio file to write.")],
    voice: Annotated[str, typer.Option(help="Voice: a name or a folder.")] = "pjs",
    part: Annotated[str | None, typer.Option(help="Part to sing: name or number.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the words, e.g. ja.")] = None,
    default_lyric: Annotated[
        str | None, typer.Option(help="Syllable for notes that have none, e.g. la.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another take.")] = 0,
    steps: Annotated[int, typer.Option(help="Sampling steps; 0 gives the prior's mean.")] = 8,
    temperature: Annotated[float, typer.Option(help="Higher is calmer.")] = 1.5,
    sampler: Annotated[
        str,
        typer.Option(help="second-order, probability-flow, reverse-sde or euler-maruyama."),
    ] = "second-order",
    in_tune: Annotated[
        float, typer.Option(help="0 sings as the singer would, 1 puts every note on the score.")
    ] = 0.95,
    transpose: Annotated[int, typer.Option(help="Semitones up or down.")] = 0,
    tempo: Annotated[float, typer.Option(help="Factor on the score's tempo.")] = 1.0,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads to use.")] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> None:
    """Sing a score: `hsing synth song.musicxml -o song.wav`."""
    from hsing.files import check_writable

    check_writable(output, force)
    from hsing.audio.io import check_format, write_audio

    check_format(output)
    from hsing.cli.console import progress, set_threads, warn
    from hsing.pipelines.synth import SynthOptions, read_sung
    from hsing.pipelines.synth import synth as run
    from hsing.pipelines.voice import choose_device, load_voice

    set_threads(threads)
    options = SynthOptions(
        part=part,
        language=language,
        default_lyric=default_lyric,
        transpose=transpose,
        tempo=tempo,
        in_tune=in_tune,
        temperature=temperature,
        steps=steps,
        sampler=sampler,
        seed=seed,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sung = read_sung(score, options)
    for warning in (w for w in caught if issubclass(w.category, UserWarning)):
        warn(str(warning.message))
    loaded = load_voice(voice, choose_device(device))
    started = time.perf_counter()
    with progress(quiet) as bar:
        task = bar.add_task("singing", total=1)
        take = run(
            sung,
            loaded,
            options,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    spent = time.perf_counter() - started
    for remark in take.remarks:
        warn(remark)
    write_audio(output, take.audio, force=force)
    if not quiet:
        seconds = take.audio.seconds
        typer.echo(
            f"{output}: {seconds:.1f} s, real-time factor {spent / seconds:.3f},"
            f" part '{sung.part}', voice {loaded.name}, seed {seed}, weights {loaded.licence}",
            err=True,
        )
