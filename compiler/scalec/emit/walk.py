"""Interprets an emitted file without torch, and checks that it computes the given network.

Each class is constructed with the arguments that each use passes, and its `forward` runs on sizes. The guards allow
only a small part of Python, and this module understands that part.
"""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from typing import Any

from scalec.emit.guards import Unsafe
from scalec.emit.torch_modules import SIGNATURES, Dims, Misfit, Module, construct
from scalec.emit.trace import Frame, NetworkTrace, Tensor, Trace, difference, dims_of, overwritten
from scalec.network.network import Network
from scalec.record import record, unique


def check_file(source: str, tree: ast.Module, network: Network, attributes: Mapping[int, str]) -> None:
    """Raise `Unsafe` unless the emitted classes compute what the network says, with its modules, names and sizes."""
    trace = Trace()
    try:
        announced = NetworkTrace(trace, attributes).network(network)
        found = Walk(source, tree, trace).network(network)
    except Misfit as misfit:
        raise Unsafe(f"the file is not the network: {misfit}") from None
    if found.number != announced.number:
        raise Unsafe(f"the file is not the network: {difference(trace, found.number, announced.number)}")
    if path := overwritten(found, announced):
        raise Unsafe(f"the file is not the network: `{path}` writes over what is needed")


# Values


@unique
class _Class:
    """A class of the file."""

    name: str
    init: ast.FunctionDef | None
    forward: ast.FunctionDef


@unique
class _Instance:
    """A module of such a class."""

    of: _Class
    attributes: dict[str, Any]


@record
class _Sequential:
    """An `nn.Sequential`."""

    parts: tuple[Any, ...]


@record
class _Torch:
    """Something of `torch`, `nn` or `F`, by its name there, or a helper class."""

    name: str


@record
class _Method:
    """A method of a tensor, or `super().__init__`."""

    owner: Any
    name: str


_SUPER = object()


@unique
class _Scope:
    """Names, the module that `self` is, and the run of `forward`, if it is one."""

    names: dict[str, Any]
    instance: _Instance
    frame: Frame | None = None


class Walk:
    """Runs the classes of one file."""

    def __init__(self, source: str, tree: ast.Module, trace: Trace) -> None:
        self.trace = trace
        self.globals: dict[str, Any] = {"int": int, "float": float, "bool": bool}
        self.constants: dict[str, Any] = {}
        for statement in tree.body:
            if isinstance(statement, ast.ClassDef):
                self.globals[statement.name] = self._class(statement, source)
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.constants[statement.targets[0].id] = ast.literal_eval(statement.value)
        self._last = next((each.name for each in reversed(tree.body) if isinstance(each, ast.ClassDef)), "")
        self._instances: dict[tuple[Any, ...], _Instance] = {}
        self._frames: dict[tuple[int, Dims, bool], Frame] = {}
        self._expressions: dict[type[ast.AST], Callable[[Any, _Scope], Any]] = {
            ast.Constant: self._constant, ast.Name: self._name, ast.Attribute: self._attribute, ast.Call: self._call,
            ast.IfExp: self._choice, ast.BoolOp: self._junction, ast.UnaryOp: self._unary, ast.BinOp: self._binary,
            ast.Compare: self._comparison, ast.Tuple: self._tuple, ast.List: self._tuple,
        }  # fmt: skip

    def _class(self, statement: ast.ClassDef, source: str) -> Any:
        if statement.name in SIGNATURES:
            text = files("scalec.templates").joinpath("helpers", f"{statement.name}.py").read_text(encoding="utf-8")
            if f"\n\n\n{text.rstrip()}\n\n\n" not in source:
                raise Misfit(f"the helper {statement.name} is another")
            return _Torch(statement.name)
        methods = {each.name: each for each in statement.body if isinstance(each, ast.FunctionDef)}
        return _Class(statement.name, methods.get("__init__"), methods["forward"])

    def network(self, network: Network) -> Frame:
        """Run the network's class. Raises `Misfit` where it is not one of the kind."""
        height, width, channels = dims_of(network.x)
        if self.constants.get("INPUT_SHAPE") not in ((channels, height, width), (channels,)):
            raise Misfit(f"INPUT_SHAPE is {self.constants.get('INPUT_SHAPE')}")
        instance = self._construct(self.globals[self._last], (), {})
        frame = self._run_class(instance, (height, width, channels), not network.x.is_map)
        is_map = network.y.is_map or bool(network.outputs)
        if any(result.is_vector == is_map for result in frame.results):
            raise Misfit(f"{self._last} gives {'a vector' if is_map else 'a map'}")
        return frame

    # Classes

    def _construct(self, of: _Class, positional: tuple[Any, ...], keywords: dict[str, Any]) -> _Instance:
        key = (of, positional, *keywords.items())
        if key not in self._instances:
            instance = _Instance(of, {})
            if of.init is not None:
                names = self._parameters(of, of.init.args, (instance, *positional), keywords)
                scope = _Scope(names, instance)
                for statement in of.init.body:
                    self._statement(statement, scope)
            elif positional or keywords:
                raise Misfit(f"{of.name} takes no arguments")
            self._instances[key] = instance
        return self._instances[key]

    def _parameters(
        self, of: _Class, written: ast.arguments, positional: tuple[Any, ...], keywords: dict[str, Any]
    ) -> dict[str, Any]:
        names: dict[str, Any] = {}
        scope = _Scope(names, _Instance(of, {}))
        defaults: list[ast.expr | None] = [*[None] * (len(written.args) - len(written.defaults)), *written.defaults]
        given = dict(zip((each.arg for each in written.args), positional, strict=False))
        if len(positional) > len(written.args) or given.keys() & keywords.keys():
            raise Misfit(f"{of.name} is given {len(positional) - 1} arguments by position")
        given |= keywords
        for each, default in zip((*written.args, *written.kwonlyargs), (*defaults, *written.kw_defaults), strict=True):
            if each.arg in given:
                names[each.arg] = given.pop(each.arg)
            elif default is not None:
                names[each.arg] = self._value(default, scope)
            else:
                raise Misfit(f"{of.name} is not given `{each.arg}`")
        if given:
            raise Misfit(f"{of.name} has no argument `{', '.join(given)}`")
        return names

    def _run_class(self, instance: _Instance, dims: Dims, vector: bool) -> Frame:
        key = (id(instance), dims, vector)
        if key not in self._frames:
            frame = Frame(self.trace, dims, vector)
            scope = _Scope({"self": instance, "x": frame.x}, instance, frame)
            result = self._body(instance.of.forward.body, scope)
            results = result if isinstance(result, tuple) and not isinstance(result, Tensor) else (result,)
            paths = [path for name, value in instance.attributes.items() for path in _paths(name, value)]
            self._frames[key] = frame.end(results, paths, sorted({*paths} - {*frame.paths}))
            self.trace.names[frame.number] = instance.of.name
        return self._frames[key]

    def _run(self, module: Any, path: str, x: Tensor, frame: Frame) -> Tensor:
        if type(module) is Module:
            return self._run_module(module, path, x, frame)
        if type(module) is _Sequential:
            for position, part in enumerate(module.parts):
                x = self._run(part, f"{path}.{position}", x, frame)
            return x
        if type(module) is not _Instance:
            raise Misfit(f"`{path}` is called, and is no module")
        return frame.block(path, self._run_class(module, x.dims, x.is_vector), x)

    def _run_module(self, module: Module, path: str, x: Tensor, frame: Frame) -> Tensor:
        takes = module.signature.takes
        if takes != "any" and x.is_vector != (takes == "vector"):
            raise Misfit(f"`{path}` takes a {takes}")
        if module.signature.kind == "Identity":
            return x
        if module.in_place:
            frame.over.add((path, x.number))
        return frame.module(path, module, x)

    # Statements

    def _body(self, body: list[ast.stmt], scope: _Scope) -> Any:
        """Run statements; give what they return."""
        for statement in body:
            if isinstance(statement, ast.If):
                result = self._body(statement.body if self._value(statement.test, scope) else statement.orelse, scope)
                if result is not None:
                    return result
            elif isinstance(statement, ast.Return) and statement.value is not None:
                return self._value(statement.value, scope)
            else:
                self._statement(statement, scope)
        return None

    def _statement(self, statement: ast.stmt, scope: _Scope) -> None:
        match statement:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, self._value(value, scope), scope)
            case ast.Expr():
                self._value(statement.value, scope)
            case _:
                raise _unknown(statement)

    def _assign(self, target: ast.expr, value: Any, scope: _Scope) -> None:
        match target:
            case ast.Name():
                scope.names[target.id] = value
            case ast.Attribute(value=ast.Name(id="self")):
                scope.instance.attributes[target.attr] = value
            case ast.Tuple() if isinstance(value, tuple) and len(value) == len(target.elts):
                for each, part in zip(target.elts, value, strict=True):
                    self._assign(each, part, scope)
            case _:
                raise _unknown(target)

    # Expressions

    def _value(self, node: ast.expr, scope: _Scope) -> Any:
        evaluate = self._expressions.get(type(node))
        if evaluate is None:
            raise _unknown(node)
        return evaluate(node, scope)

    def _constant(self, node: ast.Constant, scope: _Scope) -> Any:
        return _exact(repr(node.value)) if type(node.value) is float else node.value

    def _name(self, node: ast.Name, scope: _Scope) -> Any:
        if node.id in scope.names:
            return scope.names[node.id]
        return self.globals.get(node.id, _Torch(node.id))

    def _attribute(self, node: ast.Attribute, scope: _Scope) -> Any:
        if isinstance(node.value, ast.Name):
            if node.value.id == "self":
                if node.attr not in scope.instance.attributes:
                    raise Misfit(f"{scope.instance.of.name} has no `{node.attr}`")
                return scope.instance.attributes[node.attr]
            if node.value.id in ("torch", "nn", "F"):
                return _Torch(f"{node.value.id}.{node.attr}")
        return _Method(self._value(node.value, scope), node.attr)

    def _choice(self, node: ast.IfExp, scope: _Scope) -> Any:
        return self._value(node.body if self._value(node.test, scope) else node.orelse, scope)

    def _junction(self, node: ast.BoolOp, scope: _Scope) -> bool:
        holds = (bool(self._value(operand, scope)) for operand in node.values)
        return any(holds) if isinstance(node.op, ast.Or) else all(holds)

    def _unary(self, node: ast.UnaryOp, scope: _Scope) -> Any:
        value = self._value(node.operand, scope)
        return not value if isinstance(node.op, ast.Not) else -value

    def _binary(self, node: ast.BinOp, scope: _Scope) -> Any:
        left, right = self._value(node.left, scope), self._value(node.right, scope)
        if isinstance(left, Tensor) and isinstance(right, Tensor) and scope.frame is not None:
            if type(node.op) not in (ast.Add, ast.Mult) or left.is_vector != right.is_vector:
                raise _unknown(node)
            return scope.frame.join("+" if type(node.op) is ast.Add else "*", left, right)
        if type(node.op) is ast.Div:
            return Fraction(left) / right
        return _ARITHMETIC[type(node.op)](left, right)

    def _comparison(self, node: ast.Compare, scope: _Scope) -> bool:
        left = self._value(node.left, scope)
        for compare, operand in zip(node.ops, node.comparators, strict=True):
            right = self._value(operand, scope)
            if not _COMPARE[type(compare)](left, right):
                return False
            left = right
        return True

    def _tuple(self, node: ast.Tuple | ast.List, scope: _Scope) -> tuple[Any, ...]:
        return self._values(node.elts, scope)

    def _values(self, nodes: list[ast.expr], scope: _Scope) -> tuple[Any, ...]:
        """Return arguments, and those that `*(… for … in range(…))` stands for."""
        values: list[Any] = []
        for node in nodes:
            if type(node) is ast.Starred:
                values += self._several(node.value, scope)
            else:
                values.append(self._value(node, scope))
        return tuple(values)

    def _several(self, node: ast.expr, scope: _Scope) -> Iterator[Any]:
        match node:
            case ast.GeneratorExp(
                elt=made,
                generators=[
                    ast.comprehension(
                        target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=limits), ifs=[]
                    )
                ],
            ):
                for number in range(*self._values(limits, scope)):
                    yield self._value(made, _Scope({**scope.names, name: number}, scope.instance, scope.frame))
            case _:
                raise _unknown(node)

    def _call(self, node: ast.Call, scope: _Scope) -> Any:
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self":
            x = self._value(node.args[0], scope) if len(node.args) == 1 and not node.keywords else None
            if scope.frame is None or not isinstance(x, Tensor):
                raise _unknown(node)
            return self._run(self._attribute(function, scope), function.attr, x, scope.frame)
        called = self._value(function, scope)
        positional = self._values(node.args, scope)
        keywords = {each.arg or "": self._value(each.value, scope) for each in node.keywords}
        if isinstance(called, _Class):
            return self._construct(called, positional, keywords)
        if isinstance(called, _Torch):
            return self._of_torch(called.name, positional, keywords, node, scope)
        if isinstance(called, _Method) and isinstance(called.owner, Tensor) and scope.frame is not None:
            return scope.frame.method(called.name, called.owner, positional, keywords)
        if isinstance(called, _Method) and called.owner is _SUPER and called.name == "__init__" and not node.args:
            return None
        raise _unknown(node)

    def _of_torch(
        self, name: str, positional: tuple[Any, ...], keywords: dict[str, Any], node: ast.Call, scope: _Scope
    ) -> Any:
        if name in SIGNATURES:
            return construct(name, positional, keywords)
        match name, positional:
            case "nn.Sequential", parts if not keywords:
                return _Sequential(parts)
            case "torch.cat", (parts,) if scope.frame is not None and keywords == {"dim": 1}:
                return scope.frame.concatenation(parts)
            case "min" | "max", numbers if numbers and not keywords:
                return min(numbers) if name == "min" else max(numbers)
            case "super", ():
                return _SUPER
            case "channels_last", (_Instance(),):
                return None
        raise _unknown(node)


def _paths(name: str, value: Any) -> Iterator[str]:
    """Return the modules in an attribute, but those that do nothing."""
    if type(value) is _Sequential:
        for position, part in enumerate(value.parts):
            yield from _paths(f"{name}.{position}", part)
    elif type(value) is _Instance or (type(value) is Module and value.signature.kind != "Identity"):
        yield name


def _unknown(node: ast.AST) -> Misfit:
    return Misfit(f"`{ast.unparse(node)[:80]}` has no meaning here")


_exact = lru_cache(maxsize=256)(Fraction)
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip
