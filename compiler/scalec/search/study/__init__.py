"""The paper's figures 3 and 4 by training. In: a spec and a data set. Out: measured networks, verdicts on the two
observations, charts. Imported by commands alone.
"""
