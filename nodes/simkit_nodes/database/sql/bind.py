"""Binding: from the words of an expression to one with places and types, or to an error that says where it is wrong.

Types are checked here and never again: INTEGER and REAL meet in REAL, NULL fits everywhere, and nothing else mixes.
Aggregates are bound by `grouping`; what neither knows is refused by name, so that nothing is silently left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from sqlglot import exp

from simkit_nodes.database.sql.errors import (
    NOT_GROUPED,
    TYPE_MISMATCH,
    UNKNOWN_FUNCTION,
    UNKNOWN_PARAMETER,
    SqlError,
    nearest,
)
from simkit_nodes.database.sql.expression import Constant, Expression, Operation, Parameter, conjuncts
from simkit_nodes.database.sql.scope import Scope
from simkit_nodes.database.sql.values import NUMBERS, Type, finite, whole

COMPARISONS: dict[type, str] = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
ARITHMETIC: dict[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
ONE_ARGUMENT: dict[type, str] = {exp.Abs: "abs", exp.Length: "length", exp.Lower: "lower", exp.Upper: "upper"}
TYPES = {
    **dict.fromkeys(("INT", "BIGINT", "SMALLINT"), Type.INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE"), Type.REAL),
    **dict.fromkeys(("TEXT", "VARCHAR"), Type.TEXT),
    "BOOLEAN": Type.BOOLEAN,
}
FUNCTION_NAMES = "abs avg coalesce count length lower max min nullif substr sum upper".split()  # noqa: SIM905


def common_type(types: Sequence[Type]) -> Type | None:
    """Return the type in which values of all these meet, None if there is none."""
    found = {each for each in types if each is not Type.NULL}
    if not found:
        return Type.NULL
    if len(found) == 1:
        return next(iter(found))
    return Type.REAL if found <= set(NUMBERS) else None


class Binder:
    """Binds the expressions of one scope.

    Args:
        scope: the names.
        parameters: the types of the values given with the statement.
    """

    def __init__(self, scope: Scope, parameters: Sequence[Type] = ()) -> None:
        self.scope = scope
        self.parameters = parameters
        self.statement = scope.statement

    def bind(self, node: exp.Expr) -> Expression:
        """Return the bound expression."""
        bound = self._bind(node)
        return Operation("not", Type.BOOLEAN, (bound,)) if node.args.get("negate") else bound

    def _bind(self, node: exp.Expr) -> Expression:
        kind = type(node)
        if kind in COMPARISONS:
            self.statement.only(node, "this", "expression")
            return self._comparison(COMPARISONS[kind], node, self._sides(node))
        if kind in ARITHMETIC:
            return self._arithmetic(ARITHMETIC[kind], node)
        method = self._methods.get(kind)
        if method is not None:
            return method(self, node)
        if isinstance(node, exp.AggFunc):
            at = self.statement.position.of(node)
            raise SqlError(NOT_GROUPED, f"no aggregate is allowed here: {node.sql_name()}", at)
        if isinstance(node, exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            at = self.statement.position.of(node)
            raise SqlError(UNKNOWN_FUNCTION, f"no function `{name[:80]}`{nearest(name, FUNCTION_NAMES)}", at)
        raise self.statement.refused(f"`{kind.__name__}`", node)

    def condition(self, node: exp.Expr) -> list[Expression]:
        """Return the conditions, all of which must be true, of a WHERE, ON or HAVING."""
        return conjuncts(self.boolean(node))

    def boolean(self, node: exp.Expr) -> Expression:
        """Return a bound expression that is BOOLEAN."""
        return self._typed(node, (Type.BOOLEAN,))

    def mismatch(self, message: str, node: exp.Expr) -> SqlError:
        """Return the error 42804 for a place."""
        return SqlError(TYPE_MISMATCH, message, self.statement.position.of(node))

    def _typed(self, node: exp.Expr, types: Sequence[Type]) -> Expression:
        bound = self.bind(node)
        if bound.type is not Type.NULL and bound.type not in types:
            raise self.mismatch(f"expected {' or '.join(types)}, not {bound.type}", node)
        return bound

    def _sides(self, node: exp.Expr) -> list[Expression]:
        return [self.bind(node.this), self.bind(node.expression)]

    def _comparison(self, function: str, node: exp.Expr, sides: Sequence[Expression]) -> Operation:
        if common_type([side.type for side in sides]) is None:
            told = " and ".join(dict.fromkeys(side.type for side in sides))
            raise self.mismatch(f"{told} cannot be compared", node)
        return Operation(function, Type.BOOLEAN, tuple(sides))

    def _arithmetic(self, function: str, node: exp.Expr) -> Operation:
        self.statement.only(node, "this", "expression", "typed", "safe")
        types = (Type.INTEGER,) if function == "%" else NUMBERS
        sides = (self._typed(node.this, types), self._typed(node.expression, types))
        result = common_type([side.type for side in sides])
        return Operation(function, Type.INTEGER if result in (None, Type.NULL) else result, sides)

    # By kind of node

    def _literal(self, node: exp.Literal, sign: str = "") -> Constant:
        text = sign + str(node.this)
        if node.is_string:
            return Constant(text, Type.TEXT)
        try:
            if text.removeprefix("-").isdigit():
                return Constant(whole(int(text) if len(text) < 100 else 2**63), Type.INTEGER)
            return Constant(finite(float(text)), Type.REAL)
        except SqlError as error:
            raise SqlError(error.sqlstate, error.message, self.statement.position.of(node)) from None
        except ValueError:
            raise self.statement.refused(f"the number `{text[:40]}`", node) from None

    def _negative(self, node: exp.Neg) -> Expression:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return self._literal(node.this, "-")
        operand = self._typed(node.this, NUMBERS)
        return Operation("negate", Type.INTEGER if operand.type is Type.NULL else operand.type, (operand,))

    def _parameter(self, node: exp.Expr) -> Parameter:
        number = int(node.this.this) - 1 if isinstance(node.this, exp.Literal) and node.this.is_int else -1
        if not 0 <= number < len(self.parameters):
            message = f"no value was given for parameter ${number + 1 if number >= 0 else '?'}"
            raise SqlError(UNKNOWN_PARAMETER, message, self.statement.position.of(node))
        return Parameter(number, self.parameters[number])

    def _chain(self, node: exp.Expr) -> Operation:
        """AND and OR lean to the left as deep as they are long, so they are unrolled without recursion."""
        kind = type(node)
        waiting, operands = [node], []
        while waiting:
            each = waiting.pop()
            self.statement.only(each, "this", "expression") if type(each) is kind else None
            if type(each) is kind:
                waiting += [each.expression, each.this]
            else:
                operands.append(self.boolean(each))
        return Operation("and" if kind is exp.And else "or", Type.BOOLEAN, tuple(operands))

    def _not(self, node: exp.Not) -> Operation:
        return Operation("not", Type.BOOLEAN, (self.boolean(node.this),))

    def _is(self, node: exp.Is) -> Operation:
        self.statement.only(node, "this", "expression", "negate")
        if isinstance(node.expression, exp.Null):
            return Operation("is null", Type.BOOLEAN, (self.bind(node.this),))
        if isinstance(node.expression, exp.Boolean):
            what = "is true" if node.expression.this else "is false"
            return Operation(what, Type.BOOLEAN, (self.boolean(node.this),))
        raise self.statement.refused("IS followed by anything but NULL, TRUE or FALSE", node)

    def _distinct(self, node: exp.Expr) -> Operation:
        self.statement.only(node, "this", "expression")
        differs = self._comparison("is distinct", node, self._sides(node))
        return differs if isinstance(node, exp.NullSafeNEQ) else Operation("not", Type.BOOLEAN, (differs,))

    def _in(self, node: exp.In) -> Operation:
        self.statement.only(node, "this", "expressions", "negate")
        return self._comparison("in", node, [self.bind(node.this), *(self.bind(each) for each in node.expressions)])

    def _between(self, node: exp.Between) -> Operation:
        self.statement.only(node, "this", "low", "high", "negate")
        value = self.bind(node.this)
        low = self._comparison(">=", node, [value, self.bind(node.args["low"])])
        high = self._comparison("<=", node, [value, self.bind(node.args["high"])])
        return Operation("and", Type.BOOLEAN, (low, high))

    def _text_pair(self, node: exp.Expr) -> Operation:
        self.statement.only(node, "this", "expression", "safe", "negate")
        sides = (self._typed(node.this, (Type.TEXT,)), self._typed(node.expression, (Type.TEXT,)))
        if isinstance(node, exp.DPipe):
            return Operation("||", Type.TEXT, sides)
        return Operation("like", Type.BOOLEAN, sides)

    def _case(self, node: exp.Case) -> Operation:
        self.statement.only(node, "this", "ifs", "default")
        tests, results = [], []
        for branch in node.args["ifs"]:
            if node.this is None:
                tests.append(self.boolean(branch.this))
            else:
                tests.append(self._comparison("=", branch, [self.bind(node.this), self.bind(branch.this)]))
            results.append(self.bind(branch.args["true"]))
        default = node.args.get("default")
        results.append(Constant(None, Type.NULL) if default is None else self.bind(default))
        pairs = [each for pair in zip(tests, results[:-1], strict=True) for each in pair]
        return Operation("case", self._met(results, node), (*pairs, results[-1]))

    def _coalesce(self, node: exp.Coalesce) -> Operation:
        self.statement.only(node, "this", "expressions")
        arguments = [self.bind(each) for each in (node.this, *node.expressions)]
        return Operation("coalesce", self._met(arguments, node), tuple(arguments))

    def _met(self, arguments: Sequence[Expression], node: exp.Expr) -> Type:
        met = common_type([each.type for each in arguments])
        if met is None:
            raise self.mismatch(f"no one type for {' and '.join(dict.fromkeys(each.type for each in arguments))}", node)
        return met

    def _nullif(self, node: exp.Nullif) -> Operation:
        self.statement.only(node, "this", "expression")
        sides = self._sides(node)
        return Operation("nullif", sides[0].type, self._comparison("=", node, sides).arguments)

    def _cast(self, node: exp.Cast) -> Operation:
        self.statement.only(node, "this", "to")
        operand, wanted = self.bind(node.this), self.type_named(node.args["to"])
        if Type.BOOLEAN in (operand.type, wanted) and Type.REAL in (operand.type, wanted):
            raise self.mismatch("no CAST between BOOLEAN and REAL", node)
        return Operation("cast", wanted, (operand,))

    def type_named(self, node: exp.Expr) -> Type:
        """Return the type that a type's name means; 0A000 for one that is not there."""
        written = str(getattr(node.this, "name", node.this))
        if written in TYPES and not node.expressions:
            return TYPES[written]
        raise self.statement.refused(f"the type {node.sql()[:80]}", node)

    def _one_argument(self, node: exp.Expr) -> Operation:
        self.statement.only(node, "this")
        name = ONE_ARGUMENT[type(node)]
        operand = self._typed(node.this, NUMBERS if name == "abs" else (Type.TEXT,))
        if name == "abs":
            return Operation(name, Type.INTEGER if operand.type is Type.NULL else operand.type, (operand,))
        return Operation(name, Type.INTEGER if name == "length" else Type.TEXT, (operand,))

    def _substring(self, node: exp.Substring) -> Operation:
        self.statement.only(node, "this", "start", "length")
        text = self._typed(node.this, (Type.TEXT,))
        start, length = node.args.get("start"), node.args.get("length")
        if start is None:
            raise SqlError(
                UNKNOWN_FUNCTION, "substr takes a text, a start and a length", self.statement.position.of(node)
            )
        first = self._typed(start, (Type.INTEGER,))
        size = Constant(2**31, Type.INTEGER) if length is None else self._typed(length, (Type.INTEGER,))
        return Operation("substr", Type.TEXT, (text, first, size))

    _methods: ClassVar[dict[type[exp.Expr], Callable[..., Expression]]] = {
        exp.Abs: _one_argument,
        exp.And: _chain,
        exp.Between: _between,
        exp.Boolean: lambda self, node: Constant(bool(node.this), Type.BOOLEAN),
        exp.Case: _case,
        exp.Cast: _cast,
        exp.Coalesce: _coalesce,
        exp.Column: lambda self, node: self.scope.resolve(node),
        exp.DPipe: _text_pair,
        exp.In: _in,
        exp.Is: _is,
        exp.Length: _one_argument,
        exp.Like: _text_pair,
        exp.Literal: _literal,
        exp.Lower: _one_argument,
        exp.Neg: _negative,
        exp.Not: _not,
        exp.Null: lambda self, node: Constant(None, Type.NULL),
        exp.NullSafeEQ: _distinct,
        exp.NullSafeNEQ: _distinct,
        exp.Nullif: _nullif,
        exp.Or: _chain,
        exp.Parameter: _parameter,
        exp.Paren: lambda self, node: self.bind(node.this),
        exp.Substring: _substring,
        exp.Upper: _one_argument,
    }
