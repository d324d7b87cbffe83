"""The body of a `forward`: which variable holds what, line by line."""

from dataclasses import dataclass, field

_NAMES = ("x", "y", "z", "u", "v")


@dataclass
class Forward:
    """Collects lines. A value is a variable or, until it is needed as one, the expression that makes it."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    """Text and comment of each line."""
    declared: set[str] = field(default_factory=lambda: {"x"})
    untyped: set[str] = field(default_factory=set)

    def fresh(self) -> str:
        """Give a variable that is not in use yet."""
        for name in (*_NAMES, *(f"y{number}" for number in range(2, 1000))):
            if name not in self.declared:
                return name
        raise AssertionError("no variable left")

    def assign(self, target: str, value: str, comment: str = "") -> str:
        """Bind a variable; the first time with its type."""
        typed = target if target in self.declared else f"{target}: Tensor"
        self.declared.add(target)
        self.lines.append((f"{typed} = {value}", comment))
        return target

    def split(self, targets: list[str], value: str) -> None:
        """Bind several variables to the parts of a tensor."""
        self.declared.update(targets)
        self.untyped.update(targets)
        self.lines.append((f"{', '.join(targets)} = {value}", ""))

    def typed(self, result: str) -> str:
        """Give the result as something that mypy knows to be a Tensor: parts of a split are none to it."""
        return self.assign("x", result) if self.untyped and result != "x" else result

    def renamed(self, value: str, wanted: str) -> str:
        """Let the value that the last line bound, or an expression, have a variable of another name."""
        if (
            value in self.declared
            and self.lines
            and self.lines[-1][0].startswith((f"{value} = ", f"{value}: Tensor = "))
        ):
            text, comment = self.lines.pop()
            return self.assign(wanted, text.partition(" = ")[2], comment)
        return self.assign(wanted, value)

    def since(self, start: int) -> list[tuple[str, str]]:
        """Take back the lines from a place on."""
        taken, self.lines = self.lines[start:], self.lines[:start]
        return taken

    def only_if(self, flag: str, lines: list[tuple[str, str]]) -> None:
        """Put lines under a flag of the module."""
        self.lines.append((f"if self.{flag}:", ""))
        self.lines += [(f"    {text}", comment) for text, comment in lines]

    def variable(self, value: str, target: str) -> str:
        """Give a variable that holds the value, binding `target` if it is an expression."""
        return value if value in self.declared else self.assign(target, value)

    def inline(self, value: str, target: str) -> str:
        """Take back the only line that bound `target`, and give what it was bound to; else leave things as they are."""
        head = f"{target}: Tensor = "
        bound = [index for index, (text, _) in enumerate(self.lines) if text.startswith((head, f"{target} = "))]
        last = self.lines[-1][0] if self.lines else ""
        if value != target or bound != [len(self.lines) - 1] or " if " in last or not last.startswith(head):
            return self.variable(value, target)
        self.declared.discard(target)
        return self.lines.pop()[0].removeprefix(head)
