"""The layout of specs for `scalec fmt`. In: a syntax tree with its comments. Out: text with the same meaning.
Only `commands` imports this package.
"""
