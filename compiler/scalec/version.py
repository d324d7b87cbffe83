"""The version of scalec. Packaging reads it here, and emitted files contain it."""

__version__ = "0.1.0"
