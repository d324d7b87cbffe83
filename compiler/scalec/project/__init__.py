"""The files of a user's project: what pyproject.toml declares, what is written, and whether it is up to date.
Imports the compiler; never torch."""
