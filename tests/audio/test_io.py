"""Audio files: round trips, atomic writing, refusals."""

import numpy as np
import pytest
import soundfile

from hsing.audio.io import check_format, read_audio, write_audio
from hsing.errors import AudioError, InputError
from hsing.flow import Audio

RATE = 44_100


def noise(n, seed=0):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, n).astype(np.float32)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_sixteen_bits_come_back_to_half_a_step(tmp_path, suffix):
    samples = noise(10_000)
    write_audio(tmp_path / f"a{suffix}", Audio(samples, RATE))
    back = read_audio(tmp_path / f"a{suffix}")
    assert back.sample_rate == RATE and back.samples.dtype == np.float32
    assert np.abs(back.samples - samples).max() <= 1.01 / 32768
    assert soundfile.info(str(tmp_path / f"a{suffix}")).subtype == "PCM_16"


def test_samples_beyond_full_scale_are_clipped_not_wrapped(tmp_path):
    write_audio(tmp_path / "a.wav", Audio(np.array([1.5, -1.5, 0.0], np.float32), RATE))
    back = read_audio(tmp_path / "a.wav").samples
    assert back[0] > 0.999 and back[1] < -0.999


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_a_long_lossy_file_is_written_in_blocks_and_comes_back_close(tmp_path, suffix):
    t = np.arange(12 * RATE) / RATE  # eight blocks and a rest
    samples = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    write_audio(tmp_path / f"a{suffix}", Audio(samples, RATE))
    back = read_audio(tmp_path / f"a{suffix}").samples
    assert abs(len(back) - len(samples)) < 0.1 * RATE
    level = np.sqrt(np.mean(back[RATE:-RATE] ** 2))
    assert level == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_channels_are_averaged(tmp_path):
    left, right = noise(500), noise(500, 1)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    assert np.allclose(read_audio(tmp_path / "a.wav").samples, (left + right) / 2, atol=1e-7)


def test_reading_at_another_rate_keeps_the_tone_and_the_length(tmp_path):
    t = np.arange(RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    write_audio(tmp_path / "a.wav", Audio(tone, RATE))
    back = read_audio(tmp_path / "a.wav", 16_000)
    assert back.sample_rate == 16_000 and len(back.samples) == 16_000
    exact = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    assert np.abs(back.samples - exact)[200:-200].max() < 1e-4


def test_an_existing_file_is_refused_and_stays_unless_forced(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"a.wav exists; give --force"):
        write_audio(path, Audio(noise(10), RATE))
    assert path.read_bytes() == b"mine"
    write_audio(path, Audio(noise(10), RATE), force=True)
    assert len(read_audio(path).samples) == 10


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"mine")

    def fail(self, samples):
        raise OSError("disk full")

    monkeypatch.setattr(soundfile.SoundFile, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        write_audio(path, Audio(noise(10), RATE), force=True)
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(tmp_path, bad):
    with pytest.raises(AudioError, match="not finite"):
        write_audio(tmp_path / "a.wav", Audio(np.array([0.0, bad], np.float32), RATE))
    assert list(tmp_path.iterdir()) == []


def test_refusals_name_the_file(tmp_path):
    with pytest.raises(AudioError, match=r"a.aiff: cannot write '.aiff' files; use .wav"):
        write_audio(tmp_path / "a.aiff", Audio(noise(10), RATE))
    with pytest.raises(AudioError, match="cannot write '' files"):
        check_format(tmp_path / "a")
    with pytest.raises(InputError, match=r"none.wav: no such file"):
        read_audio(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(AudioError, match=r"text.wav: not readable as audio"):
        read_audio(tmp_path / "text.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), RATE)
    with pytest.raises(AudioError, match=r"empty.wav: holds no samples"):
        read_audio(tmp_path / "empty.wav")
