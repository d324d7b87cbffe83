"""The formats of diagnostics other than text, one file for each. In: diagnostics. Out: a format that a tool reads.

The file name is the name of the format in options and settings. The arguments of `render` are the diagnostics in their
order, and whether every file could be read. If a file could not be read, a format that can report validity must not
report that the other files are valid. A new format needs only its file and a row in docs/diagnostics.md. Only `show`
imports the formats.
"""
