"""An argument parser that suggests corrections. Every start imports this module, so it imports little."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any


class Parser(argparse.ArgumentParser):
    """As argparse has it, with a did-you-mean for options, commands and choices.

    What a command does not know is an error of that command, with its usage, and not of `scalec`.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; leave with code 2 where there are words that nobody takes."""
        if self._subparsers is not None and args and self._is_unknown(args[0]):
            self._refuse(args[:1])  # before what follows is taken for a command
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self._refuse(rest)
        return found, rest

    def _refuse(self, words: Sequence[str]) -> None:
        hints = list(self._hints(words))
        said = " ".join(f"{word}: {hint}" if len(hints) > 1 else hint for word, hint in hints)
        self.error(f"unrecognized arguments: {' '.join(words)}" + (f" ({said})" if said else ""))

    def _hints(self, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        from scalec.diagnostics.suggest import in_words, nearest

        known = {option.lstrip("-"): option for option in self._option_string_actions}
        for word in words:
            if self._is_unknown(word):
                name = word.partition("=")[0].lstrip("-")
                near = nearest(name, known) or [each for each in known if name and each.startswith(name)]
                if near:
                    yield word, f"did you mean {in_words(known[each] for each in near)}?"

    def _is_unknown(self, word: str) -> bool:
        return (
            word.startswith("-") and word.strip("-") != "" and word.partition("=")[0] not in self._option_string_actions
        )

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            from scalec.diagnostics.suggest import suggest

            hint = suggest(str(value), map(str, action.choices or ()))
            raise argparse.ArgumentError(action, f"{error.message}{f'; {hint}' if hint else ''}") from None
