"""Shapes in whole numbers, without the batch: <H, W, C> of a feature map, <C> of a vector."""

from dataclasses import field

from scalec.record import record


@record
class Shape:
    """`dims` is (height, width, channels) or (channels,).

    Where strides become dilation (`atrous`), a map also knows how many rows of the image one of its rows stands for
    (`stride`), and how many times further windows reach on it (`dilation`).
    """

    dims: tuple[int, ...]
    stride: int = field(default=1, compare=False)
    dilation: int = field(default=1, compare=False)

    @property
    def is_map(self) -> bool:
        """Whether there is a height and a width."""
        return len(self.dims) == 3

    @property
    def height(self) -> int:
        """Rows; 1 for a vector."""
        return self.dims[0] if self.is_map else 1

    @property
    def width(self) -> int:
        """Columns; 1 for a vector."""
        return self.dims[1] if self.is_map else 1

    @property
    def channels(self) -> int:
        """The last dimension."""
        return self.dims[-1]

    @property
    def elements(self) -> int:
        """How many numbers a tensor of this shape holds, for a batch of one."""
        return self.height * self.width * self.channels

    def with_channels(self, channels: int) -> "Shape":
        """Return the shape with other channels."""
        return Shape((*self.dims[:-1], channels), self.stride, self.dilation)

    def __str__(self) -> str:
        """Write it as a spec does: `<28, 28, 40>`."""
        return f"<{', '.join(str(dim) for dim in self.dims)}>"
