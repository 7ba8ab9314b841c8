"""A corpus of synthetic singing, a training set made of it, and a voice of a few thousand weights.

Each syllable is hiss, then a harmonic tone on its note; vowels differ in their spectra. Everything
is written where the test says, and known in advance.
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pretty_midi
import torch

from hsing.align.timing import TimingConfig, TimingModel
from hsing.audio.io import write_audio
from hsing.checkpoints.card import Card
from hsing.checkpoints.save import save_checkpoint
from hsing.codec.config import CodecConfig
from hsing.codec.model import Codec
from hsing.condition.config import ConditionConfig
from hsing.flow import Audio
from hsing.latent.config import LatentConfig
from hsing.lyrics.inventory import INVENTORY
from hsing.pipelines.voice import ConditionedGenerator, codec_hash
from hsing.units import midi_to_hz

RATE = 44_100
CONSONANT_S, NOTE_S = 0.08, 0.4
SYLLABLES = [("s", "a"), ("k", "i"), ("s", "o"), ("t", "e")]
MELODY = (60, 62, 64, 65, 64, 62, 60, 67)
_FORMANTS = {"a": 800.0, "i": 300.0, "o": 500.0, "e": 600.0}

CODEC = CodecConfig(
    channels=16, encoder_blocks=1, decoder_blocks=1, latent_dim=4, n_codebooks=2, codebook_size=8,
    n_envelope_bands=24, n_flatness_bands=8, n_filter_bands=32,
)  # fmt: skip
CONDITION = ConditionConfig(
    channels=16, token_blocks=1, enhanced_blocks=1, latent_dim=4, n_curves=2
)
PITCH_CONDITION = ConditionConfig(
    channels=16, token_blocks=1, enhanced_blocks=1, latent_dim=1, n_regressed=2, pool=2
)
LATENT = LatentConfig(latent_dim=4, condition_channels=16, channels=16, n_blocks=1)
PITCH_LATENT = LatentConfig(latent_dim=1, condition_channels=16, channels=16, n_blocks=1)


def notes_of(semitones=0):
    """(onset in seconds, MIDI, consonant, vowel): eight notes with a rest in the middle."""
    rows, at = [], 0.6
    for index, midi in enumerate(MELODY):
        rows.append((at, midi + semitones, *SYLLABLES[index % len(SYLLABLES)]))
        at += NOTE_S + (0.4 if index == 3 else 0.0)
    return rows


def length_s(rows):
    return rows[-1][0] + NOTE_S + 0.4


def sound_of(rows) -> Audio:
    """The song as sung: vowels start on their notes exactly."""
    samples = np.zeros(int(length_s(rows) * RATE), np.float32)
    hiss = np.random.default_rng(0).normal(0, 1, len(samples))
    hiss = np.diff(np.diff(hiss, prepend=0.0), prepend=0.0)  # little of it lies below 1 kHz
    for onset_s, midi, _, vowel in rows:
        begin, start = int((onset_s - CONSONANT_S) * RATE), int(onset_s * RATE)
        n = int((NOTE_S - CONSONANT_S) * RATE)
        samples[begin:start] = 0.003 * hiss[begin:start]
        t = np.arange(n) / RATE
        for k in range(1, 16):
            gain = np.exp(-abs(k * midi_to_hz(midi) - _FORMANTS[vowel]) / 400.0)
            tone = 0.2 * gain * np.sin(2 * np.pi * k * midi_to_hz(midi) * t)
            samples[start : start + n] += tone.astype(np.float32)
    return Audio(samples, RATE)


def write_song(folder: Path, name: str, *, late_s=0.0, semitones=0) -> None:
    """name.wav, name.mid, and name.lab, whose labels lie `late_s` after the sound."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = notes_of(semitones)
    write_audio(folder / f"{name}.wav", sound_of(rows))
    midi = pretty_midi.PrettyMIDI(initial_tempo=150.0, resolution=960)
    instrument = pretty_midi.Instrument(0)
    lines, end_s = [], 0.0
    for onset_s, pitch, consonant, vowel in rows:
        instrument.notes.append(pretty_midi.Note(100, pitch, onset_s, onset_s + NOTE_S))
        begin_s, start_s = onset_s - CONSONANT_S + late_s, onset_s + late_s
        if begin_s > end_s + 1e-6:
            lines.append((end_s, begin_s, "pau"))
        end_s = start_s + NOTE_S - CONSONANT_S
        lines += [(begin_s, start_s, consonant), (start_s, end_s, vowel)]
    lines.append((end_s, length_s(rows), "pau"))
    midi.instruments.append(instrument)
    midi.write(str(folder / f"{name}.mid"))
    text = "".join(f"{round(a * 1e7)} {round(b * 1e7)} {symbol}\n" for a, b, symbol in lines)
    (folder / f"{name}.lab").write_text(text)


def write_corpus(folder: Path) -> Path:
    """Three songs; the labels of the last lie 40 ms late."""
    write_song(folder, "a1")
    write_song(folder, "a2", semitones=3)
    write_song(folder, "a3", semitones=-2, late_s=0.04)
    return folder


def save_tiny_voice(folder: Path) -> Path:
    """Codec and voice with random weights in `folder`; returns the folder of the voice 'tiny'."""
    torch.manual_seed(0)
    codec = Codec(CODEC)
    timing = TimingModel(TimingConfig(n_phones=len(INVENTORY), singers=["anna"]))
    pitch = ConditionedGenerator(PITCH_CONDITION, PITCH_LATENT)
    timbre = ConditionedGenerator(CONDITION, LATENT)
    for model in (pitch, timbre):
        torch.nn.init.normal_(model.generator.denoiser.leave.weight, std=0.2)
        model.generator.std.fill_(0.3)
    with torch.no_grad():
        pitch.condition.regress.bias.copy_(torch.tensor([0.3, 5.0]))  # sharp, and voiced
    shared = {
        "sample_rate": CODEC.sample_rate,
        "hop": CODEC.hop,
        "licence": "CC0",
        "attribution": "nobody",
    }
    card = Card("tiny-codec", "CC0", "nobody")
    part = {"codec": (asdict(CODEC), codec.state_dict())}
    codec_folder = save_checkpoint(folder / "tiny-codec", {"kind": "codec", **shared}, part, card)
    voice = {
        "kind": "voice",
        **shared,
        "singer": "anna",
        "singer_index": 0,
        "range_midi": [55, 72],
        "languages": ["ja"],
        "parents": {"codec": {"name": "tiny-codec", "sha256": codec_hash(codec_folder)}},
    }
    parts = {
        "timing": (asdict(timing.config), timing.state_dict()),
        "pitch": (pitch.configs(), pitch.state_dict()),
        "timbre": (timbre.configs(), timbre.state_dict()),
    }
    return save_checkpoint(folder / "tiny", voice, parts, Card("tiny", "CC0", "nobody"))


NOTE = """<note>{pitch}<duration>{duration}</duration>{lyric}</note>"""


def write_score(path: Path, notes, *, bpm=120) -> Path:
    """MusicXML of (quarter notes, step and octave such as 'C4', kana); None for a rest."""
    body = ""
    for beats, pitch, text in notes:
        place = "<rest/>"
        lyric = f"<lyric><text>{text}</text></lyric>" if text else ""
        if pitch:
            place = f"<pitch><step>{pitch[0]}</step><octave>{pitch[1]}</octave></pitch>"
        body += NOTE.format(pitch=place, duration=beats, lyric=lyric)
    total = sum(beats for beats, _, _ in notes)
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list>'
        '<score-part id="P1"><part-name>Voice</part-name></score-part></part-list>'
        '<part id="P1"><measure number="1"><attributes><divisions>1</divisions>'
        f"<time><beats>{total}</beats><beat-type>4</beat-type></time></attributes>"
        f'<direction><sound tempo="{bpm}"/></direction>{body}</measure></part></score-partwise>',
        encoding="utf-8",
    )
    return path
