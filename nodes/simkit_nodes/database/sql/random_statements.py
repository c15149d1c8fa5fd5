"""Random statements that mean the same here and in SQLite, for comparing the answers.

What differs by design is not generated: INTEGER overflow and division by zero are errors here (SQLite turns to REAL or
NULL), no TEXT is taken for a number, constraints hold at the end of a statement and not row by row, upper and lower
case are only mapped for ASCII there. REAL values are multiples of a quarter, so that sums are exact in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from simkit_nodes.database.sql.values import Type

Choice = TypeVar("Choice")
WORDS = ("", "a", "b", "ab", "Ab", "abc", "b%", "a_c", "%", "漢", "😀", "zz")
INTEGERS = (-3, -2, -1, 0, 1, 2, 3, 4, 5, 7)
REALS = (-2.5, -1.0, -0.25, 0.0, 0.5, 1.0, 2.25, 3.0)
PATTERNS = ("%", "a%", "%b", "_", "a_", "%b%", "ab", "%a%b%", "b\\%", "")
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


class Chance(Protocol):
    """Where the statements' choices come from: a stream of a run, or a test's."""

    def below(self, n: int, /) -> int: ...


@dataclass(frozen=True)
class RandomTable:
    """A table of random statements: `key` of its columns are the primary key, `unique` of them is unique."""

    name: str
    columns: tuple[tuple[str, Type], ...]
    key: tuple[str, ...]
    unique: str | None
    indexes: tuple[tuple[str, ...], ...]

    def definition(self) -> list[str]:
        """Return the statements that create it."""
        types = {Type.INTEGER: "INT", Type.REAL: "REAL", Type.TEXT: "TEXT", Type.BOOLEAN: "BOOLEAN"}
        columns = [f"{name} {types[type_]}{' NOT NULL' if name in self.key else ''}" for name, type_ in self.columns]
        columns += [f"PRIMARY KEY ({', '.join(self.key)})"]
        columns += [f"UNIQUE ({self.unique})"] if self.unique else []
        created = [f"CREATE TABLE {self.name} ({', '.join(columns)})"]
        return created + [
            f"CREATE INDEX {self.name}_{number} ON {self.name} ({', '.join(names)})"
            for number, names in enumerate(self.indexes)
        ]


TABLES = (
    RandomTable(
        "t",
        (("k", Type.INTEGER), ("i", Type.INTEGER), ("r", Type.REAL), ("s", Type.TEXT), ("b", Type.BOOLEAN)),
        ("k",),
        None,
        (("i", "s"), ("r",), ("s",), ("b", "i")),
    ),
    RandomTable(
        "u",
        (("g", Type.TEXT), ("n", Type.INTEGER), ("i", Type.INTEGER), ("x", Type.REAL), ("q", Type.INTEGER)),
        ("g", "n"),
        "q",
        (("i",), ("x", "n")),
    ),
)


@dataclass(frozen=True)
class RandomQuery:
    """A SELECT, and how much of the order of its rows it says.

    Attributes:
        ordered: places of its columns by which rows are ordered, in turn; rows equal in them may come in any order.
    """

    text: str
    ordered: tuple[int, ...] = ()


class RandomStatements:
    """Statements over `TABLES`.

    Args:
        chance: where choices come from.
        prefix: of the tables' names, so that several clients do not meet.
    """

    def __init__(self, chance: Chance, prefix: str = "") -> None:
        self._chance = chance
        self.prefix = prefix

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """Return one of several."""
        return choices[self._chance.below(len(choices))]

    def likely(self, percent: int) -> bool:
        """Return True in so many of a hundred cases."""
        return self._chance.below(100) < percent

    def definitions(self) -> list[str]:
        """Return the statements that create all tables."""
        return [
            text.replace(f" {table.name}", f" {self.prefix}{table.name}")
            for table in TABLES
            for text in table.definition()
        ]

    # Expressions

    def literal(self, type_: Type) -> str:
        """Return a constant, seldom NULL."""
        if self.likely(4):
            return "NULL"
        match type_:
            case Type.INTEGER:
                return str(self.one_of(INTEGERS))
            case Type.REAL:
                return repr(self.one_of(REALS))
            case Type.TEXT:
                return "'" + self.one_of(WORDS) + "'"
            case _:
                return self.one_of(("TRUE", "FALSE"))

    def value(self, type_: Type, columns: Sequence[tuple[str, Type]], depth: int = 2) -> str:
        """Return an expression of exactly this type."""
        fitting = [name for name, each in columns if each is type_]
        if depth == 0 or self.likely(45):
            return self.one_of(fitting) if fitting and self.likely(75) else self.literal(type_)
        return self._composed(type_, columns, depth - 1)

    def _composed(self, type_: Type, columns: Sequence[tuple[str, Type]], depth: int) -> str:
        shape = self._chance.below(4)
        first, second = (self.value(type_, columns, depth) for _ in range(2))
        if type_ is Type.BOOLEAN:
            return f"({self.condition(columns, depth)})"
        if shape == 0:
            return f"CASE WHEN {self.condition(columns, depth)} THEN {first} ELSE {second} END"
        if shape == 1:
            return f"COALESCE({first}, {second})"
        match type_:
            case Type.INTEGER if shape == 2:
                return self.one_of(
                    (f"ABS({first})", f"LENGTH({self.value(Type.TEXT, columns, depth)})", f"NULLIF({first}, {second})")
                )
            case Type.INTEGER:
                return (
                    f"({first} {self.one_of('+-*')} {second})"
                    if self.likely(80)
                    else f"({first} {self.one_of('/%')} 3)"
                )
            case Type.REAL if shape == 2:
                return f"CAST({self.value(Type.INTEGER, columns, depth)} AS REAL)"
            case Type.REAL:
                return f"({first} {self.one_of('+-*')} {second})"
            case _ if shape == 2:
                return f"SUBSTR({first}, {1 + self._chance.below(3)}, {self._chance.below(3)})"
            case _:
                return f"({first} || {second})"

    def condition(self, columns: Sequence[tuple[str, Type]], depth: int = 2) -> str:
        """Return an expression that is BOOLEAN."""
        if depth > 0 and self.likely(45):
            first, second = (self.condition(columns, depth - 1) for _ in range(2))
            return self.one_of((f"({first} AND {second})", f"({first} OR {second})", f"NOT ({first})"))
        type_ = self.one_of((Type.INTEGER, Type.INTEGER, Type.REAL, Type.TEXT, Type.BOOLEAN))
        left, right = (self.value(type_, columns, min(depth, 1)) for _ in range(2))
        other = self.value(self.one_of((Type.INTEGER, Type.REAL)), columns, 0)
        match self._chance.below(9):
            case 0:
                return f"{left} IS {'NOT ' if self.likely(50) else ''}NULL"
            case 1:
                members = f"{right}, {self.literal(type_)}, {self.literal(type_)}"
                return f"{left} {'NOT ' if self.likely(30) else ''}IN ({members})"
            case 2 if type_ is not Type.BOOLEAN:
                return f"{left} BETWEEN {right} AND {self.literal(type_)}"
            case 3 if type_ is Type.TEXT:
                return f"{left} {'NOT ' if self.likely(30) else ''}LIKE '{self.one_of(PATTERNS)}'"
            case 4 if type_ is Type.BOOLEAN:
                return f"{left} IS {self.one_of(('TRUE', 'FALSE', 'NOT TRUE'))}"
            case 5:
                return f"{left} IS {'NOT ' if self.likely(50) else ''}DISTINCT FROM {right}"
            case 6 if type_ in (Type.INTEGER, Type.REAL):
                return f"{left} {self.one_of(COMPARISONS)} {other}"
            case _:
                return f"{left} {self.one_of(COMPARISONS)} {right}"

    # Queries

    def query(self) -> RandomQuery:
        """Return a SELECT."""
        source, columns = self._source()
        where = f" WHERE {self.condition(columns)}" if self.likely(75) else ""
        if self.likely(30):
            items, tail = self._grouped(columns)
        else:
            count = 1 + self._chance.below(3)
            items = [
                self.value(self.one_of((Type.INTEGER, Type.REAL, Type.TEXT, Type.BOOLEAN)), columns, 1)
                for _ in range(count)
            ]
            items += [self.one_of(columns)[0]]
            tail = ""
        distinct = "DISTINCT " if self.likely(15) else ""
        ordered, order = self._order(len(items))
        text = f"SELECT {distinct}{', '.join(items)} FROM {source}{where}{tail}{order}"
        return RandomQuery(text, ordered)

    def _source(self) -> tuple[str, list[tuple[str, Type]]]:
        first = self.one_of(TABLES)
        source = f"{self.prefix}{first.name} AS a"
        columns = [(f"a.{name}", type_) for name, type_ in first.columns]
        for alias in ("b", "c")[: self.one_of((0, 0, 0, 1, 1, 2))]:
            table = self.one_of(TABLES)
            new = [(f"{alias}.{name}", type_) for name, type_ in table.columns]
            kind = self.one_of(("JOIN", "LEFT JOIN"))
            on = self._on(columns, new)
            source += f" {kind} {self.prefix}{table.name} AS {alias} ON {on}"
            columns += new
        return source, columns

    def _on(self, left: Sequence[tuple[str, Type]], right: Sequence[tuple[str, Type]]) -> str:
        type_ = self.one_of((Type.INTEGER, Type.INTEGER, Type.TEXT))
        equal = [self.one_of([name for name, each in side if each is type_]) for side in (left, right)]
        on = f"{equal[0]} = {equal[1]}"
        return f"{on} AND {self.condition([*left, *right], 1)}" if self.likely(40) else on

    def _grouped(self, columns: Sequence[tuple[str, Type]]) -> tuple[list[str], str]:
        keys = list(dict.fromkeys(self.one_of(columns)[0] for _ in range(self._chance.below(3))))
        aggregates = [self._aggregate(columns) for _ in range(1 + self._chance.below(2))]
        tail = f" GROUP BY {', '.join(keys)}" if keys else ""
        if self.likely(30):
            tail += f" HAVING COUNT(*) {self.one_of(COMPARISONS)} {self._chance.below(4)}"
        return [*keys, *aggregates], tail

    def _aggregate(self, columns: Sequence[tuple[str, Type]]) -> str:
        distinct = "DISTINCT " if self.likely(25) else ""
        number = self.value(self.one_of((Type.INTEGER, Type.REAL)), columns, 1)
        anything = self.one_of(columns)[0]
        return self.one_of(
            (
                "COUNT(*)",
                f"COUNT({distinct}{anything})",
                f"SUM({distinct}{number})",
                f"AVG({number})",
                f"MIN({anything})",
                f"MAX({number})",
            )
        )

    def _order(self, width: int) -> tuple[tuple[int, ...], str]:
        if self.likely(30):
            return (), ""
        places = list(range(width))
        limited = self.likely(50)
        if not limited:
            places = [place for place in places if self.likely(60)]
        turned = self._chance.below(width)
        places = places[turned:] + places[:turned]
        if not places:
            return (), ""
        words = ("", " DESC", " ASC NULLS LAST", " DESC NULLS FIRST")
        order = f" ORDER BY {', '.join(f'{place + 1}{self.one_of(words)}' for place in places)}"
        if limited:
            order += f" LIMIT {self._chance.below(6)}"
            order += f" OFFSET {self._chance.below(4)}" if self.likely(40) else ""
        return tuple(places), order

    # Changes

    def change(self) -> str:
        """Return an INSERT, UPDATE or DELETE."""
        table = self.one_of(TABLES)
        match self._chance.below(8):
            case 0 | 1:
                return f"DELETE FROM {self.prefix}{table.name} WHERE {self.condition(table.columns)}"
            case 2 | 3:
                return self._update(table)
            case _:
                return self._insert(table)

    def _insert(self, table: RandomTable) -> str:
        rows = [
            f"({', '.join(self._stored(table, name, type_) for name, type_ in table.columns)})"
            for _ in range(1 + self._chance.below(4))
        ]
        return f"INSERT INTO {self.prefix}{table.name} VALUES {', '.join(rows)}"

    def _stored(self, table: RandomTable, name: str, type_: Type) -> str:
        """Return a value for a column; those of keys come from a wide range, so that most rows go in."""
        if type_ is Type.INTEGER and (name in table.key or name == table.unique):
            return str(self._chance.below(400)) if self.likely(97) else "NULL"
        return self.literal(type_)

    def _update(self, table: RandomTable) -> str:
        guarded = {*table.key, table.unique}
        free = [column for column in table.columns if column[0] not in guarded]
        name, type_ = self.one_of(free)
        new = self.value(
            type_, [column for column in table.columns if column[1] is not Type.INTEGER or type_ is not Type.INTEGER], 1
        )
        if self.likely(20):  # a key moves, one row at a time
            where = " AND ".join(
                f"{each} = {self._stored(table, each, dict(table.columns)[each])}" for each in table.key
            )
            moved = self.one_of(
                [each for each in sorted(filter(None, guarded)) if dict(table.columns)[each] is Type.INTEGER]
            )
            return f"UPDATE {self.prefix}{table.name} SET {moved} = {self._chance.below(400)} WHERE {where}"
        return f"UPDATE {self.prefix}{table.name} SET {name} = {new} WHERE {self.condition(table.columns)}"
