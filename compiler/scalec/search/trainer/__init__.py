"""The built-in trainer: data sets and training loops. In: a request for one training. Out: an accuracy.
Runs in a process of its own (`scalec.search.train`); imports torch."""
