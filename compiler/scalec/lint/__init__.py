"""Finds what is legal but probably not what the author intended. In: a spec and its program. Out: warnings.
Imports solve and the packages below it.
"""
