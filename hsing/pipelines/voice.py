"""A voice: the models that sing together, built from a checkpoint or gathered into one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from hsing.align.timing import TimingConfig, TimingModel
from hsing.checkpoints.card import CARD_FILE, read_card
from hsing.checkpoints.load import find_checkpoint, load_components, read_config
from hsing.codec.config import CodecConfig
from hsing.codec.model import Codec
from hsing.condition.config import ConditionConfig
from hsing.condition.model import ConditionEncoder
from hsing.errors import CheckpointError, InputError
from hsing.latent.config import LatentConfig
from hsing.latent.precondition import LatentGenerator

DEFAULT_VOICE = "pjs"


class ConditionedGenerator(nn.Module):
    """Condition encoder and the latent generator that it drives.

    A voice has two: one draws the shape of the pitch curve, one the codec's latents.
    """

    def __init__(self, condition: ConditionConfig, latent: LatentConfig):
        super().__init__()
        self.condition = ConditionEncoder(condition)
        self.generator = LatentGenerator(latent)

    def configs(self) -> dict:
        """Both configurations as plain values, to be saved with the weights."""
        return {
            "condition": asdict(self.condition.config),
            "latent": asdict(self.generator.config),
        }

    @classmethod
    def from_configs(cls, configs: dict) -> ConditionedGenerator:
        """Inverse of `configs`."""
        return cls(ConditionConfig(**configs["condition"]), LatentConfig(**configs["latent"]))


@dataclass(frozen=True)
class Voice:
    """Everything that sings. `device` is the generators'; the codec is there too, or on the CPU.

    singer_index : row of the singer embedding; note_range : lowest and highest MIDI note sung in
    training
    """

    name: str
    singer: str
    singer_index: int
    note_range: tuple[int, int]
    licence: str
    languages: tuple[str, ...]
    timing: TimingModel
    pitch: ConditionedGenerator
    timbre: ConditionedGenerator
    codec: Codec
    device: str = "cpu"


def choose_device(name: str) -> str:
    """'auto' → cuda if there is one, else cpu; any other name must be a device that is there."""
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return "cuda" if available["cuda"] else "cpu"
    if name not in available:
        raise InputError(f"no device is called '{name}'; give auto, {', '.join(available)}")
    if not available[name]:
        raise InputError(f"this machine has no {name} device; leave --device at auto, or give cpu")
    return name


def load_voice(name: str = DEFAULT_VOICE, device: str = "cpu") -> Voice:
    """A voice by name or folder, with its codec, ready to sing.

    Raises CheckpointError if it cannot be found, is damaged, or does not fit its codec.
    """
    device = choose_device(device)
    folder = find_checkpoint(name, kind="voice")
    config, parts = load_components(folder, device)
    try:
        return _voice(folder, config, parts, device)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{folder}: not a voice that this version reads ({reason})") from None


def _voice(folder: Path, config: dict, parts: dict, device: str) -> Voice:
    """Build the networks of a checkpoint, and its codec's."""
    # the codec keeps phase in float64, which Apple's GPUs do not have
    codec_device = "cpu" if device == "mps" else device
    parent = config["parents"]["codec"]
    codec_folder = find_checkpoint(parent["name"], kind="codec", beside=folder)
    if codec_hash(codec_folder) != parent["sha256"]:
        raise CheckpointError(
            f"{folder}: was trained on another '{parent['name']}' than the one in {codec_folder};"
            " put the codec that it came with beside it"
        )
    return Voice(
        name=read_card(folder / CARD_FILE).name,
        singer=config["singer"],
        singer_index=config["singer_index"],
        note_range=tuple(config["range_midi"]),
        licence=config["licence"],
        languages=tuple(config["languages"]),
        timing=_built(TimingModel, TimingConfig, parts["timing"], device),
        pitch=_filled(ConditionedGenerator.from_configs(parts["pitch"][0]), parts["pitch"], device),
        timbre=_filled(
            ConditionedGenerator.from_configs(parts["timbre"][0]), parts["timbre"], device
        ),
        codec=load_codec(codec_folder, codec_device),
        device=device,
    )


def load_codec(name: str | Path, device: str = "cpu") -> Codec:
    """A codec by name or folder. Raises CheckpointError if it cannot be found or is damaged."""
    device = choose_device(device)
    folder = find_checkpoint(name, kind="codec")
    _, parts = load_components(folder, device)
    try:
        return _built(Codec, CodecConfig, parts["codec"], device)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{folder}: not a codec that this version reads ({reason})") from None


def codec_hash(folder: Path) -> str:
    """SHA-256 of a codec's weights: what a voice was trained on, and must be decoded with."""
    return read_config(folder)["components"]["codec"]["sha256"]


def _built(model_class, config_class, part: tuple[dict, dict], device: str):
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in part[0].items()}
    return _filled(model_class(config_class(**values)), part, device)


def _filled(model: nn.Module, part: tuple[dict, dict], device: str) -> nn.Module:
    model.load_state_dict(part[1])
    return model.eval().to(device)
