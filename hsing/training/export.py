"""Runs → checkpoints: the averaged weights, their configuration, and a card."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from hsing.checkpoints.card import Card
from hsing.checkpoints.load import find_checkpoint
from hsing.checkpoints.save import save_checkpoint
from hsing.codec.config import CodecConfig
from hsing.errors import InputError
from hsing.pipelines.voice import codec_hash
from hsing.training.config import overlay_file
from hsing.training.runs import read_run
from hsing.training.timing import load_timing


@dataclass(frozen=True)
class Provenance:
    """What a card says beyond what can be measured; see `hsing.checkpoints.card.Card`."""

    licence: str
    attribution: str
    data: list[str] = field(default_factory=list)
    command: str = ""
    figures: dict | None = None
    text: str = ""


def read_provenance(path: Path) -> Provenance:
    """A YAML file with the fields of Provenance. Raises InputError if one is unknown or missing."""
    provenance = overlay_file(Provenance("", ""), path)
    if not provenance.licence or not provenance.attribution:
        raise InputError(f"{path}: a card needs 'licence' and 'attribution'")
    return provenance


def export_codec(run_folder: Path, out: Path, provenance: Provenance, *, force: bool = False):
    """Write a codec checkpoint in half precision."""
    run, state = read_run(run_folder, "codec")
    config = CodecConfig(**run["configs"])
    card = _card(out, provenance, run, sample_rate=config.sample_rate)
    shared = {
        "kind": "codec",
        "sample_rate": config.sample_rate,
        "hop": config.hop,
        "licence": provenance.licence,
        "attribution": provenance.attribution,
    }
    components = {"codec": (asdict(config), state)}
    return save_checkpoint(out, shared, components, card, dtype="float16", force=force)


def export_voice(
    out: Path,
    *,
    singer: str,
    codec: str,
    timing_run: Path,
    pitch_run: Path,
    singer_run: Path,
    languages: tuple[str, ...],
    provenance: Provenance,
    force: bool = False,
):
    """Write a voice checkpoint in half precision from the three runs that make it.

    codec : name of the codec checkpoint that the singer was trained on; looked for beside `out`
        first
    """
    run, timbre_state = read_run(singer_run, "singer")
    pitch, pitch_state = read_run(pitch_run, "pitch")
    timing = load_timing(timing_run)
    if singer not in run["singers"] or run["singers"] != pitch["singers"]:
        raise InputError(
            f"'{singer}' must be a singer of both runs; {singer_run} has"
            f" {', '.join(run['singers'])}, {pitch_run} has {', '.join(pitch['singers'])}"
        )
    facts = run["statistics"][singer]
    if facts["songs"] == 0:
        raise InputError(f"'{singer}' has no songs to train on in {run['data']}; export another")
    shared = {
        "kind": "voice",
        "sample_rate": run["clock"]["sample_rate"],
        "hop": run["clock"]["hop"],
        "singer": singer,
        "singer_index": run["singers"].index(singer),
        "range_midi": [facts["note_midi_low"], facts["note_midi_high"]],
        "languages": list(languages),
        "licence": provenance.licence,
        "attribution": provenance.attribution,
        "parents": {
            "codec": {
                "name": codec,
                "sha256": codec_hash(find_checkpoint(codec, kind="codec", beside=out)),
            }
        },
    }
    card = _card(
        out,
        provenance,
        run,
        sample_rate=shared["sample_rate"],
        singer=singer,
        languages=languages,
    )
    components = {
        "timing": (asdict(timing.config), timing.state_dict()),
        "pitch": (pitch["configs"], pitch_state),
        "timbre": (run["configs"], timbre_state),
    }
    return save_checkpoint(out, shared, components, card, dtype="float16", force=force)


def _card(out: Path, provenance: Provenance, run: dict, **facts) -> Card:
    card = Card(
        name=Path(out).name,
        licence=provenance.licence,
        attribution=provenance.attribution,
        data=tuple(provenance.data),
        validation=tuple(run["validation"]),
        figures=provenance.figures or {},
        command=provenance.command,
        text=provenance.text,
    )
    return replace(card, **facts)
