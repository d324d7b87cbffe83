"""A package with emitted networks."""

from .tinynet_large import TinyNet as Large
from .tinynet_small import TinyNet as Small

__all__ = ["Large", "Small"]
