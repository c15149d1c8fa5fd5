"""From text to a syntax tree. The parser is sqlglot's; ours is what it lacks: bounds, positions, and one dialect.

The dialect is PostgreSQL's with two differences: NULL sorts below every value, as in SQLite and CockroachDB, and what
sqlglot would only pass through is refused. The tree says nothing of meaning: names, types and plans come later.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.parsers.postgres import PostgresParser
from sqlglot.tokenizer_core import Token, TokenType

from simkit_nodes.database.sql.as_of import AsOf, take_as_of
from simkit_nodes.database.sql.errors import NOT_SUPPORTED, SYNTAX_ERROR, TOO_COMPLEX, TOO_LARGE, SqlError, nearest
from simkit_nodes.database.sql.limits import Limits

FRAMES_PER_LEVEL = 40  # of Python's stack, that sqlglot needs for one bracket: measured 20
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "SET", "SHOW", "CHECK")
TRANSACTION_VERBS = ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT")
OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE)
CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END)
PREFIXES = (TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE)


class Dialect(Postgres):
    """PostgreSQL's words, with NULL below every value."""

    NULL_ORDERING = "nulls_are_small"

    class Parser(PostgresParser):
        """Refuses what it does not know instead of passing it on with a warning."""

        def _warn_unsupported(self) -> None:
            self.raise_error("Unsupported statement")


class Position:
    """Where the parts of a statement are, for errors."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of(self, node: exp.Expr | None) -> tuple[int, int] | None:
        """Return line and column, from 1, of the first word of a part of the tree; None where nobody noted it."""
        starts = [] if node is None else [each.meta["start"] for each in node.walk() if "start" in each.meta]
        return self.at(min(starts)) if starts else None

    def at(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset into the text."""
        before = self._text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


class Statement:
    """A statement as it was written.

    Attributes:
        tree: the syntax tree.
        explain: whether only the plan was asked for.
        position: of its parts.
        as_of: when it reads, None for now.
    """

    def __init__(self, tree: exp.Expr, explain: bool, position: Position, as_of: AsOf | None = None) -> None:
        self.tree = tree
        self.explain = explain
        self.position = position
        self.as_of = as_of

    def refused(self, what: str, node: exp.Expr | None = None) -> SqlError:
        """Return the error 0A000: this much SQL is not there."""
        return SqlError(NOT_SUPPORTED, f"{what} is not supported", self.position.of(node))

    def only(self, node: exp.Expr, *known: str) -> None:
        """Refuse a part of the tree that has clauses nobody here would look at."""
        for name, value in node.args.items():
            if name not in known and value not in (None, False, []):
                inner = value if isinstance(value, exp.Expr) else node
                raise self.refused(f"`{name.strip('_').upper()}` of {type(node).__name__.upper()}", inner)


def parse(text: str, limits: Limits) -> Statement:
    """Return the one statement of a text.

    Raises: SqlError: 42601 with the position, 54000 and 54001 for what is longer or deeper than `limits`.
    """
    if len(text) > limits.statement_bytes or len(text.encode(errors="replace")) > limits.statement_bytes:
        raise SqlError(TOO_LARGE, f"the statement is longer than {limits.statement_bytes:,} bytes")
    position = Position(text)
    # sqlglot would take what follows EXPLAIN for one word; blanks in its place keep all positions.
    explain = re.match(r"\s*EXPLAIN\b", text, re.IGNORECASE)
    if explain is not None:
        text = " " * explain.end() + text[explain.end() :]
    tokens = _tokens(text, position)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise SqlError(SYNTAX_ERROR, "the statement is empty", (1, 1))
    _measure(tokens, limits, position)
    _check_verb(tokens, position)
    tokens, as_of = take_as_of(tokens, position.at(len(text)))
    own = _own_words(tokens)
    tree = own if own is not None else _tree(tokens, text, position, limits)
    _measure_tree(tree, limits)
    statement = Statement(tree, explain is not None, position, as_of)
    if as_of is not None and not isinstance(tree, exp.Select):
        raise statement.refused("AS OF SYSTEM TIME of anything but a SELECT", tree)
    return statement


def _tokens(text: str, position: Position) -> list[Token]:
    try:
        return list(Dialect().tokenize(text))
    except TokenError as error:
        told = re.search(r"Missing (.+) from (\d+):(\d+)", str(error.__cause__ or error))
        if told:
            at = (int(told[2]), int(told[3]))
            raise SqlError(SYNTAX_ERROR, f"never closed: {told[1]}", at) from None
        raise SqlError(SYNTAX_ERROR, "the statement ends within a word or text", position.at(len(text))) from None


def _measure(tokens: list[Token], limits: Limits, position: Position) -> None:
    """Refuse what would nest too deeply before anybody follows it down."""
    if len(tokens) > limits.tokens:
        raise SqlError(TOO_COMPLEX, f"the statement has more than {limits.tokens:,} words")
    depth = prefixes = 0
    for token in tokens:
        kind = token.token_type
        if kind is TokenType.SEMICOLON:
            raise SqlError(SYNTAX_ERROR, "one statement at a time", position.at(token.start))
        depth += (kind in OPENING) - (kind in CLOSING)
        prefixes = prefixes + 1 if kind in PREFIXES else 0
        if depth + prefixes > limits.nesting:
            raise SqlError(TOO_COMPLEX, f"nested more than {limits.nesting} deep", position.at(token.start))


def _check_verb(tokens: list[Token], position: Position) -> None:
    verb = tokens[0].text.upper()[:40]
    known = (*VERBS, *TRANSACTION_VERBS)
    if verb not in known:
        message = f"no statement begins with `{verb}`{nearest(verb, known)}"
        raise SqlError(SYNTAX_ERROR, message, position.at(tokens[0].start))


def _own_words(tokens: list[Token]) -> exp.Expr | None:
    """Return the tree of a statement that sqlglot has no words for: SHOW TABLES, CHECK TABLE name."""
    words = [token.text.upper() for token in tokens]
    if words == ["SHOW", "TABLES"]:
        return exp.Command(this="SHOW TABLES")
    if words[:2] == ["CHECK", "TABLE"] and len(words) == 3:
        name = exp.to_identifier(tokens[2].text)
        assert name is not None
        name.update_positions(tokens[2])
        return exp.Command(this="CHECK TABLE", expression=exp.Table(this=name))
    return None


def _tree(tokens: list[Token], text: str, position: Position, limits: Limits) -> exp.Expr:
    # sqlglot descends by recursion; what it needs for the allowed depth must not depend on how deep the caller is.
    allowed = sys.getrecursionlimit()
    sys.setrecursionlimit(allowed + limits.nesting * FRAMES_PER_LEVEL)
    try:
        trees = Dialect().parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text)
    except ParseError as error:
        raise _syntax_error(error, position, text) from None
    except RecursionError:
        raise SqlError(TOO_COMPLEX, "the statement is nested too deeply") from None
    finally:
        sys.setrecursionlimit(allowed)
    if len(trees) != 1 or trees[0] is None:
        raise SqlError(SYNTAX_ERROR, "one statement at a time", (1, 1))
    return trees[0]


def _syntax_error(error: ParseError, position: Position, text: str) -> SqlError:
    first: dict[str, Any] = error.errors[0] if error.errors else {}
    said = str(first.get("description", "cannot be read"))
    word = str(first.get("highlight") or "")
    at = (int(first["line"]), max(1, int(first["col"]) - len(word) + 1)) if first.get("line") else (1, 1)
    if "SENTINEL" in said or "missing for" in said:
        return SqlError(SYNTAX_ERROR, f"something is missing after `{word[:40]}`", at)
    said = said.replace("Invalid expression / Unexpected token", "unexpected")
    said = re.sub(r"Expecting (\S+)", r"expected `\1`, not", said)
    return SqlError(SYNTAX_ERROR, f"{said} `{word[:40]}`" if word else said, at)


def _measure_tree(tree: exp.Expr, limits: Limits) -> None:
    """Refuse a tree that is deeper than its brackets: chains of operators lean to one side. AND and OR do not count."""
    waiting: list[tuple[exp.Expr, int]] = [(tree, 0)]
    allowed = limits.nesting * 3
    while waiting:
        node, depth = waiting.pop()
        if depth > allowed:
            raise SqlError(TOO_COMPLEX, f"operators nested more than {allowed} deep")
        below = depth if isinstance(node, exp.And | exp.Or) else depth + 1
        waiting.extend((child, below) for child in node.iter_expressions())
