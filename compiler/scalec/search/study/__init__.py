"""Figures 3 and 4 of the paper, by training. In: a spec and a data set. Out: measured networks, verdicts on the two
observations, charts. Only `commands` imports this package.
"""
