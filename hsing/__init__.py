"""hsing: a score with lyrics becomes singing.

>>> import hsing
>>> voice = hsing.load_voice("pjs")                       # doctest: +SKIP
>>> take = hsing.synth("song.musicxml", voice)            # doctest: +SKIP
>>> take.audio.samples, take.audio.sample_rate            # doctest: +SKIP
"""

__version__ = "0.1.0"

_PUBLIC = {
    "synth": "hsing.pipelines.synth",
    "sing": "hsing.pipelines.synth",
    "read_sung": "hsing.pipelines.synth",
    "SynthOptions": "hsing.pipelines.synth",
    "Take": "hsing.pipelines.synth",
    "load_voice": "hsing.pipelines.voice",
    "load_codec": "hsing.pipelines.voice",
    "evaluate": "hsing.pipelines.evaluate",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str):
    """Public names are imported when first asked for: torch takes seconds, `--help` must not."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'hsing' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)
