"""Cards survive being written, and say what is wrong with them when they do not."""

import numpy as np
import pytest

from hsing.checkpoints.card import Card, read_card, write_card
from hsing.errors import CheckpointError

FULL = Card(
    name="pjs",
    licence="CC BY-SA 4.0",
    attribution="PJS corpus, Koguchi & Takamichi 2020: «songs»",
    languages=("ja",),
    singer="男声",
    sample_rate=44100,
    data=("PJS 1.1 (CC BY-SA 4.0)", "another: with a colon"),
    validation=("pjs010", "010"),
    figures={"f0_rmse_cents": 31.5, "songs": 5, "nested": {"a": 1}},
    command="hsing train singer --out 'x y'",
    sha256={"singer.safetensors": "0" * 64},
    text="A voice.\n\n---\n\nMore.",
)


def test_what_is_written_is_read(tmp_path):
    write_card(tmp_path / "card.md", FULL)
    assert read_card(tmp_path / "card.md") == FULL


def test_numpy_figures_are_written_as_plain_numbers(tmp_path):
    card = Card("a", "MIT", "b", figures={"snr_db": np.float32(1.5), "n": np.int64(3)})
    write_card(tmp_path / "card.md", card)
    assert read_card(tmp_path / "card.md").figures == {"snr_db": 1.5, "n": 3}


def test_one_language_may_be_written_without_brackets(tmp_path):
    (tmp_path / "card.md").write_text(
        "---\nname: a\nlicence: MIT\nattribution: b\nlanguages: ja\n---\n"
    )
    assert read_card(tmp_path / "card.md").languages == ("ja",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no front matter", "starts with YAML"),
        ("---\nname: a\n", "starts with YAML"),
        ("---\nname: [a\n---\n", "not YAML"),
        ("---\n- a\n---\n", "field: value"),
        ("---\nname: a\nlicense: MIT\n---\n", "unknown field 'license'; a card knows .*licence"),
        ("---\nname: a\nattribution: b\n---\n", "lacks 'licence'"),
    ],
)
def test_a_malformed_card_is_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "card.md").write_text(text)
    with pytest.raises(CheckpointError, match=message) as refusal:
        read_card(tmp_path / "card.md")
    assert "\n" not in str(refusal.value)
    assert "card.md" in str(refusal.value)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="card.md: the card cannot be read"):
        read_card(tmp_path / "card.md")
