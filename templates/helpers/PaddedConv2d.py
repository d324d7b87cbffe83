class PaddedConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding, as numbers for the input size.

    `padding` is (left, right, top, bottom); None pads all sides alike.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: tuple[int, int, int, int] | None = None,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(
            c_in,
            c_out,
            kernel,
            stride=stride,
            padding=0 if padding else dilation * (kernel - 1) // 2,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        self.around = padding

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.around) if self.around else x)
