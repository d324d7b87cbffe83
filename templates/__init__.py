"""The templates of emitted files. This file makes the folder importable, so that an editable install finds it."""
