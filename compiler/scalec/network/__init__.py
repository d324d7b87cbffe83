"""The scaled network, in whole numbers. In: a program and a request. Out: `Network`, its layers with their shapes.
Imports program and the packages below it. It does not know text or PyTorch.
"""
