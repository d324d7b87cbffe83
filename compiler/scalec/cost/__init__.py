"""What a network costs. In: a network. Out: parameters, multiply-adds, activations, memory, and whether requirements
hold. Imports network and what is below it.
"""
