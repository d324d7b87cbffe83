"""From a budget to a scale. In: a program and limits. Out: φ, or all Pareto-maximal networks.
Imports cost and what is below it."""
