"""The built-in trainer: data sets and training loops. In: a request for one training. Out: an accuracy.
It runs in its own process (`scalec.search.train`) and imports torch.
"""
