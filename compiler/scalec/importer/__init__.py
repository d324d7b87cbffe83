"""Converts definitions of timm and pycls. In: their text or YAML. Out: a formatted spec that builds the same network.
Only `commands` imports this package.
"""
