"""The phone inventory: one table for all languages and voices.

Append-only: the position of a phone is its index in every trained embedding, so entries are never
moved or removed. Symbols are IPA, except 'pau' (silence), 'br' (breath) and 'cl' (the closure of a
long consonant, Japanese っ).
"""

from __future__ import annotations

from hsing.errors import LyricsError
from hsing.flow import Phone

# symbol, kind, voiced, manner (duration class)
_TABLE = [
    ("pau", "silence", False, "silence"),
    ("br", "silence", False, "breath"),
    ("a", "vowel", True, "vowel"),
    ("i", "vowel", True, "vowel"),
    ("ɯ", "vowel", True, "vowel"),
    ("e", "vowel", True, "vowel"),
    ("o", "vowel", True, "vowel"),
    ("ɴ", "moraic", True, "nasal"),
    ("cl", "moraic", False, "closure"),
    ("k", "consonant", False, "stop"),
    ("kʲ", "consonant", False, "stop"),
    ("ɡ", "consonant", True, "stop"),
    ("ɡʲ", "consonant", True, "stop"),
    ("s", "consonant", False, "fricative"),
    ("ɕ", "consonant", False, "fricative"),
    ("z", "consonant", True, "fricative"),
    ("dʑ", "consonant", True, "affricate"),
    ("t", "consonant", False, "stop"),
    ("tʲ", "consonant", False, "stop"),
    ("tɕ", "consonant", False, "affricate"),
    ("ts", "consonant", False, "affricate"),
    ("d", "consonant", True, "stop"),
    ("dʲ", "consonant", True, "stop"),
    ("n", "consonant", True, "nasal"),
    ("ɲ", "consonant", True, "nasal"),
    ("h", "consonant", False, "fricative"),
    ("ç", "consonant", False, "fricative"),
    ("ɸ", "consonant", False, "fricative"),
    ("b", "consonant", True, "stop"),
    ("bʲ", "consonant", True, "stop"),
    ("p", "consonant", False, "stop"),
    ("pʲ", "consonant", False, "stop"),
    ("m", "consonant", True, "nasal"),
    ("mʲ", "consonant", True, "nasal"),
    ("j", "consonant", True, "glide"),
    ("ɾ", "consonant", True, "liquid"),
    ("ɾʲ", "consonant", True, "liquid"),
    ("w", "consonant", True, "glide"),
    ("v", "consonant", True, "fricative"),
]

INVENTORY: tuple[Phone, ...] = tuple(Phone(i, *row) for i, row in enumerate(_TABLE))
_BY_SYMBOL = {phone.symbol: phone for phone in INVENTORY}
SILENCE = _BY_SYMBOL["pau"]
BREATH = _BY_SYMBOL["br"]


def phone(symbol: str) -> Phone:
    """The phone with this symbol. Raises LyricsError naming the symbol if there is none."""
    try:
        return _BY_SYMBOL[symbol]
    except KeyError:
        raise LyricsError(
            f"'{symbol}' is not a phone; the inventory holds {' '.join(_BY_SYMBOL)}"
        ) from None
