"""Parses text into syntax. Lark is used only here, in the tree builder, and in the hints for syntax errors.

All tokens are read first, and then given to the LALR parser one by one. So after an error the parser can continue at
the next statement, with its state from before the broken statement.
"""

from functools import cache
from itertools import pairwise
from typing import Any

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedToken

from scalec.diagnostics.diagnostic import CompileError, Edit, Fix, Report
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import nearest, offer
from scalec.language.characters import check_characters, report_character
from scalec.language.grammar import load
from scalec.language.recovery import Hints, token_span
from scalec.language.syntax import KEYWORDS, STATEMENTS, Spec, ascii_name
from scalec.language.tree import build
from scalec.limits import MAX_BYTES, MAX_ERRORS, MAX_NAME, MAX_NESTING, MAX_TOKENS

Parser = Any  # Lark's interactive parser, which has no types

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
_NAMED = {"NAME": "a name", "NUMBER": "a number", "$END": "the end of the file", "CITED": "an arXiv number or a DOI"}
_INSERTABLE = {"COMMA": ",", "_COMPOSE": "⊙", "RPAR": ")", "MORE": ">", "RBRACE": "}", "_ARROW": "→", "EQUAL": "="}
_PATTERNS = {
    "import": "import ConvAct, MBConv from mobile", "param": "param φ = 0", "let": "let d = α^φ",
    "default": "default BatchNorm(eps = 0.001)", "scale": "scale L → ceil(d · L)", "require": "require FLOPS ≤ 2G",
    "block": "block Name(kernel) <H, W, C> → <H, W, C> = …", "network": "network Name <224, 224, 3> → <1000> = …",
    "variants": "variants (φ, dropout) { B0 (0, 0.2) }",
    "cite": "cite arXiv:1905.11946",
    "search": "search α, β, γ from 1 to 2 by 0.05 where α · β² · γ² ≈ 2 ± 0.1",
}  # fmt: skip
_HEAD = 5  # an error in the first few words of a statement is helped by a whole one
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def decode(name: str, data: bytes, report: Report) -> Source:
    """Read a spec's bytes as UTF-8. Raises `CompileError` where they are not, or where there are too many."""
    if len(data) > MAX_BYTES:
        report.error("E004", f"the file has more than {MAX_BYTES:,} bytes", Span(Source(name, ""), 0, 0))
        report.stop_on_error()
    try:
        return Source(name, data.removeprefix(b"\xef\xbb\xbf").decode("utf-8"))
    except UnicodeDecodeError as error:
        source = Source(name, data[: error.start].decode("utf-8", "replace"))
        end = len(source.text)
        report.error(
            "E003", "the file is not UTF-8", Span(source, end, end), f"byte {data[error.start]:#04x} here",
            help="save it as UTF-8",
        )  # fmt: skip
        raise _stop(report) from None


def parse(source: Source, report: Report) -> Spec:
    """Parse a spec. Raises `CompileError` with every syntax error found, one per broken statement."""
    spec, _ = parse_partly(source, report)
    report.stop_on_error()
    return spec


def parse_partly(source: Source, report: Report) -> tuple[Spec, list[Span]]:
    """Parse the statements that read; give the others too, in which something is wrong."""
    tokens = _lex(check_characters(source, report), source, report)
    _check_limits(tokens, source, report)
    tree = _Feeder(tokens, source, report).run()
    starts = [0, *(token.start_pos or 0 for token in tokens if token.type in _STARTERS), len(source.text) + 1]
    places = [diagnostic.label.span.start for diagnostic in report.diagnostics]
    statements = [Span(source, low, high) for low, high in pairwise(starts)]
    broken = [each for each in statements if any(each.start <= place < each.end for place in places)]
    if broken:
        tokens = [token for token in tokens if not any(each.holds(token_span(token, source)) for each in broken)]
        tree, tokens = _reread(tokens)
    spec = build(tree, source, [(token.start_pos or 0, _canonical(token)) for token in tokens], report)
    return spec, broken


def _reread(tokens: list[Token]) -> tuple[Tree[Token], list[Token]]:
    """Parse statements that have been found to read; without those between them it may be that none does."""
    try:
        return _fed(_lark().parse_interactive(), tokens).feed_eof(), tokens
    except UnexpectedToken:
        return Tree("start", []), []


def words(source: Source) -> list[tuple[str, str, Span]]:
    """Return terminal, canonical text and place of each token of a spec that parses.

    Between them are white space and comments.
    """
    return [(token.type, _canonical(token), token_span(token, source)) for token in _lark().lex(source.text)]


@cache
def _lark() -> Lark:
    lark = load()
    lark.lexer = lark.parser.lexer  # else each `lex` builds its own
    return lark


def _lex(text: str, source: Source, report: Report) -> list[Token]:
    """Read all tokens; a character that is allowed, but not at this place, is reported and passed over."""
    for _ in range(MAX_ERRORS):
        try:
            return list(_lark().lex(text))
        except UnexpectedCharacters as error:
            place = error.pos_in_stream or 0
            report_character(Span(source, place, place + 1), report)
            text = f"{text[:place]} {text[place + 1 :]}"
    raise _stop(report)


def _stop(report: Report) -> CompileError:
    try:
        report.stop_on_error()
    except CompileError as error:
        return error
    raise AssertionError("no error to stop on")


def _check_limits(tokens: list[Token], source: Source, report: Report) -> None:
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"LPAR": 1, "LBRACE": 1, "RPAR": -1, "RBRACE": -1}.get(token.type, 0)
        problem = None
        if index >= MAX_TOKENS:
            problem = f"more than {MAX_TOKENS:,} words and symbols"
        elif depth > MAX_NESTING:
            problem = f"brackets nested deeper than {MAX_NESTING}"
        elif token.type == "NAME" and len(token) > MAX_NAME:
            problem = f"a name longer than {MAX_NAME} characters"
        if problem:
            report.error("E004", problem, token_span(token, source))
            raise _stop(report)


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
        self.parser: Parser = _lark().parse_interactive()
        self.snapshot, self.start = _copy(self.parser), 0
        self.recovered = 0
        self.fed: list[Token] = []
        """What was fed since the snapshot, which was taken before the token at `start`."""
        self.end = Token("$END", "", start_pos=len(source.text), end_pos=len(source.text))

    def run(self) -> Tree[Token]:
        index = 0
        while index < len(self.tokens):
            token = self.tokens[index]
            before = _copy(self.parser) if token.type in _STARTERS else None
            try:
                self.parser.feed_token(token)
                if before:
                    self.snapshot, self.start, self.fed = before, index, []
                self.fed.append(token)
                index += 1
            except UnexpectedToken:
                index = self._recover(index)
        try:
            tree: Tree[Token] = self.parser.feed_eof(self.end)
            return tree
        except UnexpectedToken:
            self._rewind()
            self._report_at(len(self.tokens), None)
            return Tree("start", [])

    def _rewind(self) -> None:
        """Go back to the state before the wrong token: on meeting it the parser has closed what it could."""
        self.parser = _fed(self.snapshot, self.fed)

    def _recover(self, index: int) -> int:
        """Report the error at `index`; say where to go on."""
        self.recovered += 1
        if self.recovered > MAX_ERRORS:
            raise _stop(self.report)
        self._rewind()
        if (place := self._respell(index)) is not None:
            return place
        inserted = self._missing(index)
        self._report_at(index, inserted)
        if inserted:
            self.fed.append(_token(inserted, self.tokens[index]))
            self.parser.feed_token(self.fed[-1])
            return index
        if self._is_misused(index):
            index += 1
        self.parser, self.fed = _copy(self.snapshot), []
        while index < len(self.tokens) and self.tokens[index].type not in _STARTERS:
            index += 1
        # The keyword that ended a broken statement starts the next one; if it cannot stand here either, pass it.
        if index < len(self.tokens) and self.tokens[index].type not in self.parser.accepts():
            index += 1
        return index

    def _respell(self, index: int) -> int | None:
        """Take a name at an error, or right before it, for the keyword that lets the next few words through.

        Give the place to go on from; nothing if no keyword is near.
        """
        for place, fed in ((index, self.fed), (index - 1, self.fed[:-1])):
            token = self.tokens[place]
            if token.type != "NAME" or (place < index and not self.fed):
                continue
            parser = _fed(self.snapshot, fed)
            accepted = {word: _terminal(word) for word in KEYWORDS if _terminal(word) in parser.accepts()}
            for word in nearest(str(token), accepted):
                respelled = Token.new_borrow_pos(accepted[word], word, token)
                if not _passes(parser, [respelled, *self.tokens[place + 1 : place + 6]]):
                    continue
                self.parser = parser
                if not self._follows_wrong_character(place):
                    span, expected = token_span(token, self.source), _expected(parser.accepts())
                    help = offer(span, [word])
                    self.report.error("E001", f"unexpected `{token}`", span, expected, help=help)
                self.tokens[place], self.fed = respelled, list(fed)
                return place
        return None

    def _is_misused(self, index: int) -> bool:
        """Return whether a keyword of statements stands where a name was meant: what follows it starts no statement."""
        if self.tokens[index].type not in _STARTERS or "NAME" not in self.parser.accepts():
            return False
        special = {"_REQUIRE": {*_EXPRESSION, "_NOT"}, "_VARIANTS": {"LPAR"}, "_CITE": {"CITED"}}
        following = special.get(self.tokens[index].type, {"NAME"})
        return index + 1 < len(self.tokens) and self.tokens[index + 1].type not in following

    def _missing(self, index: int) -> str | None:
        """Find one symbol that, put before the token, lets the next few through."""
        following, accepted = self.tokens[index : index + 6], self.parser.accepts()
        for terminal in _INSERTABLE:
            if terminal in accepted and _passes(self.parser, [_token(terminal, following[0]), *following]):
                return terminal
        return None

    def _report_at(self, index: int, inserted: str | None) -> None:
        if self._follows_wrong_character(index):
            return
        token = self.tokens[index] if index < len(self.tokens) else self.end
        previous = token_span(self.tokens[index - 1], self.source).after if index else Span(self.source, 0, 0)
        if inserted:
            shown = _INSERTABLE[inserted]
            edit = Edit(previous, shown if shown in ",)>" else f" {shown}")
            fix = Fix(f"write `{shown}` here", (edit,))
            message = f"`{shown}` is missing before `{token}`"
            self.report.error("E001", message, previous, f"expected `{shown}`", fixes=(fix,))
            return
        expected = _expected(self.parser.accepts())
        if token.type == "$END" or (token.type in _STARTERS and not self._is_misused(index)):
            seen = "the file ends" if token.type == "$END" else f"`{token}` starts a new statement"
            whole = self._pattern(index)
            self.report.error("E001", f"{seen} before this statement is complete", previous, expected, help=whole)
            return
        help = Hints(self.tokens, self.source, self.start, self.parser.accepts()).hint(index) or self._pattern(index)
        self.report.error("E001", f"unexpected `{token}`", token_span(token, self.source), expected, help=help)

    def _follows_wrong_character(self, index: int) -> bool:
        """Return whether a character error in the same statement, or on the same line, explains this one."""
        place = (self.tokens[index].start_pos if index < len(self.tokens) else self.end.start_pos) or 0
        start = self.tokens[self.start].start_pos or 0 if self.fed else place
        line = self.source.position(place)[0]
        found = (d.label.span.start for d in self.report.diagnostics if d.code in ("E002", "E003"))
        return any(start <= each <= place or self.source.position(each)[0] == line for each in found)

    def _pattern(self, index: int) -> str | None:
        """Show a whole statement to one that went wrong in its first words."""
        keyword = str(self.tokens[self.start]) if self.fed else ""
        if index - self.start > _HEAD or keyword not in _PATTERNS or self.parser.accepts() & {"NUMBER", "PLUS"}:
            return None
        return f"a complete example: `{_PATTERNS[keyword]}`"


def _token(terminal: str, place: Token) -> Token:
    return Token.new_borrow_pos(terminal, _INSERTABLE[terminal], place)


def _copy(parser: Parser) -> Parser:
    return parser.copy(deepcopy_values=False)


def _fed(snapshot: Parser, tokens: list[Token]) -> Parser:
    """Return a parser that has gone on from a state by some tokens, all of them right."""
    parser = _copy(snapshot)
    for token in tokens:
        parser.feed_token(token)
    return parser


def _passes(parser: Parser, tokens: list[Token]) -> bool:
    """Return whether the parser would take these tokens."""
    try:
        _fed(parser, tokens)
    except UnexpectedToken:
        return False
    return True


def _terminal(keyword: str) -> str:
    return "TAP" if keyword == "tap" else f"_{keyword.upper()}"


def _expected(accepts: set[str]) -> str:
    """Put the parser's accepted terminals in words; nothing if they would be too many to help."""
    accepts = set(accepts)
    words = []
    if accepts >= _EXPRESSION:
        words.append("an expression")
        accepts -= _EXPRESSION | {"_NOT"}
    if accepts >= _STARTERS:
        words.append("a statement")
        accepts -= _STARTERS | {"$END"}
    compared = {"LESS", "MORE"} if "COMPARE" not in accepts else set()  # else they compare: nothing to expect
    if accepts == {"_WITHIN"}:
        return "expected `±`"
    accepts -= (_CONTINUES | ({"LPAR"} if "PLUS" in accepts else set())) - compared
    for terminal in sorted(accepts):
        words.append(_NAMED.get(terminal) or f"`{_SYMBOLS.get(terminal, terminal.strip('_').lower())}`")
    if not words or len(words) > 6:
        return ""
    return "expected " + (words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}")
