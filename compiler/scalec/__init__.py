"""scalec: a compiler for ConvNet scaling specs; text in, readable PyTorch out."""

__version__ = "0.1.0"
