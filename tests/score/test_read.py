"""Scores written here measure by measure; what must come out is worked out by hand."""

import io
import warnings
import zipfile
from fractions import Fraction

import pytest

from hsing.errors import InputError, LyricsError, ScoreError
from hsing.flow import Tempo
from hsing.score.read import ScoreWarning, read_score, sung_part

ATTRIBUTES = (
    "<attributes><divisions>12</divisions><key><fifths>-2</fifths></key>"
    "<time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
)


def tempo(bpm):
    return f'<direction><sound tempo="{bpm}"/></direction>'


def note(pitch, duration, text=None, *, syllabic="single", extra="", notations="", lyric=""):
    """XML of a note such as note("Bb4", 12, "la"); pitch 'R' is a rest. 12 is a quarter."""
    if pitch == "R":
        what = "<rest/>"
    else:
        alter = {"b": "<alter>-1</alter>", "#": "<alter>1</alter>"}.get(pitch[1:-1], "")
        what = f"<pitch><step>{pitch[0]}</step>{alter}<octave>{pitch[-1]}</octave></pitch>"
    if text is not None:
        lyric = f"<lyric><syllabic>{syllabic}</syllabic><text>{text}</text></lyric>"
    notes = f"<notations>{notations}</notations>" if notations else ""
    return f"<note>{what}<duration>{duration}</duration>{extra}{notes}{lyric}</note>"


def chord_note(pitch, duration):
    return note(pitch, duration).replace("<note>", "<note><chord/>")


def part(measures, first_number=1):
    body = ""
    for number, content in enumerate(measures, start=first_number):
        head = ATTRIBUTES if number == first_number else ""
        body += f'<measure number="{number}">{head}{content}</measure>'
    return body


def document(*parts, names=("Voice", "Piano", "Alto")):
    listed = "".join(
        f'<score-part id="P{i}"><part-name>{name}</part-name></score-part>'
        for i, (_, name) in enumerate(zip(parts, names))
    )
    bodies = "".join(f'<part id="P{i}">{body}</part>' for i, body in enumerate(parts))
    return f"<score-partwise><part-list>{listed}</part-list>{bodies}</score-partwise>"


@pytest.fixture
def read(tmp_path):
    def read_text(text, name="song.musicxml", quiet=True):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if not quiet:
            return read_score(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ScoreWarning)
            return read_score(path)

    return read_text


def timing(part):
    return [(n.onset_beats, n.duration_beats, n.midi) for n in part.notes]


# --- notes and time ------------------------------------------------------------------------------


def test_notes_rests_and_dots_have_exact_places(read):
    score = read(document(part([note("C4", 18, "a") + note("R", 6) + note("Bb4", 24, "i")])))
    first, second = score.parts[0].notes
    assert timing(score.parts[0]) == [(0, Fraction(3, 2), 60), (2, 2, 70)]
    assert str(first.place) == "part 'Voice', measure 1, beat 1"
    assert (second.place.measure, second.place.beat) == (1, 3)
    assert score.key_fifths == -2
    assert score.title == "song"


def test_trailing_and_whole_measures_of_rest_count(read):
    rest = note("R", 48)
    score = read(document(part([rest, rest, note("C4", 12, "a") + note("R", 36), rest])))
    assert score.parts[0].notes[0].onset_beats == 8
    assert score.length_beats == 16


def test_an_empty_measure_lasts_a_bar(read):
    assert read(document(part([note("C4", 48, "a"), ""]))).length_beats == 8


def test_pickup_measure_is_as_long_as_it_is(read):
    score = read(document(part([note("C4", 12, "a"), note("D4", 48, "i")], first_number=0)))
    assert [n.onset_beats for n in score.parts[0].notes] == [0, 1]
    assert [n.place.measure for n in score.parts[0].notes] == [0, 1]
    assert score.length_beats == 5


def test_triplets_are_exact_even_where_the_divisions_are_not(read):
    triplet = "<type>eighth</type><time-modification><actual-notes>3</actual-notes>"
    triplet += "<normal-notes>2</normal-notes></time-modification>"
    rounded = "".join(note("C4", d, "a", extra=triplet) for d in (3, 3, 4))
    text = document(part([rounded + note("D4", 30, "i")])).replace(
        "<divisions>12</divisions>", "<divisions>10</divisions>"
    )
    third = Fraction(1, 3)
    assert timing(read(text).parts[0]) == [
        (0, third, 60),
        (third, third, 60),
        (2 * third, third, 60),
        (1, 3, 62),
    ]


def test_ties_join_across_barlines(read):
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    score = read(
        document(
            part(
                [
                    note("R", 36) + note("C4", 12, "a", extra=start),
                    note("C4", 48, extra=stop + start),
                    note("C4", 12, extra=stop) + note("C4", 12, "i"),
                ]
            )
        )
    )
    assert timing(score.parts[0]) == [(3, 6, 60), (9, 1, 60)]


def test_a_tied_note_with_its_own_syllable_is_sung(read):
    score = read(
        document(
            part(
                [
                    note("C4", 12, "a", extra='<tie type="start"/>')
                    + note("C4", 12, "i", extra='<tie type="stop"/>')
                ]
            )
        )
    )
    assert [n.syllable.text for n in score.parts[0].notes] == ["a", "i"]


def test_transposing_instruments_sound_where_they_sound(read):
    text = document(part([note("C5", 48, "a")])).replace(
        "</attributes>", "<transpose><chromatic>-2</chromatic></transpose></attributes>"
    )
    assert read(text).parts[0].notes[0].midi == 70


def test_backup_and_a_second_voice_of_rests(read):
    second = "<backup><duration>48</duration></backup>" + note("R", 48)
    score = read(document(part([note("C4", 24, "a") + note("D4", 24, "i") + second])))
    assert timing(sung_part(score)) == [(0, 2, 60), (2, 2, 62)]
    assert score.length_beats == 4


# --- melismas ------------------------------------------------------------------------------------


def slurred(score):
    return [n.slurred for n in score.parts[0].notes]


def test_slur_makes_a_melisma_and_ends(read):
    start, stop = '<slur type="start" number="1"/>', '<slur type="stop" number="1"/>'
    score = read(
        document(
            part(
                [
                    note("C4", 12, "a", notations=start)
                    + note("D4", 12)
                    + note("E4", 12, notations=stop)
                    + note("F4", 12)
                ]
            )
        )
    )
    assert slurred(score) == [False, True, True, False]


def test_a_slur_may_begin_where_another_of_its_number_ends(read):
    start, stop = '<slur type="start" number="1"/>', '<slur type="stop" number="1"/>'
    first, last = note("C4", 12, "a", notations=start), note("E4", 12, notations=stop)
    score = read(document(part([first + note("D4", 12, notations=start + stop) + last])))
    assert slurred(score) == [False, True, True]


def test_a_slur_over_one_tied_note_does_not_stay_open(read):
    score = read(
        document(
            part(
                [
                    note(
                        "C4", 12, "a", extra='<tie type="start"/>', notations='<slur type="start"/>'
                    )
                    + note("C4", 12, extra='<tie type="stop"/>', notations='<slur type="stop"/>')
                    + note("F4", 24)
                ]
            )
        )
    )
    assert slurred(score) == [False, False]


def test_hyphen_and_extender_make_melismas_until_a_rest(read):
    extended = '<lyric><syllabic>end</syllabic><text>ra</text><extend type="start"/></lyric>'
    score = read(
        document(
            part(
                [
                    note("C4", 12, "sa", syllabic="begin") + note("D4", 12),
                    note("E4", 12, lyric=extended)
                    + note("F4", 12, lyric='<lyric><extend type="stop"/></lyric>')
                    + note("F4", 12)
                    + note("E4", 12, lyric=extended),
                    note("R", 12) + note("G4", 36),
                ]
            )
        )
    )
    assert slurred(score) == [False, True, False, True, False, False, False]


# --- tempo ---------------------------------------------------------------------------------------


def metronome(unit, per_minute, dots=0):
    return (
        f"<direction><direction-type><metronome><beat-unit>{unit}</beat-unit>"
        f"{'<beat-unit-dot/>' * dots}<per-minute>{per_minute}</per-minute>"
        "</metronome></direction-type></direction>"
    )


@pytest.mark.parametrize(
    ("mark", "quarter_bpm"),
    [
        (metronome("quarter", 90), 90),
        (metronome("half", 60), 120),
        (metronome("quarter", 60, dots=1), 90),
        (metronome("eighth", 100), 50),
        (metronome("half", "c. 40", dots=1), 120),
        (tempo(72.5), 72.5),
        ('<sound tempo="66"/>', 66),
        ("", 120),
    ],
)
def test_tempo_marks(read, mark, quarter_bpm):
    score = read(document(part([mark + note("C4", 48, "a")])))
    assert score.tempo.tempos == (Tempo(Fraction(0), quarter_bpm),)


def test_tempo_changes_inside_the_song(read):
    text = document(
        part(
            [
                note("C4", 24, "a") + tempo(60) + note("C4", 24, "a"),
                tempo(240) + note("C4", 48, "a"),
            ]
        )
    )
    score = read(text.replace(ATTRIBUTES, ATTRIBUTES + tempo(120)))
    assert score.tempo.seconds(score.length_beats) == pytest.approx(1 + 2 + 1)


def test_the_first_mark_holds_from_the_start(read):
    score = read(document(part([note("R", 48), tempo(90) + note("C4", 48, "a")])))
    assert score.tempo.tempos == (Tempo(Fraction(0), 90),)


def test_metric_modulation(read):
    units = "<beat-unit>quarter</beat-unit><beat-unit>eighth</beat-unit>"
    modulation = (
        f"<direction><direction-type><metronome>{units}</metronome></direction-type></direction>"
    )
    score = read(document(part([tempo(100) + note("C4", 48, "a"), modulation + note("C4", 48)])))
    assert score.tempo.tempos == (Tempo(Fraction(0), 100), Tempo(Fraction(4), 50))


# --- what is not sung as written -----------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::hsing.score.read.ScoreWarning")
@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (
            '<barline><repeat direction="backward"/></barline>',
            r"measure 1 \(repeat\): jumps are not",
        ),
        ('<barline><ending number="1" type="start"/></barline>', r"measure 1 \(volta\)"),
        ('<direction><sound dacapo="yes"/></direction>', r"measure 1 \(D\.C\.\)"),
        (
            "<note><grace/><pitch><step>D</step><octave>4</octave></pitch></note>",
            "measure 1: grace",
        ),
        (
            note("D4", 12, lyric='<lyric number="2"><text>i</text></lyric>'),
            "measure 1: 2 verses; the first is sung",
        ),
        ("", "measure 1: no tempo mark, so 120"),
    ],
)
def test_warnings_name_the_measure(read, measure, message):
    with pytest.warns(ScoreWarning, match=message):
        read(document(part([note("C4", 12, "a") + measure])), quiet=False)


# --- parts ---------------------------------------------------------------------------------------


def choir():
    voice = part([note("C4", 48, "a")])
    piano = part([note("C3", 48) + chord_note("E3", 48)])
    return document(piano, voice, part([note("E4", 48, "i")]), names=("Piano", "Voice", "Voice"))


def test_parts_are_chosen_by_lyrics_name_or_number(read):
    score = read(choir())
    assert [p.name for p in score.parts] == ["Piano", "Voice", "Voice 2"]
    assert sung_part(score).notes[0].midi == 60
    assert sung_part(score, "voice 2").notes[0].midi == 64
    assert sung_part(score, "3") is sung_part(score, 3) is score.parts[2]
    assert score.parts[2].notes[0].place.part == "Voice 2"


def test_unknown_part_lists_the_parts(read):
    with pytest.raises(ScoreError, match="no part 'Bass'; the score has 1 'Piano', 2 'Voice', 3"):
        sung_part(read(choir()), "Bass")


def test_chords_are_refused_where_they_would_be_sung(read):
    with pytest.raises(ScoreError, match="part 'Piano', measure 1, beat 1: two notes at once"):
        sung_part(read(choir()), "Piano")
    chord = document(part([note("C4", 48), note("R", 12) + note("C4", 36) + chord_note("E4", 36)]))
    with pytest.raises(ScoreError, match="part 'Voice', measure 2, beat 2: two notes at once"):
        read(chord)


def test_two_voices_are_refused(read):
    second = "<backup><duration>12</duration></backup>" + note("E4", 12, "i")
    with pytest.raises(ScoreError, match="measure 1, beat 4: two notes at once"):
        read(document(part([note("C4", 48, "a") + second])))


def test_a_syllable_on_a_rest_is_refused(read):
    with pytest.raises(
        LyricsError, match="part 'Voice', measure 1, beat 2: the syllable 'la' stands"
    ):
        read(document(part([note("C4", 12, "a") + note("R", 12, "la")])))


# --- files ---------------------------------------------------------------------------------------


def test_files_that_are_no_scores(read, tmp_path):
    with pytest.raises(InputError, match="nowhere.musicxml: no such file"):
        read_score(tmp_path / "nowhere.musicxml")
    with pytest.raises(InputError, match="a folder; give a score"):
        read_score(tmp_path)
    for content, message in [
        (b"", "an empty file; give MusicXML"),
        (b"just words", "not a score; give MusicXML"),
        (b"<score-partwise><part>", "not well-formed XML"),
        (b"<html></html>", "XML, but not a score"),
        (b"<score-timewise></score-timewise>", "as partwise MusicXML"),
        (b"PK\x03\x04nothing", "a zip archive without a MusicXML score"),
        (b"MThd\x00\x00", "a damaged MIDI file"),
        (document(part([note("R", 48)])).encode(), "no notes in any part \\(1 'Voice'\\)"),
        (b"<score-partwise></score-partwise>", "no notes in any part"),
    ]:
        with pytest.raises(ScoreError, match=message) as caught:
            read(content, "odd.bin")
        assert "odd.bin: " in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<duration>48<", "<duration>x<", "measure 1, beat 1: <duration> is 'x', not a number"),
        ("<duration>48<", "<duration>-1<", "<duration> is below 0"),
        ("<beat-type>4<", "<beat-type>0<", "<beat-type> must be above 0"),
        ("<octave>4<", "<octave>40<", "C40 is far outside any voice"),
        ("<step>C<", "<step>H<", "'H' is not a step"),
        ("<divisions>12<", "<divisions>0<", "<divisions> must be above 0"),
        ('tempo="90"', 'tempo="0"', "the tempo '0' is not a number above 0"),
    ],
)
def test_broken_values_are_named(read, old, new, message):
    with pytest.raises(ScoreError, match=message):
        read(document(part([tempo(90) + note("C4", 48, "a")])).replace(old, new))


def test_content_decides_not_the_suffix(read):
    text = document(part([tempo(90) + note("C4", 48, "a")]))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as mxl:
        container = '<container><rootfiles><rootfile full-path="s.xml"/></rootfiles></container>'
        mxl.writestr("META-INF/container.xml", container)
        mxl.writestr("s.xml", text)
    plain, zipped = read(text, "song.mid"), read(archive.getvalue(), "song.txt")
    utf16 = read(
        '<?xml version="1.0" encoding="UTF-16"?>'.encode("utf-16") + text.encode("utf-16-le")
    )
    assert plain.parts == zipped.parts == utf16.parts
