"""Syllables onto notes: a part of a score → the notes with the phones that begin on each."""

from __future__ import annotations

from dataclasses import replace

from hsing.errors import LyricsError
from hsing.flow import Note, Part, Phone, Score, Sung, SungNote, Syllable
from hsing.lyrics.languages import language_module
from hsing.lyrics.phonemes import detect, phones, readable, refusal

_HELD = frozenset("ー-－+~〜～ｰ")


def attach(
    part: Part,
    score: Score,
    *,
    language: str | None = None,
    default_lyric: str | None = None,
) -> Sung:
    """The part with its words as phones.

    Parameters
    ----------
    part : Part
        One line of notes of `score`.
    language : str, optional
        Code such as 'ja'; else the first language that reads every syllable.
    default_lyric : str, optional
        Syllable for notes that have none and are no melisma.

    Raises
    ------
    LyricsError
        A note without syllable (and no `default_lyric`), or a syllable that cannot be read, naming
        part, measure and beat.
    """
    notes = [_completed(note, default_lyric) for note in part.notes]
    language = language or _language(notes)
    language_module(language)
    texts = _texts(notes, language)
    sung: list[SungNote] = []
    for note, text in zip(notes, texts):
        sung.append(SungNote(note, _phones(note, text, language, sung)))
    return Sung(part.name, language, tuple(sung), score.tempo, score.length_beats)


def _completed(note: Note, default_lyric: str | None) -> Note:
    """The note with a syllable, unless it is a melisma."""
    if note.syllable is not None or note.slurred:
        return note
    if default_lyric is None:
        raise LyricsError(
            f"{note.place}: a note without a syllable; give it one, slur it to the note before, "
            "or sing such notes with --default-lyric la"
        )
    return replace(note, syllable=Syllable(default_lyric))


def _held(note: Note) -> bool:
    """True for a note that only goes on: no syllable, or a mere sign of prolongation."""
    return note.syllable is None or set(note.syllable.text) <= _HELD


def _language(notes: list[Note]) -> str:
    """The language of the words. A refusal names the first syllable that is in none."""
    worded = [note for note in notes if not _held(note)]
    code = detect(note.syllable.text for note in worded)
    if code is not None:
        return code
    stray = next((n for n in worded if detect([n.syllable.text]) is None), worded[0])
    raise LyricsError(f"{stray.place}: {refusal(stray.syllable.text)}")


def _texts(notes: list[Note], language: str) -> list[str]:
    """What to read on each note, phrase by phrase; '' where a note goes on."""
    texts: list[str] = []
    for phrase in _phrases(notes):
        worded = [note for note in phrase if not _held(note)]
        for note in worded:
            if not readable(note.syllable.text, language):
                raise LyricsError(f"{note.place}: {refusal(note.syllable.text)}")
        try:
            read = iter(language_module(language).in_context([n.syllable.text for n in worded]))
        except LyricsError as error:
            raise LyricsError(f"{worded[0].place}: {error}") from None
        texts += ["" if _held(note) else next(read) for note in phrase]
    return texts


def _phrases(notes: list[Note]) -> list[list[Note]]:
    """Notes between rests, and between syllables that end in punctuation."""
    phrases: list[list[Note]] = []
    for note in notes:
        before = phrases[-1][-1] if phrases else None
        ends = (
            before is not None
            and before.syllable
            and before.syllable.text.endswith(tuple("、。，．,.！？!?"))
        )
        if before is None or ends or note.onset_beats > before.end_beats:
            phrases.append([])
        phrases[-1].append(note)
    return phrases


def _phones(note: Note, text: str, language: str, before: list[SungNote]) -> tuple[Phone, ...]:
    """Phones that begin on a note: none on a melisma; after a rest the last vowel once more."""
    if text:
        try:
            return phones(text, language)
        except LyricsError as error:
            raise LyricsError(f"{note.place}: {error}") from None
    nuclei = [p for sung in before for p in sung.phones if p.kind == "vowel" or p.symbol == "ɴ"]
    if not nuclei:
        raise LyricsError(f"{note.place}: no vowel before this note that it could prolong")
    touches = before[-1].note.end_beats == note.onset_beats
    return () if touches else (nuclei[-1],)
