"""Text of a syllable → phones of the inventory, and which language it is in."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from hsing.errors import LyricsError
from hsing.flow import Phone
from hsing.lyrics.inventory import phone
from hsing.lyrics.languages import LANGUAGES, available, language_module


def phones(text: str, language: str) -> tuple[Phone, ...]:
    """Phones of a text in the order they are sung. Raises LyricsError."""
    syllables = language_module(language).phones_of(text)
    return tuple(phone(symbol) for syllable in syllables for symbol in syllable)


def readable(text: str, language: str) -> bool:
    """Whether a syllable is written as the language is written."""
    return language_module(language).reads(text)


def detect(texts: Iterable[str]) -> str | None:
    """The first language that reads every text; None if there is none."""
    texts = list(texts)
    for code in LANGUAGES:
        if all(readable(text, code) for text in texts):
            return code
    return None


def refusal(text: str) -> LyricsError:
    """What to say of a syllable that no language reads."""
    return LyricsError(
        f"cannot read '{text}' ({_script(text)}); languages available: {available()}"
    )


def _script(text: str) -> str:
    """'Hangul', 'Cyrillic', 'Latin letters', … by the first letter's Unicode name."""
    for char in text:
        if char.isalpha():
            script = unicodedata.name(char, "unknown script").split()[0].capitalize()
            return "Chinese characters" if script == "Cjk" else f"{script} letters"
    return "no letters"
