"""Virtual times and durations in words, the same everywhere a person reads them.

A moment is written ``06:30.311`` (or ``1:06:30.311`` after an hour), a duration ``90 s``, ``20 min`` or ``1.4 ms``.

It deliberately parses nothing: reading times from files is the language's business.
"""

NANOSECONDS = 1_000_000_000
_UNITS = ((3_600 * NANOSECONDS, "h"), (60 * NANOSECONDS, "min"), (NANOSECONDS, "s"), (1_000_000, "ms"), (1_000, "us"))


def moment(time_ns: int, *, digits: int = 3) -> str:
    """Return a virtual time as ``[h:]mm:ss.fff``, cut (not rounded) to `digits` decimals, so that order is kept."""
    sign = "-" if time_ns < 0 else ""
    seconds, rest_ns = divmod(abs(time_ns), NANOSECONDS)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{sign}{hours}:{minutes:02}:{seconds:02}" if hours else f"{sign}{minutes:02}:{seconds:02}"
    return f"{text}.{rest_ns:09}"[: len(text) + 1 + digits] if digits else text


def span(duration_ns: int) -> str:
    """Return a duration with the largest unit that keeps it short: ``90 s``, ``20 min``, ``1.4 ms``, ``0 s``."""
    if duration_ns == 0:
        return "0 s"
    for size_ns, unit in _UNITS:
        # 90 s reads better than 1.5 min: a larger unit is taken where it divides the duration or fits twice.
        whole = duration_ns % size_ns == 0 or unit in ("s", "ms", "us")
        if abs(duration_ns) >= size_ns and (whole or abs(duration_ns) >= 2 * size_ns):
            return f"{number(duration_ns / size_ns)} {unit}"
    return f"{duration_ns} ns"


def number(value: float) -> str:
    """Return a number with three or more significant digits, thousands separated: ``1,204``, ``0.0042``."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.2e}"
    decimals = next((places for places in range(7) if abs(value) * 10**places >= 99.5), 6)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
