"""A training set of synthetic singing, made once for all recipes."""

import pytest
from tiny_song import write_corpus

from hsing.training.datasets import read_training_set
from hsing.training.prepare import prepare


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    corpus = write_corpus(folder / "anna")
    prepare([corpus], folder / "set", validation=["a1"])
    return read_training_set(folder / "set")
