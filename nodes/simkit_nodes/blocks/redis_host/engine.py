"""One Redis data engine: a private fakeredis server, its databases, its clock and the clients blocked on its keys.

It executes commands and says what changed. It is not a server: sockets belong to `server.py`, the append-only file to
`append_only_file.py`, and nothing here waits.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fakeredis._core import Database, FakeServer

from simkit_nodes.blocks.redis_host.containment import Entropy, running
from simkit_nodes.blocks.redis_host.resp import encode_command
from simkit_nodes.blocks.redis_host.scripting import Scripts

if TYPE_CHECKING:
    from simkit_nodes.blocks.redis_host.connection import Connection

Member = TypeVar("Member")


class OrderedMembers(Generic[Member]):
    """A set that remembers the order of arrival: pub/sub and key watchers must not be served in address order."""

    def __init__(self) -> None:
        self._members: dict[Member, None] = {}

    def add(self, member: Member) -> None:
        self._members[member] = None

    def discard(self, member: Member) -> None:
        self._members.pop(member, None)

    def remove(self, member: Member) -> None:
        del self._members[member]

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._members))

    def __len__(self) -> int:
        return len(self._members)


class ObservedDatabase(Database):
    """A fakeredis database that reports every changed key, and every key its expiry removed, to the engine."""

    def __init__(self, engine: Engine, number: int) -> None:
        super().__init__(engine.lock)
        watches: Any = defaultdict(OrderedMembers)
        self._watches = watches
        self._engine = engine
        self.number = number

    def notify_watch(self, key: bytes) -> None:
        for socket in self._watches.get(key, ()):
            socket.notify_watch()
        self._engine.key_changed(self, key)

    def wake_all(self) -> None:
        self._engine.serve_unblocked()

    def __getitem__(self, key: bytes) -> Any:
        item = self._dict[key]
        expires = item.expireat
        if expires is not None and expires < self.time:
            del self._dict[key]
            self._engine.key_expired(self, key)
            raise KeyError(key)
        return item

    def get(self, key: bytes, default: Any = None) -> Any:
        # The mapping's own `get` goes through an exception for every missing key; this is the hottest read there is.
        item = self._dict.get(key)
        if item is None:
            return default
        if item.expireat is not None and item.expireat < self.time:
            del self._dict[key]
            self._engine.key_expired(self, key)
            return default
        return item

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self.get(key) is not None

    def setdefault(self, key: bytes, default: Any = None) -> Any:
        item = self.get(key)
        if item is None:
            self[key] = item = default
        return item

    def _remove_expired(self) -> None:
        heap = self._expiry_heap
        while heap and heap[0][0] < self.time:
            _, key = heapq.heappop(heap)
            self.get(key)  # removes and reports the key if it is this entry that holds


class Engine(FakeServer):
    """A private fakeredis server on a host's clock and random stream.

    `wall_ns` is the host's Unix time in nanoseconds; `entropy` the host's random stream. `effects` collects, while a
    command runs, the words of every write that changed data, in the form in which it can be replayed; `take_effects`
    hands them over as bytes for the append-only file.
    """

    def __init__(self, wall_ns: Callable[[], int], entropy: Entropy) -> None:
        self.wall_ns = wall_ns
        self.entropy = entropy
        with self.as_running():
            super().__init__(version=(7, 4))
        self.dbs: Any = _Databases(self)
        self.subscribers: Any = defaultdict(OrderedMembers)
        self.psubscribers: Any = defaultdict(OrderedMembers)
        self.ssubscribers: Any = defaultdict(OrderedMembers)
        self.changes = 0  # key changes so far: what Redis calls dirty
        self.loading = False  # replaying the append-only file: nothing expires, nothing is recorded
        self.effects: list[list[bytes]] = []
        self.expired_keys = 0
        self._logged_database = -1
        self._waiting: dict[bytes, dict[Connection, None]] = {}
        self._signalled: list[tuple[ObservedDatabase, bytes]] = []
        self.scripts = Scripts()
        self._depth = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything fakeredis does happens inside this: the clock stands still, in whole milliseconds as in Redis."""
        if self._depth == 0:
            now = 0.0 if self.loading else self.wall_ns() // 1_000_000 / 1000.0
            for database in self.dbs.values():
                database.time = now
        self._depth += 1
        before, running.engine = running.engine, self
        try:
            yield
        finally:
            running.engine = before
            self._depth -= 1

    @contextmanager
    def as_running(self) -> Iterator[None]:
        """For fakeredis constructors, which look at the clock before there is any database."""
        before, running.engine = running.engine, self
        try:
            yield
        finally:
            running.engine = before

    # What the databases report

    def key_changed(self, database: ObservedDatabase, key: bytes) -> None:
        self.changes += 1
        if key in self._waiting:
            self._signalled.append((database, key))

    def key_expired(self, database: ObservedDatabase, key: bytes) -> None:
        self.expired_keys += 1
        self.record(database.number, [b"DEL", key])

    def expire_due(self) -> None:
        """Remove keys whose time has come although nobody asks for them (the active expire cycle)."""
        with self.running():
            for database in self.dbs.values():
                database._remove_expired()

    # Effects: what goes into the append-only file

    def record(self, database: int, words: list[bytes]) -> None:
        if self.loading:
            return
        if database != self._logged_database:
            self._logged_database = database
            self.effects.append([b"SELECT", b"%d" % database])
        self.effects.append(words)

    def take_effects(self) -> bytes:
        """The recorded effects as bytes for the log. What is handed over at once goes into one batch there, so that a
        script is replayed whole or not at all."""
        effects, self.effects = self.effects, []
        return b"".join([encode_command(words) for words in effects])

    # Clients blocked on keys

    def block(self, connection: Connection, words: list[bytes]) -> None:
        """Remember who waits for which keys. Every word of the command counts as a key: a superset is harmless."""
        for word in words:
            self._waiting.setdefault(word, {})[connection] = None

    def unblock(self, connection: Connection, words: list[bytes]) -> None:
        for word in words:
            waiters = self._waiting.get(word)
            if waiters is not None:
                waiters.pop(connection, None)
                if not waiters:
                    del self._waiting[word]

    def serve_blocked(self) -> None:
        """Give clients blocked on changed keys their turn, longest waiting first; each may change further keys."""
        while self._signalled:
            database, key = self._signalled.pop(0)
            for connection in list(self._waiting.get(key, ())):
                if key not in database:
                    break  # whoever came first has taken it all
                connection.retry_blocked()

    def serve_unblocked(self) -> None:
        """CLIENT UNBLOCK: give those with a reason to stop waiting their turn."""
        waiting = {connection: None for waiters in self._waiting.values() for connection in waiters}
        for connection in waiting:
            connection.retry_blocked()


class _Databases(dict[int, ObservedDatabase]):
    """Databases by number, made when first named."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def __missing__(self, number: int) -> ObservedDatabase:
        database = self[number] = ObservedDatabase(self._engine, number)
        database.time = 0.0 if self._engine.loading else self._engine.wall_ns() // 1_000_000 / 1000.0
        return database
