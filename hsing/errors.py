"""One root class, one subclass per stage, each with the exit code the command line returns."""

from __future__ import annotations


class HsingError(Exception):
    """Something the user can mend. The message is one line: what, where, what to do."""

    exit_code = 1


class InputError(HsingError):
    """A file or an option that cannot be used as given."""

    exit_code = 2


class ScoreError(HsingError):
    """A score that cannot be read or sung; the message names part, measure and beat."""

    exit_code = 3


class LyricsError(HsingError):
    """Words that cannot be put on notes or turned into phones."""

    exit_code = 4


class AudioError(HsingError):
    """Audio that cannot be read, analysed or written."""

    exit_code = 5


class CheckpointError(HsingError):
    """A model that cannot be found, or whose files are not what its card says."""

    exit_code = 6


class TrainingError(HsingError):
    """A training set or a training run that cannot go on."""

    exit_code = 7
