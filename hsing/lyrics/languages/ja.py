"""Japanese: kana, romaji and kanji → phones, mora by mora.

Kana are sung as written: は is ha, へ is he, を is o, and とう is t o ɯ, not a long o (write とー for
that). ー and macrons hold the vowel: a mora more inside a syllable (たーん is t a a ɴ), nothing at its
end, where the vowel lasts as long as the note (らー is ɾ a; hand-labelled singing has one vowel there
too). Vowels are never devoiced, since every mora may carry a note.
Palatalised consonants follow the romaji spelling: き is k i, きゃ is kʲ a.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from hsing.errors import LyricsError
from hsing.lyrics.languages import ja_kanji

NAME = "Japanese"
WRITING = "kana, kanji or romaji"

_VOWELS = {"a": "a", "i": "i", "u": "ɯ", "e": "e", "o": "o"}

# onset in romaji → phones. Longer spellings win.
_ONSETS = {
    "": "", "k": "k", "g": "ɡ", "s": "s", "z": "z", "t": "t", "d": "d", "n": "n", "h": "h",
    "b": "b", "p": "p", "m": "m", "y": "j", "r": "ɾ", "l": "ɾ", "w": "w", "v": "v", "f": "ɸ",
    "sh": "ɕ", "sy": "ɕ", "j": "dʑ", "jy": "dʑ", "zy": "dʑ", "ch": "tɕ", "cy": "tɕ", "ts": "ts",
    "dz": "z", "ky": "kʲ", "gy": "ɡʲ", "ty": "tɕ", "dy": "dʑ", "ny": "ɲ", "hy": "ç", "by": "bʲ",
    "py": "pʲ", "my": "mʲ", "ry": "ɾʲ", "ly": "ɾʲ", "fy": "ɸ j", "vy": "v j", "kw": "k w",
    "gw": "ɡ w",
}  # fmt: skip
# Kunrei spellings, and moras that are not what their letters say.
_IRREGULAR = {
    "si": "ɕ i", "ti": "tɕ i", "tu": "ts ɯ", "hu": "ɸ ɯ", "zi": "dʑ i", "wo": "o", "yi": "i",
    "wu": "ɯ",
}  # fmt: skip
_MACRONS = str.maketrans("āīūēōâîûêô", "aiueoaiueo")
_ROMAJI = re.compile(
    r"(?:(?P<double>[kgsztdhbpfjrc])(?=(?P=double)|(?<=t)c))?"
    rf"(?P<onset>{'|'.join(sorted(filter(None, _ONSETS), key=len, reverse=True))})?"
    r"(?P<vowel>[aiueoāīūēōâîûêô])"
)
_CODA = re.compile(r"n(?P<mark>['’])|[nm](?![aiueoyāīūēōâîûêô])|(?P<stop>[kstpc])$")

# One kana in romaji; voiced and combined kana below.
_ROWS = {
    "": "あいうえお", "k": "かきくけこ", "s": "さしすせそ", "t": "たちつてと", "n": "なにぬねの",
    "h": "はひふへほ", "m": "まみむめも", "r": "らりるれろ", "g": "がぎぐげご", "z": "ざじずぜぞ",
    "b": "ばびぶべぼ", "p": "ぱぴぷぺぽ",
}  # fmt: skip
_KANA = {kana: row + v for row, line in _ROWS.items() for kana, v in zip(line, "aiueo")}
_KANA |= {"や": "ya", "ゆ": "yu", "よ": "yo", "わ": "wa", "ゐ": "i", "ゑ": "e", "を": "wo"}
_KANA |= {"だ": "da", "ぢ": "ji", "づ": "zu", "で": "de", "ど": "do", "ゔ": "vu"}
_KANA |= {"ゕ": "ka", "ゖ": "ke", "ゃ": "ya", "ゅ": "yu", "ょ": "yo", "ゎ": "wa"}
_KANA |= dict(zip("ぁぃぅぇぉ", "aiueo"))

# A kana before a small one: the onset that both make.
_PALATAL_ONSETS = ("ky", "gy", "sh", "j", "ch", "j", "ny", "hy", "by", "py", "my", "ry")
_PALATAL = dict(zip("きぎしじちぢにひびぴみり", _PALATAL_ONSETS))
_BEFORE_GLIDE = _PALATAL | {"ふ": "fy", "ゔ": "vy", "て": "tʲ", "で": "dʲ"}
_BEFORE_VOWEL = _PALATAL | {
    "ふ": "f", "ゔ": "v", "つ": "ts", "す": "s", "ず": "z", "て": "t+", "で": "d", "と": "t+",
    "ど": "d", "う": "w", "い": "y", "く": "kw", "ぐ": "gw",
}  # fmt: skip
_TAKES = {"す": "ぃ", "ず": "ぃ", "て": "ぃ", "で": "ぃ", "と": "ぅ", "ど": "ぅ"}
_ONSET_PHONES = _ONSETS | {"tʲ": "tʲ", "dʲ": "dʲ", "t+": "t"}
_MORA = re.compile(r"([ぁ-ゖ])([ゃゅょぁぃぅぇぉゎ]?)")

_LONG = re.compile(r"(?<=[ぁ-ヿー])[‐‑‒–—―−－~〜～ｰ]")
_VOICED = str.maketrans(
    "かきくけこさしすせそたちつてとはひふへほう", "がぎぐげござじずぜぞだぢづでどばびぶべぼゔ"
)


def reads(text: str) -> bool:
    """True if the text is kana, kanji, or Latin letters that are romaji."""
    try:
        clean = normalised(text)
        return bool(clean) and (ja_kanji.has_kanji(clean) or bool(_morae(clean)))
    except LyricsError:
        return False


def phones_of(text: str) -> list[list[str]]:
    """The morae of a text in any Japanese writing, each a list of phone symbols.

    'さくら' → [['s', 'a'], ['k', 'ɯ'], ['ɾ', 'a']]. A text that begins with ー has no vowel to
    prolong: that, and what is not Japanese, raises LyricsError; so do kanji if pyopenjtalk is not
    installed.
    """
    clean = normalised(text)
    if not clean:
        raise LyricsError(f"'{text}' holds nothing to sing")
    return _morae(normalised(ja_kanji.kana(clean)) if ja_kanji.has_kanji(clean) else clean)


def in_context(texts: Sequence[str]) -> list[str]:
    """The syllables of a phrase, kanji as kana, read in the light of their neighbours.

    Kana and romaji stay as they are. LyricsError for a kanji word over several notes whose reading
    cannot be divided.
    """
    clean = [normalised(text) for text in texts]
    if not any(map(ja_kanji.has_kanji, clean)):
        return list(texts)
    kana = ja_kanji.divided(clean)
    return [k if ja_kanji.has_kanji(c) else t for t, c, k in zip(texts, clean, kana)]


def normalised(text: str) -> str:
    """Hiragana, kanji and lower-case Latin; no punctuation, no width, no iteration marks."""
    text = _LONG.sub("ー", text.replace("゛", "\u3099").replace("゜", "\u309a"))
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in text)
    text = re.sub(r"(.)ゝ|(.)ヽ", lambda m: (m[1] or m[2]) * 2, text)
    text = re.sub(r"(.)[ゞヾ]", lambda m: m[1] + m[1].translate(_VOICED), text)
    kept = (c for i, c in enumerate(text) if not _mark(c) or (c in "'’" and text[:i].endswith("n")))
    return "".join(kept)


def _mark(char: str) -> bool:
    """True for punctuation, symbols, spaces and controls."""
    return unicodedata.category(char)[0] in "PSZC"


def _morae(clean: str) -> list[list[str]]:
    """Morae of normalised kana or romaji, or of both in turn."""
    morae: list[list[str]] = []
    for run in re.findall(r"[ぁ-ゖー]+|[^ぁ-ゖー]+", clean):
        if "ぁ" <= run[0] <= "ゖ" or run[0] == "ー":
            _read_kana(run, morae)
        else:
            _read_romaji(run, clean, morae)
    return morae


def _read_kana(run: str, morae: list[list[str]]) -> None:
    at = 0
    while at < len(run):
        if run[at] == "ー":
            vowel = _last_vowel(morae, run)
            if run[at:].strip("ー"):
                morae.append([vowel])
            at += 1
            continue
        match = _MORA.match(run, at)
        base, small = match.groups()
        if base in "っん":
            morae.append(["cl" if base == "っ" else "ɴ"])
            at += 1
        else:
            combined = _combined(base, small) if small else None
            morae.append(combined or _mora(_KANA[base]))
            at += 2 if combined else 1


def _last_vowel(morae: list[list[str]], run: str) -> str:
    if not morae or morae[-1] == ["cl"]:
        raise LyricsError(f"'{run}': no vowel before ー that it could prolong")
    return morae[-1][-1]


def _combined(base: str, small: str) -> list[str] | None:
    """Phones of a kana with a small one, e.g. きゃ, てぃ; None if they are two morae (なぁ)."""
    if small in "ゃゅょ":
        onset = _BEFORE_GLIDE.get(base)
    elif small == "ゎ":
        onset = {"く": "kw", "ぐ": "gw"}.get(base)
    elif small not in _TAKES.get(base, "ぁぃぅぇぉ"):
        onset = None
    else:
        onset = _BEFORE_VOWEL.get(base)
    vowel = _KANA[small][-1]
    if onset is None or (small in "ぁぃぅぇぉ" and _KANA[base][-1] == vowel):
        return None
    return [*_ONSET_PHONES[onset].split(), _VOWELS[vowel]]


def _mora(romaji: str) -> list[str]:
    """Phones of one mora, e.g. 'kya'."""
    if romaji in _IRREGULAR:
        return _IRREGULAR[romaji].split()
    return [*_ONSETS[romaji[:-1]].split(), _VOWELS[romaji[-1]]]


def _read_romaji(run: str, text: str, morae: list[list[str]]) -> None:
    at = 0
    while at < len(run):
        coda = _CODA.match(run, at)
        match = coda or _ROMAJI.match(run, at)
        if match is None:
            raise LyricsError(f"'{text}' is not {NAME} ({WRITING})")
        if coda:
            morae.append(["cl" if coda["stop"] else "ɴ"])
        else:
            if match["double"]:
                morae.append(["cl"])
            vowel = match["vowel"].translate(_MACRONS)
            morae.append(_mora((match["onset"] or "") + vowel))
            if vowel != match["vowel"] and match.end() < len(run):
                morae.append([_VOWELS[vowel]])
        at = match.end()
