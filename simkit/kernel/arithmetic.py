"""Logarithm, exponential and normal quantile from IEEE 754 operations alone.

`math.log` and `math.exp` come from the machine's C library, and numpy's from the processor's vector unit: both differ
in the last bits between machines, and one bit is enough to reorder two messages. Addition, multiplication, division
and square root are exact to the last bit everywhere, so these functions give the same bits on every machine.

Twin of the functions in `core/stream.c`. They are deliberately not a mathematics library: accurate to a few units in
the last place, for drawing random numbers. Checks and figures, which never feed back into a run, use `math` and numpy.
"""

from math import frexp, inf, ldexp, sqrt

from simkit.kernel.core import compiled

LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
LOG2_E = float.fromhex("0x1.71547652b82fep+0")
SQRT_HALF = sqrt(0.5)
ODD_RECIPROCALS = tuple(1.0 / (2 * k + 1) for k in range(11, -1, -1))


def log(x: float) -> float:
    """Return the natural logarithm of `x` > 0, from ln m = 2 artanh((m - 1) / (m + 1))."""
    if x <= 0.0:
        raise ValueError(f"logarithm of {x}")
    mantissa, exponent = frexp(x)
    if mantissa < SQRT_HALF:
        mantissa *= 2.0
        exponent -= 1
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    series = 0.0
    for reciprocal in ODD_RECIPROCALS:
        series = series * z + reciprocal
    return exponent * LN2_HIGH + (exponent * LN2_LOW + 2.0 * s * series)


def exp(x: float) -> float:
    """Return e to the power `x`, from a Taylor series on [-ln 2 / 2, ln 2 / 2] and an exact power of two."""
    if x > 709.7:
        return inf
    if x < -745.0:
        return 0.0
    power = int(x * LOG2_E + (0.5 if x >= 0.0 else -0.5))
    r = (x - power * LN2_HIGH) - power * LN2_LOW
    series = 1.0
    for k in range(14, 0, -1):
        series = series * r / k + 1.0
    return ldexp(series, power)


def _horner(coefficients: tuple[float, ...], x: float) -> float:
    value = 0.0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value


# Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988), PPND16.
CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
NEAR_TAIL = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def normal_quantile(p: float) -> float:
    """Return the standard normal deviate below which a share `p` of the distribution lies; 0 < p < 1."""
    if not 0.0 < p < 1.0:
        raise ValueError(f"no normal quantile at {p}")
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * _horner(CENTRE[0], r) / _horner(CENTRE[1], r)
    r = sqrt(-log(p if q < 0.0 else 1.0 - p))
    numerator, denominator = NEAR_TAIL if r <= 5.0 else FAR_TAIL
    r -= 1.6 if r <= 5.0 else 5.0
    value = _horner(numerator, r) / _horner(denominator, r)
    return -value if q < 0.0 else value


if compiled is not None:
    log, exp, normal_quantile = compiled.log, compiled.exp, compiled.normal_quantile
