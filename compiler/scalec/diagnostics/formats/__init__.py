"""The formats of diagnostics other than text, a file each. In: findings. Out: what a tool reads.

The name of a file is the name of the format, as options and settings have it; its `render` is called with findings
in their order, and with whether everything could be read: a format that can say so must not call the rest valid.
Nothing else has to know of a new one but docs/diagnostics.md; only `show` imports them.
"""
