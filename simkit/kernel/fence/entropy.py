"""The host's own randomness behind every source of entropy.

Entropy is a named stream of each host: `os.urandom`, `os.getrandom`, OpenSSL, and with them `secrets`, `uuid4`,
`random.SystemRandom` and numpy's generators. The functions of the module `random` belong to a generator that each
process of each host has for itself, seeded from that entropy like the one in a real process; it can be seeded.

It deliberately does not separate what libraries share between all hosts of an interpreter: numpy's old global generator
is seeded once for each world.
"""

import random
import sys
from collections.abc import Callable
from typing import Any

from simkit.kernel.fence import whereabouts
from simkit.kernel.fence.diversion import divert, uncovered
from simkit.kernel.fence.whereabouts import compiled, here
from simkit.kernel.loop import HostLoop
from simkit.kernel.stream import Stream

_SHARED: Any = random._inst
_STATE_BYTES = 32


def entropy(loop: HostLoop) -> Stream:
    """Return the stream of a host's entropy."""
    try:
        return loop.entropy  # type: ignore[attr-defined, no-any-return]
    except AttributeError:
        loop.entropy = loop.world.stream(f"entropy/{loop.name}")  # type: ignore[attr-defined]
        return loop.entropy  # type: ignore[attr-defined, no-any-return]


def urandom(loop: HostLoop, size: int, flags: int = 0) -> bytes:
    """Answer `os.urandom` and `os.getrandom`."""
    if size < 0:
        raise ValueError("negative argument not allowed")
    return entropy(loop).bytes(size)


def _seed_of(loop: HostLoop) -> int:
    return int.from_bytes(entropy(loop).bytes(_STATE_BYTES), "little")


def generator(loop: HostLoop) -> random.Random:
    """Return what stands behind the functions of `random` in the process that this loop is."""
    try:
        return loop.generator  # type: ignore[attr-defined, no-any-return]
    except AttributeError:
        loop.generator = random.Random(_seed_of(loop))  # type: ignore[attr-defined]
        return loop.generator  # type: ignore[attr-defined, no-any-return]


class SharedRandom(random.Random):
    """The class of the generator behind the module `random`, whose state is each host's own in host code."""

    @property
    def gauss_next(self) -> float | None:
        """The second half of a pair of normal draws."""
        loop = here()
        return self.__dict__.get("gauss_next") if loop is None else generator(loop).gauss_next  # type: ignore[attr-defined]

    @gauss_next.setter
    def gauss_next(self, value: float | None) -> None:
        loop = here()
        if loop is None:
            self.__dict__["gauss_next"] = value
        else:
            generator(loop).gauss_next = value  # type: ignore[attr-defined]


def _of_generator(name: str) -> Callable[..., Any]:
    """Return what answers a method of the shared generator: the same method of the host's."""
    method = getattr(sys.modules["_random"].Random, name)

    def answer(loop: HostLoop, _: Any, *arguments: Any) -> Any:
        if name == "seed" and arguments in ((), (None,)):
            arguments = (_seed_of(loop),)
        return method(generator(loop), *arguments)

    return answer


def _divert_module_random() -> None:
    base = sys.modules["_random"].Random
    methods = ("random", "getrandbits", "seed", "getstate", "setstate")
    if compiled is not None:
        for name in methods:
            # What other generators do is not asked about: only the one behind the module is diverted.
            divert(base, name, _of_generator(name), only=_SHARED)
        _SHARED.__class__ = SharedRandom
        return
    body = {name: _asking_method(name) for name in methods}
    _SHARED.__class__ = type("SharedRandom", (SharedRandom,), body)
    for name in methods:
        setattr(random, name, getattr(_SHARED, name))


def _asking_method(name: str) -> Callable[..., Any]:
    plain = getattr(random.Random, name)

    def method(self: Any, *arguments: Any) -> Any:
        loop = here()
        return plain(self if loop is None else generator(loop), *arguments)

    return method


class ImportedRandom(random.Random):
    """The class of a generator made without a seed outside of host code, as by a default argument of a library.

    Every host that draws from it has one of its own in its place, made when it first does.
    """

    def _place(self) -> random.Random:
        loop = here()
        if loop is None:
            return self
        try:
            own = loop.imported_generators  # type: ignore[attr-defined]
        except AttributeError:
            own = loop.imported_generators = {}  # type: ignore[attr-defined]
        if self not in own:
            own[self] = random.Random(_seed_of(loop))
        found: random.Random = own[self]
        return found

    def random(self) -> float:
        return _RANDOM(self._place())

    def getrandbits(self, k: int, /) -> int:
        return _GETRANDBITS(self._place(), k)

    def seed(self, a: Any = None, version: int = 2) -> None:
        place = self._place()
        _SEED(place, _seed_of(loop) if a is None and (loop := here()) is not None else a, version)

    def getstate(self) -> tuple[Any, ...]:
        return _GETSTATE(self._place())

    def setstate(self, state: tuple[Any, ...]) -> None:
        _SETSTATE(self._place(), state)

    @property
    def gauss_next(self) -> float | None:
        """The second half of a pair of normal draws."""
        place = self._place()
        return self.__dict__.get("gauss_next") if place is self else place.gauss_next  # type: ignore[attr-defined]

    @gauss_next.setter
    def gauss_next(self, value: float | None) -> None:
        vars(self._place())["gauss_next"] = value


_RANDOM, _GETRANDBITS = random.Random.random, random.Random.getrandbits
_SEED, _GETSTATE, _SETSTATE = random.Random.seed, random.Random.getstate, random.Random.setstate


def _seed_the_unseeded() -> None:
    """Let `random.Random()` without a seed take one from the host that makes it, or from each that draws from it."""

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        loop = here() if a is None else None
        _SEED(self, a if loop is None else _seed_of(loop), version)
        if a is None and loop is None and type(self) is random.Random and self is not _SHARED:
            self.__class__ = ImportedRandom

    random.Random.seed = seed  # type: ignore[method-assign]


def _divert_openssl() -> None:
    try:
        import _ssl
        import ssl
    except ImportError:
        return
    path = getattr(_ssl, "__file__", None)
    if compiled is None or path is None or not compiled.divert_openssl(path, urandom):
        uncovered.append("OpenSSL's random source inside TLS")
        divert(_ssl, "RAND_bytes", urandom)
        ssl.RAND_bytes = _ssl.RAND_bytes


def _begin(control: HostLoop) -> None:
    """Give a world what libraries share between all hosts as no other world has touched it."""
    import numpy as np

    np.random.seed(control.world.stream("entropy/numpy").bits64() >> 32)
    for module, name in (("tempfile", "_name_sequence"), ("uuid", "_last_timestamp")):
        if module in sys.modules:
            setattr(sys.modules[module], name, None)


def install() -> None:
    """Divert every source of entropy."""
    import os

    divert(os, "urandom", urandom)
    divert(os, "getrandom", urandom)
    if compiled is None:
        random._urandom = os.urandom  # type: ignore[attr-defined]
    _seed_the_unseeded()
    _divert_module_random()
    _divert_openssl()
    whereabouts.beginnings.append(_begin)
