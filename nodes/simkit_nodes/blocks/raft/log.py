"""The log of one server: a snapshot, and the entries after it.

It knows how far it has been handed to the driver and how far it is durable, and which entries hold configurations.
Indexes begin at 1; the snapshot stands for the entry at its own index.

It deliberately is not on a disk: the driver writes what `Ready` hands out, and gives it back after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from simkit_nodes.blocks.raft.configuration import Configuration
from simkit_nodes.blocks.raft.messages import Entry, Snapshot


class Log:
    """Entries with terms.

    Args:
        snapshot: what came before the entries; index and term 0 for a new group, with its first configuration.
        entries: that are durable already; ValueError if they do not follow the snapshot without gaps.

    Attributes:
        snapshot_index, snapshot_term: of the last entry that is discarded.
        last_index: of the last entry, or of the snapshot if there is none.
        handed_index: up to where the driver has been given entries to write.
        durable_index: up to where they are written.
    """

    def __init__(self, snapshot: Snapshot, entries: Iterable[Entry] = ()) -> None:
        self._entries: list[Entry] = []
        self._configurations: list[tuple[int, Configuration]] = []
        self.snapshot_index = self.snapshot_term = 0
        self.last_index = self.handed_index = self.durable_index = 0
        self.restore(snapshot)
        for entry in entries:
            if entry.index != self.last_index + 1:
                raise ValueError(f"entry {entry.index} does not follow {self.last_index}")
            self.append((entry,))
        self.handed_index = self.durable_index = self.last_index

    # -- what it holds

    @property
    def last_term(self) -> int:
        """The term of the last entry."""
        return self._entries[-1].term if self._entries else self.snapshot_term

    def term(self, index: int) -> int | None:
        """Return the term of an entry; None if it is discarded or not there yet."""
        place = index - self.snapshot_index - 1
        if 0 <= place < len(self._entries):
            return self._entries[place].term
        return self.snapshot_term if place == -1 else None

    def between(self, first: int, last: int) -> list[Entry]:
        """Return the entries from `first` to `last`, both included; IndexError if one of them is discarded."""
        begin = first - self.snapshot_index - 1
        if begin < 0:
            raise IndexError(f"entry {first} is discarded up to {self.snapshot_index}")
        return self._entries[begin : last - self.snapshot_index]

    def batch(self, first: int, entries_max: int, bytes_max: int) -> tuple[Entry, ...]:
        """Return entries from `first` on that one message may carry; at least one if there is one."""
        entries = self.between(first, min(self.last_index, first + entries_max - 1))
        size = 0
        for count, entry in enumerate(entries):
            size += len(entry.data)
            if size > bytes_max and count:
                return tuple(entries[:count])
        return tuple(entries)

    def conflict(self, index: int) -> tuple[int, int]:
        """Return the term of the entry at `index` and the first index of that term here; 0 and the end if none."""
        if index > self.last_index:
            return 0, self.last_index + 1
        term = self.term(index)
        if term is None:
            return 0, self.snapshot_index + 1
        while index > self.snapshot_index + 1 and self.term(index - 1) == term:
            index -= 1
        return term, index

    def last_of_term(self, term: int, index: int) -> int:
        """Return the last entry of a term at or before `index`, 0 if there is none."""
        for place in range(min(index, self.last_index), self.snapshot_index, -1):
            found = self.term(place) or 0
            if found <= term:
                return place if found == term else 0
        return 0

    def is_more_current_than(self, last_index: int, last_term: int) -> bool:
        """Return whether this log is more up-to-date than one that ends so (section 5.4.1)."""
        return (self.last_term, self.last_index) > (last_term, last_index)

    def runs(self) -> tuple[tuple[int, int], ...]:
        """Return where each term begins, as (index, term), from the snapshot on."""
        runs = [(self.snapshot_index, self.snapshot_term)]
        for entry in self._entries:
            if entry.term != runs[-1][1]:
                runs.append((entry.index, entry.term))
        return tuple(runs)

    # -- configurations

    @property
    def configuration(self) -> Configuration:
        """The latest configuration in the log, committed or not."""
        return self._configurations[-1][1]

    @property
    def configuration_index(self) -> int:
        """The index of the entry that holds it."""
        return self._configurations[-1][0]

    def configuration_at(self, index: int) -> Configuration:
        """Return the configuration that the entries up to `index` leave, for a snapshot that is made there."""
        return next(made for begin, made in reversed(self._configurations) if begin <= index)

    # -- changes

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries at the end."""
        self._entries.extend(entries)
        self.last_index += len(entries)
        for entry in entries:
            if entry.kind == "configuration":
                self._configurations.append((entry.index, Configuration.decode(entry.data)))

    def truncate(self, index: int) -> None:
        """Remove the entry at `index` and all after it."""
        del self._entries[index - self.snapshot_index - 1 :]
        self.last_index = index - 1
        self.handed_index = min(self.handed_index, self.last_index)
        self.durable_index = min(self.durable_index, self.last_index)
        while len(self._configurations) > 1 and self._configurations[-1][0] >= index:
            self._configurations.pop()

    def compact(self, index: int) -> None:
        """Discard the entries up to `index`, which a snapshot or a durable state machine contains."""
        term = self.term(index)
        if term is None or index <= self.snapshot_index:
            return
        base = (index, self.configuration_at(index))
        del self._entries[: index - self.snapshot_index]
        self.snapshot_index, self.snapshot_term = index, term
        self._configurations = [base, *(each for each in self._configurations if each[0] > index)]

    def restore(self, snapshot: Snapshot) -> None:
        """Discard everything in favour of a snapshot."""
        self._entries.clear()
        self.snapshot_index, self.snapshot_term = snapshot.index, snapshot.term
        self.last_index = self.handed_index = self.durable_index = snapshot.index
        self._configurations = [(snapshot.index, snapshot.configuration)]

    # -- the driver

    def hand_out(self) -> tuple[Entry, ...]:
        """Return the entries that the driver has not been given yet."""
        if self.handed_index == self.last_index:
            return ()
        entries = self.between(self.handed_index + 1, self.last_index)
        self.handed_index = self.last_index
        return tuple(entries)

    def durable(self, index: int, term: int) -> bool:
        """Note that the log is on the disk up to an entry, if that is still the entry there; return whether it is."""
        if index <= self.durable_index or self.term(index) != term:
            return False
        self.durable_index = index
        return True
