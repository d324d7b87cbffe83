"""The search for a spec's constants by accuracy: candidates, trials, statistics. In: a spec and a source of accuracies.
Out: α, β, γ with their evidence. Only `commands` imports this package. Only the trials use PyTorch.
"""
