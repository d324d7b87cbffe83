"""The PyTorch file. In: a network that meets its requirements. Out: text, guarded and sealed.
Imports cost and what is below it; never torch."""
