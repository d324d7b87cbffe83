class BlurPool(nn.Module):
    """Blur with a binomial filter, the border reflected; keep every `stride`-th pixel."""

    def __init__(self, channels: int, kernel: int = 3, *, stride: int = 2) -> None:
        super().__init__()
        self.stride = stride
        self.side = kernel // 2
        three, five = (0.25, 0.5, 0.25), (0.0625, 0.25, 0.375, 0.25, 0.0625)
        row = torch.tensor(three if kernel == 3 else five)
        blur = row.outer(row).repeat(channels, 1, 1, 1)
        self.filter: Tensor
        self.register_buffer("filter", blur, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (self.side, self.side, self.side, self.side), mode="reflect")
        return F.conv2d(x, self.filter, stride=self.stride, groups=x.shape[1])
