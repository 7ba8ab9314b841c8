"""Pictures: sizes, what is drawn where, and no warning whatever the text."""

import warnings

import numpy as np
import pytest

from hsing.errors import InputError
from hsing.evaluation.pictures import save_pitch_curves, save_spectrograms
from hsing.flow import TimedNote

RATE = 24_000


def pixels(path):
    from matplotlib.image import imread

    return imread(str(path))[..., :3]


def tone(f_hz, seconds):
    return np.sin(2 * np.pi * f_hz * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)


def test_a_louder_band_is_brighter_and_rows_add_height(tmp_path):
    save_spectrograms(tmp_path / "one.png", [("tone", tone(6000, 1.0))], RATE)
    save_spectrograms(
        tmp_path / "two.png", [("tone", tone(6000, 1.0)), ("rest", np.zeros(RATE))], RATE
    )
    one, two = pixels(tmp_path / "one.png"), pixels(tmp_path / "two.png")
    assert two.shape[0] > 1.5 * one.shape[0]
    column = one[:, one.shape[1] // 2].sum(axis=1)
    inside = column[30:180]
    assert abs(np.argmax(inside[20:-20]) + 20 - len(inside) / 2) < 25  # 6 of 12 kHz: half way up


def test_long_songs_go_on_in_further_rows(tmp_path):
    short, long = tmp_path / "short.png", tmp_path / "long.png"
    notes = [TimedNote(i, i + 0.9, 60 + i % 5, 120) for i in range(31)]
    save_pitch_curves(short, notes[:9], [])
    save_pitch_curves(long, notes, [])
    assert pixels(long).shape[0] > 2.5 * pixels(short).shape[0]


def test_unvoiced_gaps_stay_blank(tmp_path):
    seconds = np.linspace(0, 4, 400)
    f0_hz = np.where((seconds > 1) & (seconds < 3), 0.0, 220.0)
    save_pitch_curves(tmp_path / "gap.png", [], [("x", f0_hz, seconds)])
    save_pitch_curves(tmp_path / "full.png", [], [("x", np.full(400, 220.0), seconds)])

    def red(name):
        image = pixels(tmp_path / name)
        return ((image[..., 0] > 0.7) & (image[..., 1] < 0.4)).sum()

    assert 0.35 < red("gap.png") / red("full.png") < 0.7


def test_text_without_glyphs_raises_no_warning(tmp_path):
    notes = [TimedNote(0.0, 1.0, 60, 120)]
    curve = ("歌$声", np.full(100, 261.6), np.linspace(0, 1, 100))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_pitch_curves(tmp_path / "a.png", notes, [curve], [(0.1, "さ"), (0.5, "$ka$")])
        save_spectrograms(tmp_path / "b.png", [("さくら", tone(440, 0.5))], RATE)


def test_refusals(tmp_path):
    with pytest.raises(InputError, match=r"pictures are written as \.png"):
        save_spectrograms(tmp_path / "a.bmp", [("x", tone(440, 0.1))], RATE)
    with pytest.raises(InputError, match="neither notes nor pitch"):
        save_pitch_curves(tmp_path / "a.png", [], [])
    with pytest.raises(InputError, match="no samples to draw"):
        save_spectrograms(tmp_path / "a.png", [], RATE)
    (tmp_path / "old.png").write_bytes(b"x")
    with pytest.raises(InputError, match="--force"):
        save_spectrograms(tmp_path / "old.png", [("x", tone(440, 0.1))], RATE, force=False)
