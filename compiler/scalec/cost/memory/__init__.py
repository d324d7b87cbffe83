"""Peak memory, computed by running a network on tensors that have only a size. In: a network. Out: bytes.
Imports network and the packages below it.
"""
