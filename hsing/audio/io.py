"""Audio files in and out (soundfile's only home)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hsing.audio.resample import resample
from hsing.errors import AudioError, InputError
from hsing.files import atomic_path
from hsing.flow import Audio

_BLOCK = 65_536  # libsndfile crashes when a long Ogg/Vorbis file is written in one call
_SUBTYPES = {".wav": "PCM_16", ".flac": "PCM_16"}


def read_audio(path: str | Path, sample_rate: int | None = None) -> Audio:
    """Read a file as mono float32, channels averaged.

    Parameters
    ----------
    path : any format that libsndfile reads (wav, flac, ogg, opus, mp3)
    sample_rate : Hz to resample to, or None to keep the file's own

    Raises
    ------
    InputError : no such file
    AudioError : not audio, or empty
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: not readable as audio ({error})") from None
    if len(samples) == 0:
        raise AudioError(f"{path}: holds no samples")
    mono = samples.mean(axis=1)
    target = sample_rate or rate
    return Audio(resample(mono, rate, target), target)


def check_format(path: str | Path) -> str:
    """The suffix, lower case. Raises AudioError if no such file can be written."""
    suffix = Path(path).suffix.lower()
    if suffix not in (*_SUBTYPES, ".ogg", ".mp3"):
        raise AudioError(f"{path}: cannot write '{suffix}' files; use .wav, .flac, .ogg or .mp3")
    return suffix


def write_audio(path: str | Path, audio: Audio, *, force: bool = False) -> None:
    """Write mono audio atomically; the suffix chooses the format (16-bit wav or flac, ogg, mp3).

    Raises
    ------
    InputError : the file exists and `force` is false, or the folder does not exist
    AudioError : a suffix that libsndfile cannot write, or samples that are not finite
    """
    import soundfile

    path = Path(path)
    suffix = check_format(path)
    if not np.isfinite(audio.samples).all():
        raise AudioError(f"{path}: refused to write samples that are not finite")
    with (
        atomic_path(path, force=force) as temporary,
        soundfile.SoundFile(
            str(temporary), "w", audio.sample_rate, 1, subtype=_SUBTYPES.get(suffix)
        ) as file,
    ):
        for start in range(0, len(audio.samples), _BLOCK):
            file.write(audio.samples[start : start + _BLOCK])
