"""Kanji → kana by pyopenjtalk (optional: the package pyopenjtalk-plus, `hsing[ja]`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from hsing.errors import LyricsError

_KANJI = re.compile(r"[々〆\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NOT_KANA = re.compile(r"[^ァ-ヺー]")


def has_kanji(text: str) -> bool:
    """True if the text holds a Chinese character."""
    return bool(_KANJI.search(text))


def kana(text: str) -> str:
    """Reading of a text in katakana, particles as they are said (は → ワ)."""
    reading = "".join(said for _, said in _words(text))
    if not reading:
        raise LyricsError(f"'{text}' has no Japanese reading that is known; write it in kana")
    return reading


def divided(texts: Sequence[str]) -> list[str]:
    """Readings of the syllables of a phrase; those of kana syllables may be left as written.

    The phrase is read as a whole, so that 来 is ク in 来・る and キ in 来・た. A word that spans
    several syllables is divided where its kana allow it.
    """
    readings = [""] * len(texts)
    owner = [i for i, text in enumerate(texts) for _ in text]
    at = 0
    for surface, said in _words("".join(texts)):
        owners = owner[at : at + len(surface)]
        at += len(surface)
        if not owners:
            continue
        for i, share in zip(sorted(set(owners)), _shares(surface, said, owners)):
            readings[i] += share
    return readings


def _shares(surface: str, said: str, owners: list[int]) -> list[str]:
    """A word's reading cut at the bounds between its syllables, one share each."""
    if owners[0] == owners[-1]:
        return [said]
    groups, pattern = [], ""
    for i in sorted(set(owners)):
        piece = "".join(char for char, whose in zip(surface, owners) if whose == i)
        groups.append(piece)
        pattern += "(.+)" if has_kanji(piece) else f"({re.escape(_katakana(piece))})"
    match = re.fullmatch(pattern, said)
    worded = [has_kanji(piece) for piece in groups]
    undecided = any(a and b for a, b in pairwise(worded))
    if match is None or undecided:
        raise LyricsError(
            f"'{surface}' is read {said}, which cannot be divided over "
            f"{'-'.join(groups)}; write these notes in kana"
        )
    return list(match.groups())


def _words(text: str) -> list[tuple[str, str]]:
    """(surface, reading in katakana) of the words of a text."""
    try:
        import pyopenjtalk
    except ImportError:
        raise LyricsError(
            f"'{text}' has kanji, which need the dictionary: pip install \"hsing[ja]\", or write kana"
        ) from None
    words = []
    for word in pyopenjtalk.run_frontend(text):
        words.append((word["string"], _NOT_KANA.sub("", word["pron"])))
    return words


def _katakana(text: str) -> str:
    return "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in text)
