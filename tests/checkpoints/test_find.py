"""A name leads to one folder; a name that leads nowhere says where it was looked for."""

import json

import pytest
from tiny_checkpoint import CARD, CONFIG, tiny_components

from hsing.checkpoints import hub, load
from hsing.checkpoints.load import find_checkpoint, list_checkpoints
from hsing.checkpoints.save import save_checkpoint
from hsing.errors import CheckpointError


def save(folder, kind="voice"):
    return save_checkpoint(folder, {**CONFIG, "kind": kind}, tiny_components(), CARD)


def test_by_path_by_name_and_by_kind(voice, monkeypatch):
    assert find_checkpoint(voice) == voice
    assert find_checkpoint("tiny", kind="voice") == voice
    monkeypatch.chdir(voice.parent.parent)
    assert find_checkpoint("home/tiny").samefile(voice)


def test_the_users_folder_comes_before_the_packages(voice):
    own = load.package_folder()
    save(own / "tiny")
    built_in = save(own / "built-in")
    assert find_checkpoint("tiny") == voice
    assert find_checkpoint("built-in") == built_in
    assert [entry.folder for entry in list_checkpoints()] == [built_in, voice]


def test_a_voice_finds_the_codec_beside_it(home, tmp_path):
    (tmp_path / "runs").mkdir()
    voice = save(tmp_path / "runs" / "voice")
    codec = save(tmp_path / "runs" / "codec", "codec")
    save(home / "codec", "codec")
    assert find_checkpoint("codec", kind="codec", beside=voice) == codec
    assert find_checkpoint("codec", kind="codec") == home / "codec"


def test_an_unknown_name_lists_the_names_and_the_places(voice):
    save(voice.parent / "tiny-codec", "codec")
    with pytest.raises(CheckpointError) as refusal:
        find_checkpoint("tinny", kind="voice")
    message = str(refusal.value)
    assert message.startswith("there is no voice 'tinny' in ")
    assert str(voice.parent) in message and str(load.package_folder()) in message
    assert message.endswith("; available: tiny")


def test_another_kind_is_refused(voice):
    save(voice.parent / "tiny-codec", "codec")
    with pytest.raises(
        CheckpointError, match="tiny-codec is a codec, not a voice; available: tiny"
    ):
        find_checkpoint("tiny-codec", kind="voice")


def test_a_path_without_a_checkpoint_is_refused(home):
    with pytest.raises(CheckpointError, match="home is not a checkpoint: it has no config.json"):
        find_checkpoint(home)


def test_listing_by_kind_reports_what_cannot_be_read(voice):
    save(voice.parent / "tiny-codec", "codec")
    broken = voice.parent / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="broken"):
        list_checkpoints()
    errors = []
    listed = list_checkpoints("voice", on_error=errors.append)
    assert [entry.name for entry in listed] == ["tiny"]
    assert len(errors) == 1
    assert find_checkpoint("tiny") == voice


def test_without_the_variable_the_users_folder_is_in_the_home(monkeypatch, tmp_path):
    monkeypatch.delenv("HSING_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load.model_folders()[0] == tmp_path / ".local/share/hsing/models"


def test_an_installed_package_carries_its_models(monkeypatch, tmp_path):
    package = tmp_path / "site-packages" / "hsing"
    monkeypatch.setattr("hsing.__file__", str(package / "__init__.py"))
    assert load.package_folder() == package / "models"


# --- the hub, played by a function ---------------------------------------------------------------


@pytest.fixture
def fake_hub(voice, monkeypatch):
    """Downloads answer with the tiny voice; returns the list of what was asked for."""
    asked = []

    def snapshot_download(repository, *, revision, allow_patterns):
        assert not any(pattern.endswith((".py", ".bin", ".pt", "*")) for pattern in allow_patterns)
        asked.append((repository, revision))
        return str(voice)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return asked


def test_a_pinned_repository_is_fetched(fake_hub, voice):
    assert find_checkpoint("hf:someone/soprano@0a1b2c3", kind="voice") == voice
    assert fake_hub == [("someone/soprano", "0a1b2c3")]


def test_a_name_in_the_table_is_fetched_unless_it_is_there_already(fake_hub, voice):
    table = {"soprano": "someone/soprano@v1", "tiny": "someone/tiny@v1"}
    (voice.parent / "hub.json").write_text(json.dumps(table))
    assert find_checkpoint("soprano") == voice
    assert find_checkpoint("tiny") == voice
    assert fake_hub == [("someone/soprano", "v1")]
    with pytest.raises(CheckpointError, match="available: soprano, tiny$"):
        find_checkpoint("alto")


@pytest.mark.parametrize("name", ["hf:someone/soprano", "hf:soprano@v1", "hf:a/b@", "hf:a/b@../c"])
def test_a_repository_without_a_revision_is_refused(fake_hub, name):
    with pytest.raises(CheckpointError, match="write owner/repository@revision"):
        find_checkpoint(name)
    assert fake_hub == []


def test_without_a_network_there_is_one_clear_line(home, monkeypatch):
    def snapshot_download(*args, **kwargs):
        raise ConnectionError("a long\nstory")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(CheckpointError, match="someone/soprano@v1 could not be fetched") as refusal:
        find_checkpoint("hf:someone/soprano@v1")
    assert "\n" not in str(refusal.value)


def test_a_malformed_table_is_named(tmp_path):
    (tmp_path / "hub.json").write_text("[1]")
    with pytest.raises(CheckpointError, match="hub.json: expected JSON"):
        hub.published([tmp_path])
