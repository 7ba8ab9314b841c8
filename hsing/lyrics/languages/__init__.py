"""The languages that can be sung: a module each.

A module has a NAME ('Japanese'), a line WRITING that says what it reads, and

- `reads(text) -> bool`: whether a syllable is written in the language's script;
- `phones_of(text) -> list[list[str]]`: the text as syllables (or morae) of phone symbols, each a
  symbol of `hsing.lyrics.inventory`; LyricsError for text it cannot read;
- `in_context(texts) -> list[str]`, for the syllables of a phrase: the same syllables, respelt where
  a neighbour decides how they are read.

Languages are tried in the order of this table where the user names none.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from hsing.errors import LyricsError

LANGUAGES = {
    "ja": "hsing.lyrics.languages.ja",
}


def language_module(code: str) -> ModuleType:
    """The module of a language code; LyricsError listing the codes if there is none."""
    if code not in LANGUAGES:
        raise LyricsError(f"no reader for language '{code}'; available: {available()}")
    return import_module(LANGUAGES[code])


def available() -> str:
    """'ja (Japanese: kana, kanji or romaji)', … for messages."""
    modules = {code: language_module(code) for code in LANGUAGES}
    return ", ".join(f"{code} ({m.NAME}: {m.WRITING})" for code, m in modules.items())
