"""From score to sound with a voice of random weights: length, pitch, silence, seeds, refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_song import save_tiny_voice, write_score

from hsing.audio.f0 import fill_unvoiced
from hsing.errors import CheckpointError, InputError, LyricsError, ScoreError
from hsing.lyrics.inventory import SILENCE
from hsing.pipelines.synth import (
    PEAK_DBFS,
    RELEASE_FRAMES,
    TAIL_S,
    SynthOptions,
    _rest_gain,
    read_sung,
    sing,
    synth,
)
from hsing.pipelines.voice import choose_device, load_voice
from hsing.units import Clock, cents, hz_to_midi, midi_to_hz

CLOCK = Clock(44_100, 512)
NOTES = [
    (1, None, ""),
    (1, "E4", "さ"),
    (1, "G4", "く"),
    (3, None, ""),
    (2, "C4", "ら"),
    (2, None, ""),
]
OPTIONS = SynthOptions(steps=2, in_tune=1.0)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return load_voice(str(save_tiny_voice(tmp_path_factory.mktemp("voices"))))


@pytest.fixture(scope="module")
def score(tmp_path_factory):
    return write_score(tmp_path_factory.mktemp("scores") / "song.musicxml", NOTES)


@pytest.fixture(scope="module")
def take(score, voice):
    return synth(score, voice, OPTIONS)


def sung(score, voice, **changes):
    return synth(score, voice, SynthOptions(**{**vars(OPTIONS), **changes}))


def test_the_song_is_as_long_as_its_score_and_a_tail(take, voice):
    assert take.timeline.length_s == 5.0  # ten beats at 120
    assert len(take.audio.samples) == CLOCK.frames(5.0 + TAIL_S) * 512
    assert take.audio.sample_rate == 44_100 and take.audio.samples.dtype == np.float32
    assert len(take.f0_hz) * 512 == len(take.audio.samples)
    assert np.isfinite(take.audio.samples).all()


def test_in_tune_every_note_lies_on_the_score(take):
    for note, midi in zip(take.timeline.notes, (64, 67, 60)):
        n = CLOCK.frames(note.end_s) - CLOCK.frames(note.onset_s)
        start = CLOCK.frames(note.onset_s)
        middle = take.f0_hz[start + int(0.2 * n) : start + int(np.ceil(0.8 * n))]
        assert (middle > 0).all()
        assert np.median(cents(middle, midi_to_hz(midi))) == pytest.approx(0, abs=3)


def test_out_of_tune_the_models_own_deviation_is_heard(take, score, voice):
    raw = sung(score, voice, in_tune=0.0)
    own = slice(CLOCK.frames(3.1), CLOCK.frames(3.9))  # C4
    away = np.median(cents(raw.f0_hz[own], midi_to_hz(60)))
    assert abs(away) > 10
    half = sung(score, voice, in_tune=0.5)
    assert np.median(cents(half.f0_hz[own], midi_to_hz(60))) == pytest.approx(away / 2, abs=3)


def test_the_same_seed_gives_the_same_samples_and_another_another_take(take, score, voice):
    assert np.array_equal(sung(score, voice).audio.samples, take.audio.samples)
    other = sung(score, voice, seed=1)
    assert np.abs(other.audio.samples - take.audio.samples).max() > 1e-3
    assert len(other.audio.samples) == len(take.audio.samples)


def test_rests_are_digital_silence_after_the_release(take):
    samples = take.audio.samples.reshape(-1, 512)
    assert np.abs(samples[CLOCK.frames(0.55) : CLOCK.frames(1.4)]).max() > 1e-3
    rest = samples[CLOCK.frames(1.5) + RELEASE_FRAMES + 2 : CLOCK.frames(1.5) + 40]
    assert len(rest) > 20 and (rest == 0).all()
    end = samples[CLOCK.frames(4.0) + RELEASE_FRAMES + 2 :]
    assert len(end) > 90 and (end == 0).all()


def test_the_peak_is_held(take, score, voice):
    ceiling = 10 ** (PEAK_DBFS / 20)
    assert np.abs(take.audio.samples).max() <= ceiling + 1e-6
    bias = voice.codec.decoder.head.bias
    before = bias.detach().clone()
    with torch.no_grad():
        bias[: len(bias) // 3] += 8.0  # a voice that shouts
    try:
        loud = sung(score, voice).audio.samples
    finally:
        with torch.no_grad():
            bias.copy_(before)
    assert np.abs(loud).max() == pytest.approx(ceiling, abs=1e-5)


def test_the_gate_spares_the_notes():
    """Gain 1 wherever there is no rest, 0 inside rests, and slopes of one frame."""

    class Frames:
        phone_ids = np.array([SILENCE.index, 2, SILENCE.index])
        phone_frames = np.array([100, 50, 100])
        phone_of_frame = np.repeat(np.arange(3), phone_frames)
        n_frames = 250

    quiet = _rest_gain(np.full(250 * 512, 1e-5), Frames, 512)
    assert (quiet[101 * 512 : 149 * 512] == 1).all()
    assert (quiet[(150 + RELEASE_FRAMES + 1) * 512 :] == 0).all()
    assert (quiet[: 98 * 512] == 0).all()  # nothing to let go of where the song opens
    assert np.abs(np.diff(quiet)).max() <= 1 / 512 + 1e-9
    release = quiet[150 * 512 : (150 + RELEASE_FRAMES) * 512]
    assert (np.diff(release) <= 0).all() and release[0] > 0.8 and release[-1] < 0.2


def test_transposing_moves_pitch_and_tempo_moves_time(take, score, voice):
    higher = sung(score, voice, transpose=5)
    assert len(higher.audio.samples) == len(take.audio.samples)
    moved = [a.midi - b.midi for a, b in zip(higher.timeline.notes, take.timeline.notes)]
    assert moved == [5, 5, 5]
    middle = slice(CLOCK.frames(3.2), CLOCK.frames(3.8))
    assert np.median(cents(higher.f0_hz[middle], take.f0_hz[middle])) == pytest.approx(500, abs=30)
    fast = sung(score, voice, tempo=2.0)
    assert len(fast.audio.samples) == CLOCK.frames(2.5 + TAIL_S) * 512
    assert [n.onset_s for n in fast.timeline.notes] == pytest.approx(
        [n.onset_s / 2 for n in take.timeline.notes], abs=1e-6
    )


def test_leaving_the_range_is_remarked_upon(take, score, voice):
    assert take.remarks == ()
    (line,) = sung(score, voice, transpose=12).remarks
    assert line == "2 of 3 notes lie outside tiny's range (G3–C5); without --transpose it fits"
    (high,) = sung(score, voice, transpose=7).remarks
    assert high.startswith("1 of 3 notes lie outside tiny's range (G3–C5)")


def test_a_given_pitch_curve_is_sung(take, voice):
    plain = np.full(CLOCK.frames(5.0), 330.0, np.float32)
    audio, f0_hz = sing(take.timeline, voice, OPTIONS, f0_hz=plain)
    assert len(audio.samples) == len(take.audio.samples)
    assert f0_hz[:400] == pytest.approx(330.0, rel=1e-5)
    assert (f0_hz[CLOCK.frames(5.0) :] == 0).all()  # the curve ended there
    again, _ = sing(take.timeline, voice, OPTIONS, f0_hz=take.f0_hz)
    assert np.allclose(hz_to_midi(fill_unvoiced(take.f0_hz))[50], hz_to_midi(take.f0_hz[50]))
    assert np.abs(again.samples - take.audio.samples).max() < 1e-3


@pytest.mark.parametrize("sampler", ["probability-flow", "reverse-sde", "euler-maruyama"])
def test_every_sampler_sings(sampler, score, voice, take):
    other = sung(score, voice, sampler=sampler)
    assert len(other.audio.samples) == len(take.audio.samples)
    assert np.isfinite(other.audio.samples).all() and np.abs(other.audio.samples).max() > 1e-3


def test_no_steps_sing_the_priors_mean_whatever_the_seed(score, voice):
    curves = [sung(score, voice, steps=0, seed=seed).f0_hz for seed in (0, 1)]
    assert np.array_equal(*curves)


def test_progress_is_reported_to_the_end(score, voice):
    seen = []
    synth(score, voice, OPTIONS, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 6) for k in range(1, 7)]  # two models of two steps, and two more


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"in_tune": 1.5}, r"--in-tune 1.5 is out of range; give 0 to 1"),
        ({"in_tune": float("nan")}, r"--in-tune nan is out of range"),
        ({"tempo": 0}, r"--tempo 0 is out of range; give 0.1 to 10"),
        ({"temperature": 0}, r"--temperature 0 is out of range"),
        ({"steps": -1}, r"--steps -1 is out of range; give 0 to 1000"),
        ({"transpose": 49}, r"--transpose 49 is out of range"),
        ({"seed": -1}, r"--seed -1 is out of range"),
    ],
)
def test_options_out_of_range_are_refused(option, message):
    with pytest.raises(InputError, match=message):
        SynthOptions(**option)


def test_what_cannot_be_sung_is_refused_by_place(tmp_path, voice, score):
    with pytest.raises(InputError, match=r"measure 1, beat 2: --transpose 48 moves .* MIDI 112"):
        read_sung(score, SynthOptions(transpose=48))
    silent = write_score(tmp_path / "a.musicxml", [(1, "C4", ""), (1, "D4", "")])
    with pytest.raises((LyricsError, ScoreError), match=r"part 'Voice'|lyric"):
        synth(silent, voice, OPTIONS)
    with pytest.raises(InputError, match="no sampler is called 'ddim'"):
        sung(score, voice, sampler="ddim")


def test_devices_and_voices_that_are_not_there(tmp_path, voice):
    assert choose_device("auto") in ("cpu", "cuda") and choose_device("cpu") == "cpu"
    with pytest.raises(InputError, match="no device is called 'tpu'; give auto, cpu, cuda, mps"):
        choose_device("tpu")
    with pytest.raises(CheckpointError, match="there is no voice 'nobody-sings-this'"):
        load_voice("nobody-sings-this")


def test_a_voice_refuses_another_codec(tmp_path):
    folder = save_tiny_voice(tmp_path)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["parents"]["codec"]["sha256"] = "0" * 64
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(
        CheckpointError, match="was trained on another 'tiny-codec' than the one in"
    ):
        load_voice(str(folder))


def test_a_voice_refuses_other_languages(score, voice):
    sung = replace(read_sung(score), language="ko")
    with pytest.raises(LyricsError, match="is in 'ko', which tiny does not sing; it sings ja"):
        synth(sung, voice)
