"""What fakeredis reads from the world around it, redirected to the engine whose command is running.

fakeredis takes time from `time.time()` in a dozen modules, chance from the global `random` and `secrets`. Each of
those modules gets a stand-in under the same name that asks the running engine; a call while no engine runs is an
error, never a silent real value. Found in fakeredis 2.40.0, with the remedy:

- wall clock: `time.time()` for expiry, TIME, stream ids, client ages      -> `VirtualTime`, the host's clock
- chance: `random` in SPOP, SRANDMEMBER, HRANDFIELD, RANDOMKEY, TOPK       -> `EngineChance`, the host's stream
- `secrets.token_hex` in ACL GENPASS                                       -> the same stream
- sets of callbacks and weak sets of sockets iterated in address order     -> ordered, in `engine.py`
- `threading.Lock`/`Event` per server and socket: never contended, no thread is started by the classes used here
- blocking commands wait on threads or on asyncio events in set order      -> our own queue of waiters, `connection.py`
- Lua: the runtime opens `os`, `io`, `python`, C `rand()`; each call compiles again and ends in a full collection
                                                                           -> sandbox and cache, `scripting.py`
- DUMP and RESTORE are pickle: code from the network                        -> refused
- `FakeServer._servers_map`, one server per address for the whole process  -> never used: every engine owns its server
- `_file_no_counter` counts sockets of the process; the number is shown nowhere

redis-py 8.1 and 5.3.1, client side: default retries draw jitter from `random` (pass `Retry(NoBackoff(), 0)` and retry
in our own code), a pool keeps busy connections in a set (one connection per pool here), lock tokens are `uuid1`
(unused).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol

import fakeredis
import fakeredis._socket

PINNED = "2.40.0"


class Entropy(Protocol):
    """The random draws an engine needs; `simkit.kernel.stream.Stream` has them."""

    def below(self, n: int) -> int: ...
    def random(self) -> float: ...
    def bits64(self) -> int: ...
    def choice(self, seq: Sequence[Any]) -> Any: ...
    def sample(self, seq: Sequence[Any], k: int) -> list[Any]: ...


class RunningEngine(Protocol):
    """What the stand-ins ask of an engine while one of its commands runs."""

    entropy: Entropy

    def wall_ns(self) -> int: ...


class _Running:
    """Holds the engine whose command is being executed: one interpreter runs one command at a time."""

    engine: RunningEngine | None = None

    def get(self) -> RunningEngine:
        if self.engine is None:
            raise RuntimeError("fakeredis asked for time or chance while no engine was running a command")
        return self.engine


running = _Running()


class VirtualTime:
    """Stands where fakeredis modules keep the `time` module."""

    @staticmethod
    def time() -> float:
        return running.get().wall_ns() / 1e9

    @staticmethod
    def monotonic() -> float:
        return running.get().wall_ns() / 1e9


class EngineChance:
    """Stands where fakeredis modules keep the `random` and `secrets` modules."""

    @staticmethod
    def random() -> float:
        return running.get().entropy.random()

    @staticmethod
    def randrange(stop: int) -> int:
        return running.get().entropy.below(stop)

    @staticmethod
    def getrandbits(bits: int) -> int:
        return running.get().entropy.bits64() >> (64 - bits)

    @staticmethod
    def sample(population: Sequence[Any], count: int) -> list[Any]:
        return running.get().entropy.sample(list(population), count)

    @staticmethod
    def choices(population: Sequence[Any], k: int = 1) -> list[Any]:
        entropy = running.get().entropy
        items = list(population)
        return [entropy.choice(items) for _ in range(k)]

    @staticmethod
    def token_hex(size: int = 32) -> str:
        entropy = running.get().entropy
        return "".join(f"{entropy.below(256):02x}" for _ in range(size))

    @staticmethod
    def seed(value: Any) -> None:
        """TOPK seeds the global generator from the clock; there is nothing to seed here."""


def contain() -> list[str]:
    """Install the stand-ins in every loaded fakeredis module; returns `module.name` of each place. May be repeated."""
    if fakeredis.__version__ != PINNED:
        raise RuntimeError(f"fakeredis is {fakeredis.__version__}; this code relies on the internals of {PINNED}")
    stand_ins: dict[str, Any] = {"time": VirtualTime, "random": EngineChance, "secrets": EngineChance}
    places: list[str] = []
    for name in sorted(sys.modules):
        if not name.startswith("fakeredis"):
            continue
        module = sys.modules[name]
        for attribute, stand_in in stand_ins.items():
            value = getattr(module, attribute, None)
            if isinstance(value, ModuleType) and value.__name__ == attribute:
                setattr(module, attribute, stand_in)
            if getattr(module, attribute, None) is stand_in:
                places.append(f"{name}.{attribute}")
    return places


PLACES = tuple(contain())
