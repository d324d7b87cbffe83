"""The search for a spec's constants by accuracy: candidates, trials, statistics. In: a spec and a source of accuracies.
Out: α, β, γ with their evidence. Imported by commands alone; only trials themselves use PyTorch."""
