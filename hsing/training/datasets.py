"""The training set on disk: one .npz per song, one index.json, as `hsing prepare` writes them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hsing.errors import TrainingError
from hsing.files import atomic_path
from hsing.flow import PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import phone
from hsing.units import Clock

FORMAT = 1


@dataclass(frozen=True)
class PreparedSong:
    """One song of a training set.

    samples : int16 [n], at the set's sample rate, peak −1 dBFS
    f0_hz, confidence : float32 [n_frames]; f0 is 0 where unvoiced
    """

    name: str
    singer: str
    validation: bool
    samples: np.ndarray
    f0_hz: np.ndarray
    confidence: np.ndarray
    timeline: Timeline

    def sound(self) -> np.ndarray:
        """samples as float32 in −1…1."""
        return self.samples.astype(np.float32) / 32768.0


@dataclass(frozen=True)
class TrainingSet:
    """All songs of a prepared folder, on one clock."""

    folder: Path
    clock: Clock
    songs: tuple[PreparedSong, ...]
    singers: tuple[str, ...]

    def split(self, *, validation: bool) -> list[PreparedSong]:
        """Songs of one side of the split; the split is by song."""
        return [song for song in self.songs if song.validation == validation]


def write_song(folder: Path, song: PreparedSong) -> None:
    """Write one song atomically to `folder/<name>.npz`."""
    with atomic_path(folder / f"{song.name}.npz", force=True) as temporary:
        np.savez(
            temporary,
            samples=song.samples,
            f0_hz=song.f0_hz,
            confidence=song.confidence,
            timeline=np.array(timeline_to_json(song.timeline)),
        )


def write_index(folder: Path, clock: Clock, songs: list[PreparedSong], facts: dict) -> None:
    """Write `folder/index.json`: clock, singers, the split, statistics."""
    index = {
        "format": FORMAT,
        "clock": asdict(clock),
        "songs": [{"name": s.name, "singer": s.singer, "validation": s.validation} for s in songs],
        **facts,
    }
    with atomic_path(folder / "index.json", force=True) as temporary:
        temporary.write_text(json.dumps(index, indent=1, ensure_ascii=False), encoding="utf-8")


def read_training_set(folder: str | Path) -> TrainingSet:
    """Read a folder that `hsing prepare` wrote. Raises TrainingError if it is not one."""
    folder = Path(folder)
    index = read_index(folder)
    songs = tuple(_read_song(folder, row) for row in index["songs"])
    singers = tuple(sorted({song.singer for song in songs}))
    return TrainingSet(folder, Clock(**index["clock"]), songs, singers)


def read_index(folder: Path) -> dict:
    """index.json of a prepared folder. Raises TrainingError if there is none that can be used."""
    path = folder / "index.json"
    if not path.is_file():
        raise TrainingError(f"{folder}: no index.json; make a training set with 'hsing prepare'")
    index = json.loads(path.read_text(encoding="utf-8"))
    if index.get("format") != FORMAT:
        raise TrainingError(f"{path}: made by another version; run 'hsing prepare' again")
    return index


def _read_song(folder: Path, row: dict) -> PreparedSong:
    path = folder / f"{row['name']}.npz"
    if not path.is_file():
        raise TrainingError(f"{path}: named in index.json but missing; run 'hsing prepare' again")
    with np.load(path, allow_pickle=False) as data:
        return PreparedSong(
            **row,
            samples=data["samples"],
            f0_hz=data["f0_hz"],
            confidence=data["confidence"],
            timeline=timeline_from_json(str(data["timeline"])),
        )


def timeline_to_json(timeline: Timeline) -> str:
    """A timeline as JSON: phones by symbol, times in seconds."""
    return json.dumps(
        {
            "length_s": timeline.length_s,
            "phones": [[p.phone.symbol, p.start_s, p.end_s, p.note] for p in timeline.phones],
            "notes": [[n.onset_s, n.end_s, n.midi, n.quarter_bpm] for n in timeline.notes],
        },
        ensure_ascii=False,
    )


def timeline_from_json(text: str) -> Timeline:
    """Inverse of `timeline_to_json` (places in the score are not kept)."""
    data = json.loads(text)
    phones = tuple(PhoneSpan(phone(s), start, end, note) for s, start, end, note in data["phones"])
    return Timeline(phones, tuple(TimedNote(*row) for row in data["notes"]), data["length_s"])
