"""The scaled network: whole numbers only. In: a program and a request. Out: `Network`, its layers with shapes.
Imports program and what is below it; knows nothing of text or of PyTorch."""
