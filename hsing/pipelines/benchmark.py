"""How fast a voice sings, from one process start to the next: `hsing benchmark`."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from hsing.pipelines.synth import SynthOptions, read_sung, synth
from hsing.pipelines.voice import load_voice

_MELODY = (
    ("C", "さ"),
    ("D", "く"),
    ("E", "ら"),
    ("G", "や"),
    ("E", "よ"),
    ("D", "い"),
    ("C", "の"),
)
_BPM = 120


@dataclass(frozen=True)
class Speed:
    """Seconds, real-time factors (seconds of work per second of sound) and MiB."""

    voice: str
    threads: int
    runs: int
    song_s: float
    load_s: float
    real_time_factor: float
    real_time_factor_worst: float
    cold_start_song_s: float
    cold_start_s: float
    long_song_s: float
    long_song_rtf: float
    long_song_peak_mib: float


def benchmark(voice: str, *, threads: int = 1, runs: int = 5) -> Speed:
    """Measure a voice with default settings.

    - real-time factor: median and worst of `runs` on a song of 30 s, the model loaded before;
    - cold start: `hsing synth` as a process of its own, on a song of 10 s, median of `runs`;
    - a song of five minutes as a process of its own: its peak memory.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        songs = {length: _song(Path(folder) / f"song{length}.musicxml", length) for length in
                 (10, 30, 300)}  # fmt: skip
        started = time.perf_counter()
        loaded = load_voice(voice)
        load_s = time.perf_counter() - started
        sung = read_sung(songs[30])
        synth(sung, loaded, SynthOptions())  # warm-up
        factors = []
        for seed in range(runs):
            started = time.perf_counter()
            take = synth(sung, loaded, SynthOptions(seed=seed))
            factors.append((time.perf_counter() - started) / take.audio.seconds)
        cold = [_process(songs[10], voice, threads)[0] for _ in range(runs)]
        long_s, peak_mib = _process(songs[300], voice, threads)
    return Speed(
        voice=voice,
        threads=threads,
        runs=runs,
        song_s=30.0,
        load_s=load_s,
        real_time_factor=median(factors),
        real_time_factor_worst=max(factors),
        cold_start_song_s=10.0,
        cold_start_s=median(cold),
        long_song_s=300.0,
        long_song_rtf=long_s / 300.0,
        long_song_peak_mib=peak_mib,
    )


def _process(song: Path, voice: str, threads: int) -> tuple[float, float]:
    """(seconds, peak MiB) of one `hsing synth` process; the peak is the largest child's so far."""
    command = [sys.executable, "-m", "hsing.cli.main", "synth", str(song), "-q", "--force"]
    command += ["-o", str(song.with_suffix(".wav")), "--voice", voice, "--threads", str(threads)]
    started = time.perf_counter()
    subprocess.run(command, check=True)
    spent_s = time.perf_counter() - started
    return spent_s, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0


def _song(path: Path, seconds: int) -> Path:
    """A song of `seconds`: measures of seven eighths and an eighth rest, two seconds each."""
    measures = []
    for number in range(1, seconds // 2 + 1):
        notes = "".join(
            f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>1</duration>"
            f"<lyric><syllabic>single</syllabic><text>{text}</text></lyric></note>"
            for step, text in _MELODY
        )
        head = (
            "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type>"
            f'</time></attributes><direction><sound tempo="{_BPM}"/></direction>'
            if number == 1
            else ""
        )
        rest = "<note><rest/><duration>1</duration></note>"
        measures.append(f'<measure number="{number}">{head}{notes}{rest}</measure>')
    path.write_text(
        '<?xml version="1.0"?><score-partwise version="4.0"><part-list><score-part id="P1">'
        '<part-name>Voice</part-name></score-part></part-list><part id="P1">'
        + "".join(measures)
        + "</part></score-partwise>",
        encoding="utf-8",
    )
    return path
