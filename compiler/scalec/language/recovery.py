"""Guesses the intended word at a syntax error: habits from other languages, and typing mistakes."""

import re

from lark import Token

from scalec.diagnostics.diagnostic import Edit, Help, advise
from scalec.diagnostics.source import Source, Span
from scalec.diagnostics.suggest import did_you_mean
from scalec.language.citation import nearest_citation
from scalec.language.syntax import KEYWORDS
from scalec.record import record

_NUMBERED = re.compile(r"(?:(?:arxiv|doi)[ \t]*:?[ \t]*)?[^\s,#]+", re.IGNORECASE)


def token_span(token: Token, source: Source) -> Span:
    """Return the place of a token."""
    return Span(source, token.start_pos or 0, token.end_pos or 0)


@record
class Hints:
    """The tokens of a spec, the first of the statement that goes wrong, and what the parser accepts there."""

    tokens: list[Token]
    source: Source
    start: int
    accepts: set[str]

    def hint(self, index: int) -> Help:
        """Return what was probably meant at a token that cannot stand where it does."""
        token, accepts = self.tokens[index], self.accepts
        before, span = self.tokens[index - 1] if index else token, token_span(token, self.source)
        if "CITED" in accepts:
            return self._citation_hint(span)
        if str(token) in KEYWORDS and "NAME" in accepts:
            return f"`{token}` is a keyword and cannot be a name"
        if token.type == "NAME" and "_BY" in accepts:
            return advise("a step is written `by 0.05`", Edit(span, "by"), safe=str(token) == "step")
        if token.type == "NAME":
            return did_you_mean(span, KEYWORDS)
        if (token == ">=" and "MORE" in accepts) or (token == "<=" and "LESS" in accepts):
            return advise(f"write a space: `{token[0]} =`", Edit(span, f"{token[0]} ="), safe=True)
        if token.type == "EQUAL" and "COMPARE" in accepts:
            required = self.tokens[self.start].type == "_REQUIRE"
            return advise("write `==` to compare", Edit(span, "=="), safe=required)
        if token.type == "TIMES" and before.type == "TIMES":
            together = before.end_pos == token.start_pos
            return advise("write `^` for a power", Edit(token_span(before, self.source).to(span), "^"), safe=together)
        if token.type == "DOT":
            return self._point_hint(index)
        if token.type == "_IF" and "_ELSE" not in accepts:
            return "put the inner condition in parentheses"
        return self._bracket_hint(index)

    def _citation_hint(self, span: Span) -> Help:
        """Help with what stands for a paper: a bare number, or one behind a space."""
        found = _NUMBERED.match(self.source.text, span.start)
        near = nearest_citation(found.group()) if found else None
        if found is None or near is None:
            return "a paper is cited by its number: `arXiv:1905.11946` or `doi:10.1109/CVPR.2016.90`"
        return advise(f"write `{near[0]}`", Edit(Span(self.source, *found.span()), near[0]), safe=near[1])

    def _point_hint(self, index: int) -> Help:
        text, token = "a number has digits on both sides of its point: `0.5`", self.tokens[index]
        glued = [other.type for other in self.tokens[index - 1 : index] if other.end_pos == token.start_pos]
        if [t.type for t in self.tokens[index + 1 : index + 2]] != ["NUMBER"] or "NUMBER" in glued:
            return text
        span = token_span(token, self.source)
        return advise(text, Edit(Span(self.source, span.start, span.start), "0"), safe=True)

    def _pair_hint(self, index: int) -> Help:
        """Help with `Conv((3, 3))`."""
        text = "pairs are not allowed: one number is for height and width, so kernels are square"
        first, other, close = (self.tokens[place : place + 1] for place in (index - 1, index + 1, index + 2))
        if first != other or [token.type for token in close] != ["RPAR"]:
            return text
        whole = token_span(self.tokens[index - 2], self.source).to(token_span(close[0], self.source))
        return advise(text, Edit(whole, str(first[0])), safe=True)

    def _bracket_hint(self, index: int) -> Help:
        token, span, accepts = self.tokens[index], token_span(self.tokens[index], self.source), self.accepts
        kinds = [each.type for each in self.tokens[max(0, index - 3) : index]]
        if token.type == "COMMA" and kinds[1:] == ["LPAR", "NUMBER"] and kinds[0] in ("LPAR", "COMMA", "EQUAL"):
            return self._pair_hint(index)
        opening = {"RPAR": ("LPAR", "("), "RBRACE": ("LBRACE", "{")}.get(token.type)
        if opening and opening[0] not in accepts:
            kinds = [each.type for each in self.tokens[self.start : index]]
            if kinds.count(opening[0]) == kinds.count(token.type):
                return advise(f"there is no `{opening[1]}` for it to close", Edit(span, ""))
        if token.type == "COMMA" and "RBRACE" in accepts:
            return advise("write rows without commas between them", Edit(span, ""), safe=True)
        if token.type == "_COMPOSE" and "EQUAL" in accepts:
            return advise("a chain starts with `=`; `⊙` stands before the units that follow", Edit(span, "="))
        if token.type == "COLON" and index > 1 and self.tokens[index - 2].type == "COLON":
            return "a unit has one label"
        return None
