"""Access paths: for each index of a table, the ranges of keys that conditions leave; and which index is the best.

The choice is by the constants that Selinger et al. used where there are no statistics (Access Path Selection in a
Relational Database Management System, SIGMOD 1979): an equality leaves a tenth, a range a third, both bounds a quarter.
There are no statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from simkit_nodes.database.sql import key as keys
from simkit_nodes.database.sql.constraint import Constraint, Range, constraint_of, intersect_all, is_point
from simkit_nodes.database.sql.descriptor import Index, Table
from simkit_nodes.database.sql.expression import Expression, Parameters, Row

ROWS_ASSUMED = 1000.0
SELECTIVITY = {"=": 1 / 10, "in": 1 / 4, "between": 1 / 4, "range": 1 / 3}
FETCH_COST = 3.0  # of a row that an index names, against one that a scan passes by
LOOKUP_COST = 4.0  # of asking an index once more


@dataclass(frozen=True, slots=True)
class Path:
    """One way to the rows of a table.

    Attributes:
        table, index: where the keys are.
        constraints: for each leading column of the index, those that bound it; as many columns as are of use.
        covering: whether the index alone knows every column that is needed.
        rows: how many are expected.
    """

    table: Table
    index: Index
    constraints: tuple[tuple[Constraint, ...], ...] = ()
    covering: bool = True
    rows: float = field(default=ROWS_ASSUMED)

    @property
    def cost(self) -> float:
        """What it is expected to cost, in rows passed by."""
        return self.rows * (1.0 if self.covering else 1.0 + FETCH_COST)

    @property
    def fixed(self) -> int:
        """How many leading columns have one value."""
        fixed = 0
        for of_column in self.constraints:
            if not any(each.kind == "=" for each in of_column):
                break
            fixed += 1
        return fixed

    def spans(self, row: Row, parameters: Parameters, spans_max: int) -> tuple[list[Range], bool]:
        """Return the ranges of keys to read, sorted and apart, and whether each is that of one whole key."""
        prefixes = [self.table.prefixes[self.index.index_id]]
        for constraints in self.constraints:
            ranges = intersect_all([each.ranges(row, parameters) for each in constraints])
            if len(prefixes) * len(ranges) > spans_max:
                break
            if not all(map(is_point, ranges)):
                return [(prefix + low, prefix + high) for prefix in prefixes for low, high in ranges], False
            prefixes = [prefix + low for prefix in prefixes for low, _ in ranges]
        else:
            return [(prefix, prefix + keys.END) for prefix in prefixes], len(self.constraints) == len(
                self.index.columns
            )
        return [(prefix, prefix + keys.END) for prefix in prefixes], False


def paths(table: Table, conditions: Sequence[Expression], needed: set[int], at: int, known: range) -> list[Path]:
    """Return a path by each index that can be read, the primary one first.

    Args:
        conditions: all that must be true of a row and speak of this table and of what is known.
        needed: the places in the table's rows that somebody reads.
        at: the place of the table's first column in the row that the conditions speak of.
        known: the places whose values are there before the table is read.
    """
    columns = range(at, at + len(table.columns))
    constraints = [found for each in conditions if (found := constraint_of(each, columns, known)) is not None]
    by_place: dict[int, list[Constraint]] = {}
    for constraint in constraints:
        by_place.setdefault(constraint.place - at, []).append(constraint)
    return [_path(table, index, by_place, needed) for index in table.readable]


def _path(table: Table, index: Index, by_place: dict[int, list[Constraint]], needed: set[int]) -> Path:
    used: list[tuple[Constraint, ...]] = []
    rows = ROWS_ASSUMED
    for place in index.columns:
        of_column = by_place.get(place)
        if not of_column:
            break
        used.append(tuple(of_column))
        rows *= selectivity(of_column)
        if all(each.kind not in ("=", "in") for each in of_column):
            break
    covering = not index.index_id or needed <= {*index.columns, *table.primary}
    path = Path(table, index, tuple(used), covering, rows)
    if index.unique and path.fixed == len(index.columns):
        path = Path(table, index, tuple(used), covering, 1.0)
    return path


def selectivity(constraints: Sequence[Constraint]) -> float:
    """Return the share of rows that the conditions on one column are expected to leave."""
    kinds = [each.kind for each in constraints]
    if kinds.count("range") > 1:
        kinds.append("between")
    return min(SELECTIVITY[kind] for kind in kinds)
