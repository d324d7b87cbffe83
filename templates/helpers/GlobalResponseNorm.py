class GlobalResponseNorm(nn.Module):
    """Global response normalisation: channels compete by the size of their maps."""

    def __init__(self, channels: int, eps: float = 1e-06) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        size = x.norm(dim=(2, 3), keepdim=True)
        share = size / (size.mean(1, keepdim=True) + self.eps)
        return x + torch.addcmul(self.bias, self.weight, x * share)
