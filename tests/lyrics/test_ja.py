"""Japanese writing → phones, against a table written by hand."""

from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsing.errors import LyricsError
from hsing.lyrics.inventory import INVENTORY
from hsing.lyrics.languages import ja, ja_kanji

needs_dictionary = pytest.mark.skipif(
    find_spec("pyopenjtalk") is None, reason="kanji need pyopenjtalk: pip install 'hsing[ja]'"
)

# text, phones; a point between morae
TABLE = """
あ a | い i | う ɯ | え e | お o | か ka | き ki | く kɯ | け ke | こ ko | が ɡa | ぎ ɡi
さ sa | し ɕi | す sɯ | せ se | そ so | ざ za | じ dʑi | ず zɯ | た ta | ち tɕi | つ tsɯ | て te
だ da | ぢ dʑi | づ zɯ | で de | ど do | な na | に ni | ぬ nɯ | は ha | ひ hi | ふ ɸɯ | へ he
ば ba | び bi | ぱ pa | ぷ pɯ | ま ma | み mi | や ja | ゆ jɯ | よ jo | ら ɾa | り ɾi | る ɾɯ
わ wa | を o | ゐ i | ゑ e | ん ɴ | っ cl | ゔ vɯ | ヶ ke
きゃ kʲa | きゅ kʲɯ | ぎょ ɡʲo | しゃ ɕa | しゅ ɕɯ | じょ dʑo | ちゃ tɕa | ぢゃ dʑa | にゃ ɲa
ひゃ ça | ひょ ço | びゅ bʲɯ | ぴょ pʲo | みゃ mʲa | りゅ ɾʲɯ
ティ ti | ディ di | トゥ tɯ | ドゥ dɯ | テュ tʲɯ | デュ dʲɯ | ファ ɸa | フィ ɸi | フォ ɸo | フュ ɸjɯ
ヴァ va | ヴィ vi | ヴ vɯ | ウィ wi | ウェ we | ウォ wo | シェ ɕe | ジェ dʑe | チェ tɕe | イェ je
ツァ tsa | ツォ tso | スィ si | ズィ zi | クァ kwa | クヮ kwa | グァ ɡwa | ヒェ çe
なぁ na.a | ねぇ ne.e | さぁ sa.a | ああ a.a | ぁ a
サクラ sa.kɯ.ɾa | ｻｸﾗ sa.kɯ.ɾa | ｶﾞ ɡa | ﾊﾟ pa | ｷｬ kʲa | か゛ ɡa | か\u3099 ɡa
さん sa.ɴ | きょう kʲo.ɯ | とう to.ɯ | えい e.i | がっこう ɡa.cl.ko.ɯ | あっ a.cl | っあ cl.a
らー ɾa | ラ～ ɾa | せ－ se | さーん sa.a.ɴ | ソーラー so.o.ɾa | アーー a | ンー ɴ
こゝろ ko.ko.ɾo | すゞめ sɯ.zɯ.me
「さ」 sa | は、 ha | へ！ he | さ・く sa.kɯ | Ｓａ sa
a a | ka ka | shi ɕi | si ɕi | chi tɕi | ti tɕi | tsu tsɯ | tu tsɯ | fu ɸɯ | hu ɸɯ | ji dʑi
zi dʑi | di di | wo o | wa wa | ya ja | sha ɕa | sya ɕa | cha tɕa | tya tɕa | cya tɕa | ja dʑa | jya dʑa
zya dʑa | kya kʲa | nya ɲa | hyo ço | ryu ɾʲɯ | va va | fa ɸa | tsa tsa | kwa kwa | la ɾa | dzu zɯ
kyō kʲo | Tōkyō to.o.kʲo | kâsan ka.a.sa.ɴ | n ɴ | n' ɴ | san sa.ɴ | shin'you ɕi.ɴ.jo.ɯ | shi’n’yo ɕi.ɴ.jo
konna ko.ɴ.na | shimbun ɕi.ɴ.bɯ.ɴ | kitte ki.cl.te | gakkou ɡa.cl.ko.ɯ | zasshi za.cl.ɕi
matcha ma.cl.tɕa | macchi ma.cl.tɕi | kit ki.cl | sakura, sa.kɯ.ɾa | LA ɾa | tchi- cl.tɕi
"""
ROWS = [tuple(row.split()) for row in TABLE.replace("\n", "|").split("|") if row.strip()]
MORAE = [text for text, phones in ROWS if "." not in phones and "ー" not in text]
KANA = [t for t in MORAE if all("ぁ" <= c <= "ヺ" for c in t) and t not in ("っ", "ぁ")]


@pytest.mark.parametrize(("text", "phones"), ROWS)
def test_table(text, phones):
    assert ".".join("".join(mora) for mora in ja.phones_of(text)) == phones
    assert ja.reads(text)


def test_the_table_is_long():
    assert len(ROWS) > 150


def test_every_symbol_is_in_the_inventory():
    known = {phone.symbol for phone in INVENTORY}
    for text, _ in ROWS:
        assert {symbol for mora in ja.phones_of(text) for symbol in mora} <= known


@given(st.lists(st.sampled_from(KANA), min_size=1, max_size=8))
def test_phones_of_a_word_are_those_of_its_kana(kana):
    # ァ after a kana of the same vowel or after フ, ウ … would be read with it: left out of KANA
    assert ja.phones_of("".join(kana)) == [mora for text in kana for mora in ja.phones_of(text)]


@pytest.mark.parametrize(
    "text",
    ["the", "hello", "str", "love you, x", "사랑", "да", "ä", "5", "kya-th", "さthe"],
)
def test_what_is_not_japanese_is_refused(text):
    assert not ja.reads(text)
    with pytest.raises(LyricsError, match=r"is not Japanese \(kana, kanji or romaji\)"):
        ja.phones_of(text)


def test_nothing_to_sing_and_nothing_to_prolong():
    with pytest.raises(LyricsError, match="'。。' holds nothing to sing"):
        ja.phones_of("。。")
    with pytest.raises(LyricsError, match="no vowel before ー"):
        ja.phones_of("ーあ")


@needs_dictionary
@pytest.mark.parametrize(
    ("text", "phones"),
    [("桜", "sa.kɯ.ɾa"), ("花盛り", "ha.na.za.ka.ɾi"), ("学校", "ɡa.cl.ko"), ("春は", "ha.ɾɯ.wa")],
)
def test_kanji(text, phones):
    assert ".".join("".join(mora) for mora in ja.phones_of(text)) == phones


@needs_dictionary
@pytest.mark.parametrize(
    ("texts", "respelt"),
    [
        (["来", "た"], ["キ", "た"]),
        (["来", "る"], ["ク", "る"]),
        (["さ", "くら"], ["さ", "くら"]),
        (["春", "が", "来", "た、"], ["ハル", "が", "キ", "た、"]),
    ],
)
def test_kanji_are_read_with_their_neighbours(texts, respelt):
    assert ja.in_context(texts) == respelt


@needs_dictionary
def test_kanji_that_cannot_be_divided():
    with pytest.raises(
        LyricsError, match="'学校' is read ガッコー, which cannot be divided over 学-校"
    ):
        ja.in_context(["学", "校"])


def test_without_the_dictionary_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyopenjtalk", None)
    with pytest.raises(LyricsError, match=r'pip install "hsing\[ja\]", or write kana'):
        ja_kanji.kana("桜")
