"""Measures against the score, checks of an output and the codec table, each in closed form."""

import numpy as np
import pytest

from hsing.errors import AudioError
from hsing.evaluation.metrics import (
    codec_rows,
    note_accuracy,
    output_checks,
    track_pitch,
    voiced_share,
)
from hsing.flow import Audio, PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import phone
from hsing.units import midi_to_hz

RATE = 44_100
SECONDS = np.arange(400) / 100  # four seconds at 100 frames/s


def note(onset_s, end_s, midi):
    return TimedNote(onset_s, end_s, midi, 120.0)


def timeline(*spans, length_s=4.0):
    found = [PhoneSpan(phone(s), a, b, -1 if s in ("pau", "br") else 0) for s, a, b in spans]
    return Timeline(tuple(found), (), length_s)


def sine(f_hz, seconds, gain=0.5):
    time_s = np.arange(int(RATE * seconds)) / RATE
    return (gain * np.sin(2 * np.pi * f_hz * time_s)).astype(np.float32)


def test_note_accuracy_counts_misses_and_unvoiced_notes():
    f0_hz = np.zeros(400)
    f0_hz[:100] = midi_to_hz(60.1)  # +10 cents
    f0_hz[100:200] = midi_to_hz(61.6)  # −40 cents
    f0_hz[200:300] = midi_to_hz(64.7)  # +70 cents
    notes = [note(k, k + 1, midi) for k, midi in enumerate((60, 62, 64, 65))]
    found = note_accuracy(f0_hz, SECONDS, notes)
    assert found.deviation_cents[:3] == pytest.approx([10.0, -40.0, 70.0])
    assert (found.n_notes, found.n_unvoiced) == (4, 1)
    assert found.share_within(50) == 0.5
    assert found.share_within(25) == 0.25


def test_only_the_middle_of_a_note_counts():
    f0_hz = np.full(100, midi_to_hz(60))
    f0_hz[:20] = f0_hz[81:] = midi_to_hz(55)  # scoops at both ends
    f0_hz[40:70] = 0.0  # and a gap, so that the scoops would have the majority
    found = note_accuracy(f0_hz, SECONDS[:100], [note(0.0, 1.0, 60)])
    assert found.deviation_cents == pytest.approx([0.0], abs=1e-6)


def test_a_tone_sung_30_cents_flat():
    audio = Audio(sine(midi_to_hz(57) * 2 ** (-30 / 1200), 2.0), RATE)
    track = track_pitch(audio, "yin")
    found = note_accuracy(track.voiced_f0_hz, track.seconds, [note(0.0, 2.0, 57)])
    assert found.deviation_cents == pytest.approx([-30.0], abs=1.0)
    assert (found.share_within(50), found.share_within(25)) == (1.0, 0.0)


def test_voiced_share_of_sustained_vowels():
    line = timeline(("pau", 0.0, 1.0), ("a", 1.0, 1.5), ("i", 1.5, 2.0), ("s", 2.0, 4.0))
    voiced = (SECONDS >= 1.5) & (SECONDS < 1.94)
    # 1.06 … 1.94 s is sustained: one vowel run, half of it voiced
    assert voiced_share(voiced, SECONDS, line) == pytest.approx(0.5, abs=0.02)
    assert np.isnan(voiced_share(voiced, SECONDS, timeline(("s", 0.0, 4.0))))


def test_peak_clipping_and_length():
    samples = sine(220.0, 4.0, 0.5)
    samples[[10, 20, 30]] = [1.0, -1.0, 32_767 / 32_768]
    found = output_checks(Audio(samples, RATE), timeline(("a", 0.0, 3.5), length_s=3.5))
    assert found.peak_dbfs == pytest.approx(0.0, abs=1e-6)
    assert found.n_clipped == 3
    assert found.length_error_frames == 345 - 301  # frame boundaries nearest to 4 s and 3.5 s
    assert found.rest_level_dbfs is None
    plain = output_checks(Audio(sine(220.0, 1.0, 0.5), RATE))
    assert plain.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert plain.length_error_frames is None


REST = timeline(("a", 0.0, 1.0), ("pau", 1.0, 3.0), ("a", 3.0, 4.0))


def with_rest(sound, at_s):
    samples = np.concatenate((sine(220, 1.0), np.zeros(2 * RATE, np.float32), sine(220, 1.0)))
    start = int(RATE * at_s)
    samples[start : start + len(sound)] += sound
    return Audio(samples.astype(np.float32), RATE)


def hiss(seconds, dbfs):
    noise = np.random.default_rng(0).standard_normal(int(RATE * seconds))
    return noise * 10 ** (dbfs / 20)


def test_the_level_in_rests_is_that_of_what_sounds_there():
    audio = with_rest(hiss(2.0, -60.0), 1.0)
    found = output_checks(audio, REST)
    assert found.rest_level_dbfs == pytest.approx(-60.0, abs=0.3)
    assert found.n_noise_bursts == 0


@pytest.mark.parametrize(
    ("sound", "bursts"),
    [
        (hiss(0.4, -33.0), 0),  # a breath
        (hiss(0.03, -33.0), 1),  # a click: too short for one
        (hiss(0.4, -15.0), 1),  # too loud for one
        (sine(300.0, 0.4, 0.03), 1),  # a tone is none
    ],
)
def test_noise_bursts(sound, bursts):
    assert output_checks(with_rest(sound, 1.5), REST).n_noise_bursts == bursts


def test_written_breaths_and_the_edges_of_rests_are_left_out():
    breath = timeline(
        ("a", 0.0, 1.0), ("pau", 1.0, 1.4), ("br", 1.4, 2.0), ("pau", 2.0, 3.0), ("a", 3.0, 4.0)
    )
    assert output_checks(with_rest(sine(300.0, 0.4, 0.1), 1.5), breath).n_noise_bursts == 0
    for at_s in (1.0, 2.94):
        assert output_checks(with_rest(sine(220.0, 0.05, 0.3), at_s), REST).n_noise_bursts == 0


def test_more_quantisers_more_rate_and_less_error():
    original = Audio(sine(220.0, 1.0) + 0.3 * sine(660.0, 1.0), RATE)
    noise = hiss(1.0, -30.0).astype(np.float32)
    copies = {
        8: [Audio(original.samples + 0.1 * noise, RATE)],
        2: [Audio(original.samples + noise, RATE)],
    }
    two, eight = codec_rows([original], copies, kbit_per_s_per_book=0.86, tracker="yin")
    assert (two.n_quantisers, eight.n_quantisers) == (2, 8)
    assert eight.kbit_per_s == pytest.approx(6.88)
    assert two.log_mel_l1 > eight.log_mel_l1 > 0
    assert eight.si_sdr_db - two.si_sdr_db == pytest.approx(20.0, abs=0.5)
    assert two.pitch_error_cents < 5.0
    with pytest.raises(AudioError, match="1 originals but 0 copies with 2 quantisers"):
        codec_rows([original], {2: []}, tracker="yin")
