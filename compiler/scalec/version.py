"""The version of scalec: packaging reads it here, and emitted files name it."""

__version__ = "0.1.0"
