"""Breaks statements into lines like black with 88 columns. No installed version of black influences the text."""

from collections.abc import Sequence

from scalec.network import forward as f
from scalec.ops.code import Call, Choice, Code, Several

WIDTH = 88


def assign(target: str, value: Code | Call | Choice, indent: int) -> list[str]:
    """Lay out `target = value`."""
    pad = " " * indent
    if not _must_break(value) and len(pad) + len(f"{target} = {value}") <= WIDTH:
        return [f"{pad}{target} = {value}"]
    if isinstance(value, Call) and len(f"{pad}{target} = {value.name}(") <= WIDTH:
        return _call(f"{pad}{target} = ", value, indent, "")
    inner = " " * (indent + 4)
    if not _must_break(value) and len(inner) + len(str(value)) <= WIDTH:
        return [f"{pad}{target} = (", f"{inner}{value}", f"{pad})"]
    if isinstance(value, Call):
        return [f"{pad}{target} = (", *_call(inner, value, indent + 4, ""), f"{pad})"]
    if isinstance(value, Choice):
        then, otherwise = _operand("", value.then, indent + 4), _operand("else ", value.otherwise, indent + 4)
        return [f"{pad}{target} = (", *then, *_broken(f"{inner}if ", value.condition), *otherwise, f"{pad})"]
    return [f"{pad}{target} = (", *_broken(inner, value), f"{pad})"]


def body(forward: f.Forward, indent: int) -> list[str]:
    """Lay out the body of a `forward`."""
    if forward.maps:
        names = [each.name for each in forward.maps]
        shown = f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"
    else:
        names, shown = [], expression(forward.result)
    return [*_statements(forward.statements, indent), *_returned(shown, names, indent)]


def _statements(statements: Sequence[f.Statement], indent: int) -> list[str]:
    pad, lines = " " * indent, []
    for each in statements:
        match each:
            case f.Bind():
                lines += _bind(each, pad)
            case f.Unpack(variables=variables, value=split):
                way = "chunk(2" if split.attribute is None else f"split_with_sizes(self.{split.attribute}"
                lines.append(f"{pad}{', '.join(v.name for v in variables)} = {split.x.name}.{way}, dim=1)")
            case f.If():
                lines += [f"{pad}if self.{each.flag.name}:", *_statements(each.body, indent + 4)]
    return lines


def _bind(bind: f.Bind, pad: str) -> list[str]:
    """Lay out a binding; a comment that does not fit is left out."""
    target = f"{pad}{bind.variable.name}{': Tensor' if bind.declares else ''} = "
    line, comment = target + expression(bind.value), bind.comment
    if len(line) <= WIDTH:
        return [f"{line}  # {comment}" if comment and len(line) + 4 + len(comment) <= WIDTH else line]
    before = bind.value.terms[:-1] if isinstance(bind.value, f.Sum) and not bind.value.in_place else ()
    last = bind.value.terms[-1] if before and isinstance(bind.value, f.Sum) else bind.value
    if not isinstance(last, f.Concatenation):
        return [line]
    target += "".join(f"{expression(term)} + " for term in before)
    parts = [expression(part) for part in last.parts]
    inside = f"{pad}    ({', '.join(parts)}), dim=1"
    if len(inside) <= WIDTH:
        return [f"{target}torch.cat(", inside, f"{pad})"]
    items = [f"{pad}        {part}," for part in parts]
    return [f"{target}torch.cat(", f"{pad}    (", *items, f"{pad}    ),", f"{pad}    dim=1,", f"{pad})"]


def expression(value: f.Expression) -> str:
    """Write an expression of a `forward` on one line."""
    match value:
        case f.Variable():
            return value.name
        case f.Call():
            return f"self.{value.attribute}({value.x.name}{'.flatten(1)' if value.flatten else ''})"
        case f.Apply():
            operator = value.operator.operator
            flat = operator.rewriting.flat_forward if value.flat else None
            return flat.format(value.x.name) if flat else operator.forward(value.x.name)
        case f.Sum(terms=terms, in_place=True):
            return f"{expression(terms[0])}.add_({expression(terms[1])})"
        case f.Sum(terms=terms):
            return " + ".join(map(expression, terms))
        case f.Product():
            x, y = value.x.name, value.y.name
            return f"{x}.mul_({y})" if value.in_place else f"{x} * {y}"
        case f.Concatenation():
            return f"torch.cat(({', '.join(map(expression, value.parts))}), dim=1)"
        case f.Conditional():
            return f"{expression(value.then)} if self.{value.flag.name} else {value.otherwise.name}"


def _returned(shown: str, names: Sequence[str], indent: int) -> list[str]:
    """Lay out a `return` of an expression, or of a tuple of variables."""
    pad = " " * indent
    if len(f"{pad}return {shown}") <= WIDTH:
        return [f"{pad}return {shown}"]
    return [f"{pad}return (", *(f"{pad}    {name}," for name in names), f"{pad})"]


def listing(name: str, rows: Sequence[Sequence[str]], comment: str) -> list[str]:
    """Lay out a tuple of tuples at the top of the file, with a comment that says what is in them."""
    lines: list[str] = []
    for cells in rows:
        line = f"    ({', '.join(cells)}),"
        lines += [line] if len(line) <= WIDTH else ["    (", *(f"        {cell}," for cell in cells), "    ),"]
    joined = f"{name} = ({lines[0].strip()})  # {comment}"
    if len(rows) == 1 and len(lines) == 1 and len(joined) <= WIDTH:  # black joins a tuple of one
        return [joined]
    return [f"{name} = (", *lines, f")  # {comment}"]


def signature(head: str, parameters: Sequence[str], tail: str, indent: int) -> list[str]:
    """Lay out a `def`."""
    pad = " " * indent
    if len(pad) + len(f"{head}({', '.join(parameters)}){tail}") <= WIDTH:
        return [f"{pad}{head}({', '.join(parameters)}){tail}"]
    inner = " " * (indent + 4)
    if len(inner) + len(", ".join(parameters)) <= WIDTH:
        return [f"{pad}{head}(", f"{inner}{', '.join(parameters)}", f"{pad}){tail}"]
    return [f"{pad}{head}(", *(f"{inner}{parameter}," for parameter in parameters), f"{pad}){tail}"]


def _must_break(value: Code | Call | Choice | Several) -> bool:
    """Return whether a trailing comma inside keeps it on several lines."""
    if isinstance(value, Choice):
        return _must_break(value.then) or _must_break(value.otherwise)
    if isinstance(value, Call):
        return value.exploded or any(_must_break(argument) for _, argument in value.arguments)
    return isinstance(value, Several) and _must_break(value.made)


def _operand(prefix: str, value: Code | Call, indent: int) -> list[str]:
    pad = " " * indent
    if isinstance(value, Call) and (_must_break(value) or len(pad) + len(f"{prefix}{value}") > WIDTH):
        return _call(pad + prefix, value, indent, "")
    return [f"{pad}{prefix}{value}"]


def _call(prefix: str, value: Call, indent: int, tail: str) -> list[str]:
    """Lay out a call that does not fit: its arguments on one line if they fit, else a line for each."""
    inner = " " * (indent + 4)
    shown = ", ".join(f"{keyword}={argument}" if keyword else str(argument) for keyword, argument in value.arguments)
    if not _must_break(value) and len(inner) + len(shown) <= WIDTH:
        return [f"{prefix}{value.name}(", f"{inner}{shown}", f"{' ' * indent}){tail}"]
    lines = [f"{prefix}{value.name}("]
    for keyword, argument in value.arguments:
        start = inner + (f"{keyword}=" if keyword else "")
        if isinstance(argument, Call) and (_must_break(argument) or len(start) + len(str(argument)) + 1 > WIDTH):
            lines += _call(start, argument, indent + 4, ",")
        elif isinstance(argument, Several) and (_must_break(argument) or len(f"{start}{argument},") > WIDTH):
            lines += [f"{start}*(", *_loop(argument, indent + 8), f"{inner}),"]
        else:
            lines.append(f"{start}{argument},")
    return [*lines, f"{' ' * indent}){tail}"]


def _loop(several: Several, indent: int) -> list[str]:
    """Lay out what stands in the parentheses of a loop that does not fit."""
    pad, made = " " * indent, several.made
    if not _must_break(made) and len(f"{pad}{made} {several.loop}") <= WIDTH:
        return [f"{pad}{made} {several.loop}"]
    return [*_operand("", made, indent), f"{pad}{several.loop}"]


def _broken(prefix: str, value: Code) -> list[str]:
    """Break a condition before each `and` or `or` of its top level if it does not fit."""
    if len(prefix) + len(value.text) <= WIDTH:
        return [prefix + value.text]
    pad = " " * (len(prefix) - len(prefix.lstrip()))
    for word in (" or ", " and "):
        parts = _split(value.text, word)
        if len(parts) > 1:
            return [prefix + parts[0], *(f"{pad}{word.strip()} {part}" for part in parts[1:])]
    return [prefix + value.text]


def _split(text: str, word: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and text.startswith(word, index):
            parts.append(text[start:index])
            start = index + len(word)
    return [*parts, text[start:]]
