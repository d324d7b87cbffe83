"""The costs of a network. In: a network. Out: parameters, multiply-adds, activations, memory, and whether requirements
hold. Imports network and the packages below it.
"""
