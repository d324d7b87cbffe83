"""Two guards on every emitted file, both on its bytes: what it may hold, and that no name changed its structure."""

import ast
import io
import tokenize

_NODES = frozenset(
    """Module Expr Constant Import ImportFrom alias Assign AnnAssign AugAssign ClassDef FunctionDef arguments arg Return
    If IfExp Call keyword Attribute Name Load Store Tuple Starred List Subscript BinOp UnaryOp BoolOp Compare Add Sub
    Mult Div FloorDiv Mod USub Not And Or Eq NotEq Lt LtE Gt GtE BitOr""".split()
)
_IMPORTS = frozenset({"import torch", "import torch.nn.functional as F", "from torch import Tensor, nn"})
_BUILTINS = frozenset("super int float bool tuple min max torch nn F Tensor self".split())


def audit(source: str) -> None:
    """Raise `AssertionError` unless the file holds nothing but what emitted files are made of."""
    data = source.encode()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    assert encoding == "utf-8" and "\r" not in source and "\0" not in source, "encoding"
    tree = ast.parse(data)
    defined = _defined(tree)
    for node in ast.walk(tree):
        kind = type(node).__name__
        assert kind in _NODES, f"{kind} in an emitted file"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert ast.unparse(node) in _IMPORTS, ast.unparse(node)
        if isinstance(node, ast.Name):
            assert node.id in _BUILTINS or node.id in defined, f"the name {node.id} in an emitted file"
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("__") or node.attr == "__init__", node.attr
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Call) or _is_text(node.value), "a bare expression"
    for statement in tree.body:
        simple = isinstance(statement, (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Assign))
        assert simple or (isinstance(statement, ast.Expr) and _is_text(statement.value)), "a statement at the top"
        if isinstance(statement, ast.Assign):
            ast.literal_eval(statement.value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _defined(tree: ast.Module) -> set[str]:
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return names | {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def same_skeleton(source: str, neutral: str) -> None:
    """Raise `AssertionError` unless two files are the same but for names and constants."""
    assert _skeleton(source) == _skeleton(neutral), "a name changed the structure of the emitted file"


def _skeleton(source: str) -> list[str]:
    """Give the kinds of all nodes in order; names and constants are blank in it."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source.encode()))]
