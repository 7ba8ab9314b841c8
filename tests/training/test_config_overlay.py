"""YAML over defaults: what it changes, what it may not."""

from dataclasses import dataclass, field

import pytest

from hsing.errors import InputError
from hsing.training.codec import CodecTraining
from hsing.training.config import overlay, overlay_file
from hsing.training.singer import SingerTraining


def write(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_what_is_named_changes(tmp_path):
    path = write(tmp_path, "batch_clips: 3\nmodel:\n  channels: 8\nweights: {mel: 2}\n")
    config = overlay_file(CodecTraining(), path)
    default = CodecTraining()
    assert (config.batch_clips, config.model.channels) == (3, 8)
    assert config.weights == {**default.weights, "mel": 2}
    assert config.loop == default.loop and config.model.hop == default.model.hop
    assert overlay_file(default, None) is default


def test_whole_numbers_stand_for_floats_and_none_takes_text(tmp_path):
    path = write(tmp_path, "loop: {learning_rate: 1}\nonly_singer: anna\n")
    config = overlay_file(SingerTraining(), path)
    assert config.loop.learning_rate == 1.0 and isinstance(config.loop.learning_rate, float)
    assert config.only_singer == "anna"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_clip: 3", r"a.yaml: unknown key 'batch_clip'; known: model, loop, batch_clips, "),
        ("loop: {step: 3}", r"a.yaml: loop: unknown key 'step'; known: steps, learning_rate"),
        ("loop: 3", r"a.yaml: loop must be a mapping, not 3"),
        ("weights: {mell: 3}", r"a.yaml: weights must map some of spectral/magnitude, .*mel"),
        ("weights: 3", r"a.yaml: weights must map some of"),
        ("batch_clips: 3.5", r"a.yaml: batch_clips must be of type int, not 3.5"),
        ("augmented_share: much", r"a.yaml: augmented_share must be of type float, not 'much'"),
        ("batch_clips: true", r"a.yaml: batch_clips must be of type int, not True"),
        ("augmented_share: no", r"a.yaml: augmented_share must be of type float, not False"),
        ("weights: {mel: much}", r"a.yaml: weights: mel must be of type float, not 'much'"),
        ("- 3", r"a.yaml: must hold 'key: value' lines"),
        ("", r"a.yaml: must hold 'key: value' lines"),
        ("a: [", r"a.yaml: cannot be read as YAML"),
    ],
)
def test_refusals_say_where_in_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as refusal:
        overlay_file(CodecTraining(), write(tmp_path, text))
    assert "\n" not in str(refusal.value)


def test_the_prior_is_one_of_two(tmp_path):
    given = overlay_file(SingerTraining(), write(tmp_path, "condition: {prior: standard}"))
    assert given.condition.prior == "standard"
    with pytest.raises(InputError, match="prior must be data or standard, not 'normal'"):
        overlay_file(SingerTraining(), write(tmp_path, "condition: {prior: normal}"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.yaml: cannot be read"):
        overlay_file(CodecTraining(), tmp_path / "none.yaml")


@dataclass(frozen=True)
class _Flags:
    flag: bool = False
    count: int = 1
    names: list = field(default_factory=list)


def test_switches_and_lists():
    assert overlay(_Flags(), {"flag": True, "names": ["a"]}, "x") == _Flags(True, 1, ["a"])
    with pytest.raises(InputError, match="x: flag must be of type bool, not 'yes'"):
        overlay(_Flags(), {"flag": "yes"}, "x")
