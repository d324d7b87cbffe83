"""The output shapes of wrappers, or the reason why their bodies cannot be combined."""

from typing import assert_never

from scalec.language import syntax as s
from scalec.network import network as ir
from scalec.ops.shape import Shape
from scalec.program.evaluate import Failure
from scalec.program.names import WrapperKind


def pieces(x: Shape, count: int, wrap: s.Wrap) -> list[Shape]:
    """Divide the channels for a `split`; the remainder goes to the first. Raises `Failure`."""
    share = x.channels // count
    if share == 0:
        raise Failure("E304", f"{x.channels} channels cannot be split in {count}", wrap.call.span)
    return [x.with_channels(x.channels - share * (count - 1)), *[x.with_channels(share)] * (count - 1)]


def joined(kind: WrapperKind, wrap: s.Wrap, x: Shape, bodies: list[ir.Body]) -> Shape:
    """Return the shape behind a wrapper; raise `Failure` where the bodies do not fit."""
    used = [
        (written, body.chain.y)
        for written, body in zip(wrap.bodies, bodies, strict=True)
        if body.chain is not None and ir.takes_part(kind, body)
    ]
    if not used:
        raise Failure("E304", f"no body of this `{kind}` is left", wrap.span)
    first = used[0][1]
    match kind:
        case "residual":
            return _residual(wrap, x, first, bodies[0].holds)
        case "gate":
            return _gate(wrap, x, first, bodies[0].holds)
        case "sum":
            for written, y in used[1:]:
                if y != first:
                    raise _unlike(kind, first, written, y, "shapes have to be equal")
            return first
        case "concat" | "split":
            for written, y in used[1:]:
                if y.dims[:-1] != first.dims[:-1]:
                    raise _unlike(kind, first, written, y, "heights and widths have to be equal")
            return first.with_channels(sum(y.channels for _, y in used))
        case _:
            assert_never(kind)


def _unlike(kind: WrapperKind, first: Shape, written: s.Body, y: Shape, help: str) -> Failure:
    return Failure("E304", f"`{kind}` joins {first} and {y}", written.span, f"this gives {y}", help=help)


def _residual(wrap: s.Wrap, x: Shape, y: Shape, holds: bool) -> Shape:
    if holds and y != x:
        odd = y.is_map and y.channels == x.channels and (x.height - y.height) in (1, 2)
        even_kernel = "an even kernel loses a row and a column: write an odd one, or `padding = same`"
        other = (
            "its body must give the shape of its input; `residual if C == K { … }` adds only where the shapes are equal"
        )
        raise Failure(
            "E304", f"`residual` adds {x} and {y}", wrap.bodies[0].span, f"this gives {y}",
            help=even_kernel if odd else other,
        )  # fmt: skip
    return y


def _gate(wrap: s.Wrap, x: Shape, y: Shape, holds: bool) -> Shape:
    pooled = Shape((1, 1, x.channels))
    if holds and y not in (x, pooled):
        helped = f"its body must give {x} or {pooled}"
        raise Failure("E304", f"`gate` multiplies {x} by {y}", wrap.bodies[0].span, f"this gives {y}", help=helped)
    return x if holds else y
