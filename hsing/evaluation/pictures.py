"""Pictures of sound: spectrograms, and pitch curves over a piano roll (matplotlib's only home)."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import numpy as np
import torch

from hsing.audio.spectra import stft
from hsing.errors import InputError
from hsing.files import atomic_path
from hsing.flow import TimedNote
from hsing.units import hz_to_midi

_ROW_S = 10.0
_TOP_HZ = 12_000.0
_FLOOR_DB = -90.0
_N_FFT, _HOP = 2048, 512
_SUFFIXES = (".png", ".pdf", ".svg")
_COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e")


def save_spectrograms(
    path: str | Path,
    rows: list[tuple[str, np.ndarray]],
    sample_rate: int,
    force: bool = True,
) -> None:
    """Draw one spectrogram in dB per row, all on the same axes.

    Parameters
    ----------
    path : .png, .pdf or .svg
    rows : (title, samples [shape=(n,)]); 0–12 kHz, −90…0 dB relative to a full-scale sine.
        What is longer than 10 s goes on below, all rows of one stretch of time together.
    sample_rate : Hz, of all rows

    Raises
    ------
    InputError : another suffix, nothing to draw, or a file that may not be written
    """
    if not rows or any(len(samples) == 0 for _, samples in rows):
        raise InputError(f"{path}: no samples to draw; give at least one row with sound")
    levels = [(title, _spectrogram_db(samples, sample_rate)) for title, samples in rows]
    frame_s = _HOP / sample_rate
    stretches = _stretches(max(len(samples) for _, samples in rows) / sample_rate)
    figure, axes = _figure(path, len(stretches) * len(levels), height=1.9)
    image = None
    for i, (start, end) in enumerate(stretches):
        for j, (title, level) in enumerate(levels):
            axis = axes[i * len(levels) + j]
            part = level[:, int(start / frame_s) : int(end / frame_s) + 1]
            image = _draw_level(axis, part, start, frame_s, sample_rate)
            axis.set(xlim=(start, end), ylim=(0, _TOP_HZ / 1000), ylabel="kHz")
            axis.set_title(_printable(title), fontsize=9, loc="left", parse_math=False)
    axes[-1].set_xlabel("s")
    figure.colorbar(image, ax=list(axes), label="dB", fraction=0.02, pad=0.01)
    _save(figure, path, force)


def save_pitch_curves(
    path: str | Path,
    notes: list[TimedNote],
    curves: list[tuple[str, np.ndarray, np.ndarray]],
    syllables: list[tuple[float, str]] | None = None,
    force: bool = True,
) -> None:
    """Draw the notes as a piano roll and pitch curves over them, in rows of 10 s.

    Parameters
    ----------
    path : .png, .pdf or .svg
    notes : may be empty
    curves : (title, f0_hz [shape=(n_frames,)], seconds [shape=(n_frames,)]); frames where f0_hz
        is 0 are left blank
    syllables : (seconds, text), written below the notes; text that the font lacks is left out

    Raises
    ------
    InputError : another suffix, nothing to draw, or a file that may not be written
    """
    ends = [n.end_s for n in notes] + [float(s[-1]) for _, _, s in curves if len(s)]
    if not ends:
        raise InputError(f"{path}: neither notes nor pitch to draw")
    midi_curves = [(title, _midi(f0_hz), seconds) for title, f0_hz, seconds in curves]
    low, high = _midi_range(notes, [midi for _, midi, _ in midi_curves])
    stretches = _stretches(max(ends))
    figure, axes = _figure(path, len(stretches), height=2.6)
    lines = {}
    for axis, (start, end) in zip(axes, stretches):
        _draw_notes(axis, [n for n in notes if n.onset_s < end and n.end_s > start])
        for colour, (title, midi, seconds) in zip(_cycle(len(curves)), midi_curves):
            (line,) = axis.plot(seconds, midi, color=colour, linewidth=1.0)
            lines[_printable(title)] = line
        for seconds, text in syllables or []:
            if start <= seconds < end:
                axis.text(seconds, low + 0.2, _printable(text), fontsize=7, parse_math=False)
        axis.set(xlim=(start, end), ylim=(low, high), ylabel="MIDI")
        axis.grid(axis="y", linewidth=0.3)
    _draw_legend(axes[0], lines)
    axes[-1].set_xlabel("s")
    _save(figure, path, force)


def _spectrogram_db(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level in dB up to 12 kHz [shape=(bins, frames)]; a full-scale sine peaks at 0 dB."""
    mono = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    magnitude = stft(mono[None], _N_FFT, _HOP)[0].abs().numpy() / (_N_FFT / 4)
    top = int(min(_TOP_HZ, sample_rate / 2) * _N_FFT / sample_rate) + 1
    return 20.0 * np.log10(np.maximum(magnitude[:top], 10.0 ** (_FLOOR_DB / 20.0)))


def _draw_level(axis, level, start_s, frame_s, sample_rate):
    end_s = start_s + level.shape[1] * frame_s
    top_khz = level.shape[0] * sample_rate / _N_FFT / 1000
    return axis.imshow(
        level if level.size else np.full((1, 1), _FLOOR_DB),
        origin="lower",
        aspect="auto",
        extent=(start_s, max(end_s, start_s + frame_s), 0.0, top_khz),
        vmin=_FLOOR_DB,
        vmax=0.0,
        cmap="magma",
        interpolation="nearest",
    )


def _draw_notes(axis, notes: list[TimedNote]) -> None:
    from matplotlib.patches import Rectangle

    for note in notes:
        corner = (note.onset_s, note.midi - 0.5)
        width = note.end_s - note.onset_s
        axis.add_patch(Rectangle(corner, width, 1.0, facecolor="#d9d9d9", edgecolor="#808080"))


def _draw_legend(axis, lines: dict) -> None:
    titles = [title for title in lines if title]
    if titles:
        handles = [lines[title] for title in titles]
        legend = axis.legend(handles, titles, fontsize=8, loc="upper right")
        for text in legend.get_texts():
            text.set_parse_math(False)


def _midi(f0_hz: np.ndarray) -> np.ndarray:
    """MIDI pitch, NaN (which is not drawn) where unvoiced."""
    f0_hz = np.asarray(f0_hz, dtype=np.float64)
    return np.where(f0_hz > 0, hz_to_midi(np.where(f0_hz > 0, f0_hz, 440.0)), np.nan)


def _midi_range(notes: list[TimedNote], curves: list[np.ndarray]) -> tuple[float, float]:
    """Two semitones beyond the notes and beyond all but the wildest pitch."""
    midi = [np.array([n.midi for n in notes], dtype=np.float64)]
    voiced = np.concatenate([c[np.isfinite(c)] for c in curves] or [np.empty(0)])
    if len(voiced):
        midi.append(np.percentile(voiced, [1, 99]))
    midi = np.concatenate(midi)
    return (midi.min() - 2, midi.max() + 2) if len(midi) else (48.0, 72.0)


def _stretches(seconds: float) -> list[tuple[float, float]]:
    """(start, end) of rows of 10 s; what fits in one row and a half stays in one."""
    if seconds <= 1.5 * _ROW_S:
        return [(0.0, max(seconds, 0.1))]
    return [(i * _ROW_S, (i + 1) * _ROW_S) for i in range(ceil(seconds / _ROW_S))]


def _cycle(n: int) -> list[str]:
    return [_COLOURS[i % len(_COLOURS)] for i in range(n)]


def _figure(path: str | Path, n_rows: int, height: float):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if Path(path).suffix.lower() not in _SUFFIXES:
        raise InputError(f"{path}: pictures are written as {', '.join(_SUFFIXES)}")
    figure = Figure(figsize=(13, height * n_rows + 0.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(n_rows, 1, squeeze=False)[:, 0]


def _save(figure, path: str | Path, force: bool) -> None:
    with atomic_path(path, force) as temporary:
        figure.savefig(temporary)


def _printable(text: str) -> str:
    """The text, or '' if the font lacks one of its characters (matplotlib would warn)."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    glyphs = get_font(findfont(FontProperties())).get_charmap()
    return text if all(ord(character) in glyphs for character in text) else ""
