class LayerScale(nn.Module):
    """A learnt factor for each channel."""

    def __init__(self, channels: int, initial: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((channels, 1, 1), initial))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor
