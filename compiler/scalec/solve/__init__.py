"""Finds a scale for a budget. In: a program and limits. Out: φ, or all Pareto-maximal networks.
Imports cost and the packages below it.
"""
