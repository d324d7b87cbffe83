"""Definitions of timm and pycls as specs. In: their text or YAML. Out: a spec, laid out, that builds the same network.
Imported by commands alone."""
