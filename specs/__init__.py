"""The zoo and the block library. This file makes the folder importable, so that an editable install finds it."""
