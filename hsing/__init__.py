"""hsing: a score with lyrics becomes singing."""

__version__ = "0.1.0"
