"""Writes the PyTorch file. In: a network that meets its requirements. Out: the text, checked and with its own hash.
Imports cost and the packages below it; never torch.
"""
