"""The files of a user's project: declarations in pyproject.toml, writing, and whether a file is up to date.
Imports the compiler; never torch.
"""
