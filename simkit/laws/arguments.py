"""What a law accepts as its arguments, and the words with which it refuses the rest.

It deliberately checks values only, never types: mypy does that.
"""

from math import isfinite


def positive(**named: float) -> None:
    """Refuse a value that is not finite and above zero."""
    for name, value in named.items():
        if not (isfinite(value) and value > 0):
            raise ValueError(f"{name} must be finite and above zero, not {value}")


def not_negative(**named: float) -> None:
    """Refuse a value that is not finite or is below zero."""
    for name, value in named.items():
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and not below zero, not {value}")


def fraction(**named: float) -> None:
    """Refuse a value outside [0, 1]."""
    for name, value in named.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, not {value}")


def proper_fraction(**named: float) -> None:
    """Refuse a value outside (0, 1): both ends have no answer."""
    for name, value in named.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie strictly between 0 and 1, not {value}")


def exponent(**named: float) -> None:
    """Refuse a power of e beyond what a float can say."""
    for name, value in named.items():
        if not value <= 700:
            raise ValueError(f"{name} must be at most 700, not {value:g}: the answer would be no number any more")


def count(least: int = 1, /, **named: int) -> None:
    """Refuse a value that is not a whole number of at least `least`."""
    for name, value in named.items():
        if value != value // 1 or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, not {value}")


def same_length(**named: int) -> None:
    """Refuse lists of different lengths, or empty ones; the values are the lengths."""
    if len(set(named.values())) > 1 or 0 in named.values():
        lengths = ", ".join(f"{name} has {length}" for name, length in named.items())
        raise ValueError(f"one value of each kind is needed, but {lengths}")


def steady(load_erlangs: float, servers: int = 1) -> None:
    """Refuse a load that the servers cannot carry: the queue grows for ever and no law of its steady state holds."""
    if load_erlangs >= servers:
        raise ValueError(f"a load of {load_erlangs:g} erlangs has no steady state on {servers} server(s)")
