"""Checks that an emitted file agrees with its spec. In: a file, and a spec, a header or a peer model. Out: the results
of the checks. Needs torch; imported by commands and tests.
"""
