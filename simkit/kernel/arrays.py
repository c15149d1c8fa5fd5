"""The functions of `arithmetic` for whole arrays, with the same bits for each number as for that number alone.

numpy's own `log` and `exp` come from the processor's vector unit, and differ from machine to machine; its additions,
multiplications, divisions and square roots are those of IEEE 754, and so is what is made of them here, in the order in
which `arithmetic` does it.

Twin of the loops in `core/arrays.c`, which take their place where the compiled core runs. They deliberately check
nothing: who asks for a logarithm has drawn what he asks it of.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simkit.kernel import arithmetic
from simkit.kernel.core import compiled

Floats = NDArray[np.float64]
Bits = NDArray[np.uint64]

_BLOCK = 8192
"""What stays in the processor's cache from one operation to the next."""

_ELEVEN, _TWELVE = np.uint64(11), np.uint64(12)


def log(x: Floats) -> Floats:
    """Return the natural logarithms of numbers above 0."""
    return _in_blocks(_log, x)


def exp(x: Floats) -> Floats:
    """Return e to the powers `x`."""
    return _in_blocks(_exp, x)


def normal_quantile(p: Floats) -> Floats:
    """Return the standard normal deviates below which shares `p` of the distribution lie; 0 < p < 1."""
    return _in_blocks(_normal_quantile, p)


def unit(bits: Bits) -> Floats:
    """Return the floats in [0, 1) that draws of 64 bits stand for, as `Draws.random` does."""
    return (bits >> _ELEVEN).astype(np.float64) * 2.0**-53


def standard_normal(bits: Bits) -> Floats:
    """Return the normally distributed floats that draws stand for, as `Draws.standard_normal` does."""
    return normal_quantile(((bits >> _TWELVE).astype(np.float64) + 0.5) * 2.0**-52)


def _in_blocks(function: Any, x: Floats) -> Floats:
    if len(x) <= _BLOCK:
        return function(x)  # type: ignore[no-any-return]
    return np.concatenate([function(x[first : first + _BLOCK]) for first in range(0, len(x), _BLOCK)])


def _log(x: Floats) -> Floats:
    mantissa, exponent = np.frexp(x)
    small = mantissa < arithmetic.SQRT_HALF
    mantissa[small] *= 2.0
    exponent -= small
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    series = np.zeros_like(z)
    for reciprocal in arithmetic.ODD_RECIPROCALS:
        series *= z
        series += reciprocal
    return exponent * arithmetic.LN2_HIGH + (exponent * arithmetic.LN2_LOW + 2.0 * s * series)


def _exp(x: Floats) -> Floats:
    within = np.clip(x, -745.0, 709.7)
    power = np.trunc(within * arithmetic.LOG2_E + np.where(within >= 0.0, 0.5, -0.5))
    r = (within - power * arithmetic.LN2_HIGH) - power * arithmetic.LN2_LOW
    series = np.ones_like(r)
    for k in range(14, 0, -1):
        series = series * r / k + 1.0
    found = np.ldexp(series, power.astype(np.int32))
    found[x > 709.7] = np.inf
    found[x < -745.0] = 0.0
    return found


def _horner(coefficients: tuple[float, ...], x: Floats) -> Floats:
    value = np.zeros_like(x)
    for coefficient in coefficients:
        value *= x
        value += coefficient
    return value


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Floats) -> Floats:
    return _horner(coefficients[0], x) / _horner(coefficients[1], x)


def _normal_quantile(p: Floats) -> Floats:
    q = p - 0.5
    found = np.empty_like(q)
    centre = np.abs(q) <= 0.425
    inner = q[centre]
    r = 0.180625 - inner * inner
    found[centre] = inner * _horner(arithmetic.CENTRE[0], r) / _horner(arithmetic.CENTRE[1], r)
    if not centre.all():
        below, share = q[~centre] < 0.0, p[~centre]
        r = np.sqrt(-_log(np.where(below, share, 1.0 - share)))
        near = r <= 5.0
        value = np.empty_like(r)
        value[near] = _ratio(arithmetic.NEAR_TAIL, r[near] - 1.6)
        value[~near] = _ratio(arithmetic.FAR_TAIL, r[~near] - 5.0)
        found[~centre] = np.where(below, -value, value)
    return found


def _compiled(loop: Any) -> Any:
    def function(x: Floats) -> Floats:
        found = np.array(x, dtype=np.float64)
        loop(found)
        return found

    return function


if compiled is not None:
    log, exp, normal_quantile = map(_compiled, (compiled.log_all, compiled.exp_all, compiled.normal_quantile_all))
