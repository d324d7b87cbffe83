"""Text to syntax. Lark lives here and nowhere else.

All tokens are read first and then fed to the LALR parser one by one: that is what lets it go on after an error at
the next statement, with the state it had before the broken one.
"""

from functools import cache
from importlib.resources import files

from lark import Lark, Token, Tree, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from scalec.build import build
from scalec.characters import check_characters
from scalec.diagnostics import Report, suggest
from scalec.source import Source, Span
from scalec.syntax import Spec, ascii_name

MAX_BYTES = 256 * 1024
MAX_TOKENS = 50_000
MAX_NESTING = 64
MAX_NAME = 64

STATEMENTS = "import param let default scale require block network variants".split()
KEYWORDS = [*STATEMENTS, "from", "where", "when", "if", "else", "and", "or", "not", "tap", "within"]

_STARTERS = {f"_{word.upper()}" for word in STATEMENTS}
_EXPRESSION = {"NUMBER", "NAME", "LPAR", "MINUS"}
_CONTINUES = {"PLUS", "MINUS", "TIMES", "DIVIDE", "CIRCUMFLEX", "SUPERSCRIPT", "COMPARE", "LESS", "MORE", "DOT"}
_CONTINUES |= {"_AND", "_OR", "_IF", "_WITHIN"}
_SPELLED = {
    "_COMPOSE": "|>", "_ARROW": "->", "_WITHIN": "within", "≤": "<=", "≥": ">=", "≈": "~=", "·": "*", "×": "*",
}  # fmt: skip
_SYMBOLS = {
    "_COMPOSE": "⊙", "_ARROW": "→", "_WITHIN": "±", "EQUAL": "=", "COMMA": ",", "LPAR": "(", "RPAR": ")",
    "LBRACE": "{", "RBRACE": "}", "LESS": "<", "MORE": ">", "COLON": ":", "CIRCUMFLEX": "^", "DOT": ".",
}  # fmt: skip
_INSERTABLE = {"COMMA": ",", "_COMPOSE": "⊙", "RPAR": ")", "MORE": ">", "RBRACE": "}", "_ARROW": "→", "EQUAL": "="}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def decode(name: str, data: bytes, report: Report) -> Source:
    """Read a spec's bytes as UTF-8. Raises `CompileError` where they are not, or where there are too many."""
    if len(data) > MAX_BYTES:
        report.error("E004", f"the file has {len(data):,} bytes, more than {MAX_BYTES:,}", Span(Source(name, ""), 0, 0))
        report.stop_on_error()
    try:
        return Source(name, data.removeprefix(b"\xef\xbb\xbf").decode("utf-8"))
    except UnicodeDecodeError as error:
        source = Source(name, data[: error.start].decode("utf-8", "replace"))
        end = len(source.text)
        report.error("E003", "the file is not UTF-8", Span(source, end, end), f"byte {data[error.start]:#04x} here")
        raise _stop(report) from None


def parse(source: Source, report: Report) -> Spec:
    """Parse a spec. Raises `CompileError` with every syntax error found, one per broken statement."""
    text = check_characters(source, report)
    tokens = list(_lark().lex(text))
    _check_limits(tokens, source, report)
    tree = _Feeder(tokens, source, report).run()
    report.stop_on_error()
    canonical = " ".join(_canonical(token) for token in tokens)
    spec = build(tree, source, canonical, report)
    report.stop_on_error()
    return spec


@cache
def _lark() -> Lark:
    # Never cache=True: Lark would unpickle a file of a predictable name from the temporary directory.
    grammar = files("scalec.grammar").joinpath("scalec.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="basic", propagate_positions=True, maybe_placeholders=True)


def _stop(report: Report) -> Exception:
    try:
        report.stop_on_error()
    except Exception as error:
        return error
    return AssertionError("no error to stop on")


def _check_limits(tokens: list[Token], source: Source, report: Report) -> None:
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"LPAR": 1, "LBRACE": 1, "RPAR": -1, "RBRACE": -1}.get(token.type, 0)
        problem = None
        if index >= MAX_TOKENS:
            problem = f"more than {MAX_TOKENS:,} tokens"
        elif depth > MAX_NESTING:
            problem = f"brackets nested deeper than {MAX_NESTING}"
        elif token.type == "NAME" and len(token) > MAX_NAME:
            problem = f"a name longer than {MAX_NAME} characters"
        if problem:
            report.error("E004", problem, _span(token, source))
            raise _stop(report)


def _span(token: Token, source: Source) -> Span:
    return Span(source, token.start_pos or 0, token.end_pos or 0)


def _canonical(token: Token) -> str:
    if token.type == "NAME":
        return ascii_name(token)
    if token.type == "SUPERSCRIPT":
        return "^ " + token.translate(_SUPERSCRIPTS)
    return _SPELLED.get(token.type) or _SPELLED.get(str(token), str(token))


class _Feeder:
    """Feeds tokens to the parser; reports an error, goes back to the start of its statement and on to the next."""

    def __init__(self, tokens: list[Token], source: Source, report: Report) -> None:
        self.tokens, self.source, self.report = tokens, source, report
        self.parser: InteractiveParser = _lark().parse_interactive()
        self.end = Token("$END", "", start_pos=len(source.text), end_pos=len(source.text))

    def run(self) -> Tree[Token]:
        snapshot, index = _copy(self.parser), 0
        while index < len(self.tokens):
            token = self.tokens[index]
            before = _copy(self.parser) if token.type in _STARTERS else None
            try:
                self.parser.feed_token(token)
                snapshot = before or snapshot
                index += 1
            except UnexpectedToken:
                index = self._recover(index, snapshot)
        try:
            return self.parser.feed_eof(self.end)  # type: ignore[no-any-return]
        except UnexpectedToken:
            self._report_at(len(self.tokens))
            return Tree("start", [])

    def _recover(self, index: int, snapshot: InteractiveParser) -> int:
        """Report the error at `index`; say where to go on."""
        inserted = self._missing(index)
        self._report_at(index, inserted)
        if inserted:
            self.parser.feed_token(_token(inserted, self.tokens[index]))
            return index
        self.parser = _copy(snapshot)
        while index < len(self.tokens) and self.tokens[index].type not in _STARTERS:
            index += 1
        # The keyword that ended a broken statement starts the next one; if it cannot stand here either, pass it.
        if index < len(self.tokens) and self.tokens[index].type not in self.parser.accepts():
            index += 1
        return index

    def _missing(self, index: int) -> str | None:
        """Find one symbol that, put before the token, lets the next few through."""
        following = self.tokens[index : index + 6]
        for terminal in _INSERTABLE:
            if terminal not in self.parser.accepts():
                continue
            trial = _copy(self.parser)
            try:
                for token in (_token(terminal, following[0]), *following):
                    trial.feed_token(token)
            except UnexpectedToken:
                continue
            return terminal
        return None

    def _report_at(self, index: int, inserted: str | None = None) -> None:
        if self._follows_wrong_character(index):
            return
        token = self.tokens[index] if index < len(self.tokens) else self.end
        previous = _span(self.tokens[index - 1], self.source).after if index else Span(self.source, 0, 0)
        if inserted:
            shown = _INSERTABLE[inserted]
            self.report.error("E001", f"`{shown}` is missing before `{token}`", previous, f"expected `{shown}`")
            return
        expected = _expected(self.parser.accepts())
        if token.type in _STARTERS or token.type == "$END":
            seen = "the file ends" if token.type == "$END" else f"`{token}` starts a new statement"
            self.report.error("E001", f"{seen} before this statement is whole", previous, expected)
            return
        self.report.error("E001", f"unexpected `{token}`", _span(token, self.source), expected, help=self._hint(index))

    def _follows_wrong_character(self, index: int) -> bool:
        """Tell whether a character error on the same line explains this one."""
        place = self.tokens[index].start_pos if index < len(self.tokens) else self.end.start_pos
        line = self.source.position(place or 0)[0]
        found = (d.label.span.start for d in self.report.diagnostics if d.code in ("E002", "E003"))
        return any(self.source.position(start)[0] == line for start in found)

    def _hint(self, index: int) -> str | None:
        token = self.tokens[index]
        if str(token) in KEYWORDS:
            return f"`{token}` is a keyword and cannot be a name"
        if token.type == "NAME":
            return suggest(str(token), KEYWORDS)
        before = self.tokens[index - 1] if index else token
        if before.type == "COMPARE" and before == ">=":
            return "after a shape, write a space between `>` and `=`"
        if token == "=" and "COMPARE" in self.parser.accepts():
            return "write `==` to compare"
        return None


def _token(terminal: str, place: Token) -> Token:
    return Token.new_borrow_pos(terminal, _INSERTABLE[terminal], place)


def _copy(parser: InteractiveParser) -> InteractiveParser:
    return parser.copy(deepcopy_values=False)


def _expected(accepts: set[str]) -> str:
    """Put the parser's accepted terminals in words; nothing if they would be too many to help."""
    accepts = set(accepts)
    words = []
    if _EXPRESSION <= accepts:
        words.append("an expression")
        accepts -= _EXPRESSION | {"_NOT"}
    if _STARTERS <= accepts:
        words.append("a statement")
        accepts -= _STARTERS | {"$END"}
    accepts -= _CONTINUES - {"LESS"} if "NAME" in accepts else _CONTINUES
    for terminal in sorted(accepts):
        named = {"NAME": "a name", "NUMBER": "a number", "$END": "the end of the file"}.get(terminal)
        words.append(named or f"`{_SYMBOLS.get(terminal, terminal.strip('_').lower())}`")
    if not words or len(words) > 6:
        return ""
    return "expected " + (words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}")
