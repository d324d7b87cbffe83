"""Prepares images in memory for a network: shifts and flips in training, the network's own size, normalisation."""

import torch
from torch.nn import functional

MEAN, DEVIATION = 0.286, 0.353
"""Of Fashion-MNIST's pixels, 0 to 1; other grey images come near enough for batch normalisation."""
SHIFT = 2
"""Images move by up to so many of their own pixels, whatever size the network sees them at."""


def varied(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift each image by its own whole number of pixels, and flip every second one or so."""
    count, _, height, width = images.shape
    down, right = torch.randint(0, 2 * SHIFT + 1, (2, count, 1, 1), generator=generator)
    padded = functional.pad(images, (SHIFT,) * 4).squeeze(1)
    rows = down + torch.arange(height).view(1, -1, 1)
    columns = right + torch.arange(width).view(1, 1, -1)
    shifted = padded[torch.arange(count).view(-1, 1, 1), rows, columns].unsqueeze(1)
    flipped = torch.rand(count, generator=generator) < 0.5
    return torch.where(flipped.view(-1, 1, 1, 1), shifted.flip(-1), shifted)


def seen(images: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """Return images of unsigned bytes as a network takes them: [N, *shape], about 0 and 1 in mean and deviation.

    A smaller image is the mean over areas of the larger one. A larger one is interpolated, and shows nothing more.
    """
    channels, *size = shape
    numbers = images.float() / 255
    smaller = size[0] <= images.shape[2] and size[1] <= images.shape[3]
    if list(images.shape[2:]) != size:
        numbers = (
            functional.interpolate(numbers, size, mode="area")
            if smaller
            else functional.interpolate(numbers, size, mode="bilinear", antialias=True)
        )
    return ((numbers - MEAN) / DEVIATION).expand(-1, channels, -1, -1)
