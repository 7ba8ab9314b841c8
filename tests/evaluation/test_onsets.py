"""Vowel onsets planted in made-up singing."""

import numpy as np
import pytest

from hsing.evaluation.onsets import onset_errors_ms
from hsing.flow import Audio, PhoneSpan, TimedNote, Timeline
from hsing.lyrics.inventory import phone

RATE = 44_100


def sing(consonant, late_s, onsets_s=(1.0, 2.0, 3.0), consonant_s=0.08, vowel_s=0.6):
    """(audio, timeline): consonant + vowel, each sung `late_s` after the timeline has it."""
    length_s = 4.0
    samples = np.zeros(int(RATE * length_s))
    rng = np.random.default_rng(0)
    spans, notes, at_s = [], [], 0.0
    for k, onset_s in enumerate(onsets_s):
        spans.append(PhoneSpan(phone("pau"), at_s, onset_s - consonant_s, -1))
        spans.append(PhoneSpan(phone(consonant), onset_s - consonant_s, onset_s, k))
        spans.append(PhoneSpan(phone("a"), onset_s, onset_s + vowel_s, k))
        notes.append(TimedNote(onset_s, onset_s + vowel_s, 57, 120.0))
        at_s = onset_s + vowel_s
        start = int(RATE * (onset_s + late_s))
        lead = slice(start - int(RATE * consonant_s), start)
        time_s = np.arange(int(RATE * vowel_s)) / RATE
        if phone(consonant).voiced:
            samples[lead] = 0.1 * np.sin(2 * np.pi * 110 * time_s[: int(RATE * consonant_s)])
        else:
            hiss = rng.standard_normal(int(RATE * consonant_s))
            samples[lead] = 0.05 * np.diff(hiss, prepend=0.0)
        vowel = sum(np.sin(2 * np.pi * 220 * h * time_s) / h for h in range(1, 13))
        samples[start : start + len(time_s)] += 0.2 * vowel
    spans.append(PhoneSpan(phone("pau"), at_s, length_s, -1))
    return Audio(samples.astype(np.float32), RATE), Timeline(tuple(spans), tuple(notes), length_s)


@pytest.mark.parametrize("consonant", ["s", "d"])
@pytest.mark.parametrize("late_s", [-0.06, 0.0, 0.04, 0.1])
def test_a_planted_shift_is_measured(consonant, late_s):
    found = onset_errors_ms(*sing(consonant, late_s))
    assert (found.n_notes, found.n_missing) == (3, 0)
    assert np.abs(found.errors_ms - 1000 * late_s).max() < 5.0
    assert found.median_ms == pytest.approx(1000 * late_s, abs=5.0)
    assert found.median_abs_ms == pytest.approx(abs(1000 * late_s), abs=5.0)


def test_vowels_after_sonorants_are_not_measured():
    found = onset_errors_ms(*sing("m", 0.0))
    assert found.n_notes == 0
    assert np.isnan(found.median_abs_ms)
    assert np.isnan(found.p95_abs_ms)


def test_silence_where_a_vowel_should_start_is_missing():
    audio, timeline = sing("s", 0.0)
    silent = audio.samples.copy()
    silent[int(1.8 * RATE) : int(2.7 * RATE)] = 0.0
    found = onset_errors_ms(Audio(silent, RATE), timeline)
    assert (found.n_notes, found.n_missing, len(found.errors_ms)) == (3, 1, 2)
