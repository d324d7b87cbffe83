"""The search for a spec's constants by accuracy: candidates, trials, statistics. Only trials themselves use PyTorch."""
