"""Stores under schedules that a stream draws: power cuts that take the engine back, kills, cut links, splits, merges,
members that come and go, leases that move. What was acknowledged is there in the end, once, on every replica."""

import asyncio

import pytest
from store_site import Site

from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.range import Command, MergeTrigger, RangeDescriptor, SplitTrigger

KEYS = 200


class Schedule:
    """Draws deeds, and remembers what was acknowledged."""

    def __init__(self, seed):
        self.site = Site(5, seed=seed)
        self.stream = self.site.world.stream("schedule")
        self.acknowledged = {}
        self.unknown = {}
        self.next_range = 2
        self.down = {}
        self.site.elapse(2)

    def key(self):
        return b"%03d" % self.stream.below(KEYS)

    def replica_with(self, key):
        """The leaseholder of the range that has a key, as far as anybody says so."""
        for name in self.site.names:
            store = self.site.stores.get(name)
            if store is None:
                continue
            for replica in store.replicas.values():
                if replica.tenure and replica.descriptor.contains(key):
                    return name, replica
        return None

    def within(self, name, coroutine, seconds):
        """Run something at a store for so long; None if it fails or does not end."""

        async def bounded():
            try:
                async with asyncio.timeout(seconds):
                    return await coroutine, None
            except (DatabaseError, TimeoutError) as error:
                return None, error

        try:
            return self.site.on(name, bounded(), seconds + 1)
        except AssertionError:  # its host has died meanwhile
            return None, None

    def put(self, number):
        key, value = self.key(), b"%d" % number
        found = self.replica_with(key)
        if found is None:
            return
        name, replica = found
        done, error = self.within(name, self.propose(replica, Command(((b"k" + key, value),))), 1)
        if done:
            self.acknowledged[key] = value
            self.unknown.pop(key, None)
        elif type(error).__name__ not in ("NotLeaseholder", "RangeMismatch", "Overloaded"):
            self.unknown.setdefault(key, set()).add(value)

    @staticmethod
    async def propose(replica, command):
        await replica.propose(command)
        return True

    def change_shape(self):
        key = self.key()
        found = self.replica_with(key)
        if found is None:
            return
        name, replica = found
        before = replica.descriptor
        chance = self.stream.below(4)
        if chance == 0 and key > before.begin:
            left = RangeDescriptor(before.range_id, before.begin, key, before.replicas, before.generation + 1)
            right = RangeDescriptor(self.next_range, key, before.end, before.replicas, before.generation + 1)
            self.next_range += 1
            self.within(name, self.propose(replica, Command(trigger=SplitTrigger(left, right))), 1)
        elif chance == 1:
            self.merge(name, replica)
        elif chance == 2:
            other = self.stream.choice(self.site.names)
            move = replica.remove if other in before.replicas else replica.add
            if len(before.replicas) < 5 and not (other in before.replicas and len(before.replicas) <= 3):
                self.within(name, move(other), 3)
        else:

            async def hand_over():
                replica.transfer(self.stream.choice(before.replicas))

            self.within(name, hand_over(), 1)

    def merge(self, name, left):
        found = self.replica_with(left.descriptor.end)
        if found is None or found[1].descriptor.replicas != left.descriptor.replicas:
            return
        right = found[1]
        before, after = left.descriptor, right.descriptor
        index, _ = self.within(found[0], right.freeze(before, after.generation), 2)
        if index is not None and name in self.site.stores:
            generation = max(before.generation, after.generation) + 1
            whole = RangeDescriptor(before.range_id, before.begin, after.end, before.replicas, generation)
            trigger = MergeTrigger(before.generation, whole, after, index)
            self.within(name, self.propose(left, Command(trigger=trigger)), 2)

    def harm(self):
        name = self.stream.choice(self.site.names)
        if name in self.down or len(self.down) >= 2:
            return
        if self.stream.chance(0.6):
            shelf = self.site.shelves[name]
            self.site.power_cut(name, keep=self.stream.below(1 + len(shelf.batches) - shelf.durable))
        else:
            self.site.kill(name)
        self.down[name] = self.site.world.now_ns + self.stream.below(2_000_000_000)

    def mend(self, everybody=False):
        for name, until_ns in list(self.down.items()):
            if everybody or self.site.world.now_ns >= until_ns:
                self.site.start(name)
                del self.down[name]

    def run(self, steps):
        for number in range(steps):
            if self.stream.chance(0.7):
                self.put(number)
            elif self.stream.chance(0.5):
                self.change_shape()
            elif self.stream.chance(0.4):
                self.harm()
            self.mend()
            self.site.elapse(self.stream.uniform(0, 0.1))
        self.mend(everybody=True)
        self.site.elapse(6)

    def judge(self):
        site = self.site
        leads = [r for name in site.names for r in site.stores[name].replicas.values() if r.tenure or is_frozen_lead(r)]
        spans = sorted((r.descriptor.begin, r.descriptor.end) for r in leads)
        assert spans[0][0] == b""
        assert [end for _, end in spans] == [begin for begin, _ in spans[1:]] + [b"\xff"]
        for lead in leads:
            for name in lead.descriptor.replicas:
                assert self.rows(name, lead) == self.rows(lead.store.name, lead), (name, lead.descriptor)
        for lead in leads:
            rows = dict(self.rows(lead.store.name, lead))
            for key, value in self.acknowledged.items():
                if lead.descriptor.contains(key):
                    assert rows.get(b"k" + key) in {value, *self.unknown.get(key, ())}, (key, value)

    def rows(self, name, lead):
        begin, end = b"k" + lead.descriptor.begin, b"k" + lead.descriptor.end
        return self.site.on(name, self.site.stores[name].engine.scan(begin, end))


def is_frozen_lead(replica):
    """Whether a replica leads a range that a merge has left frozen: nobody thaws it here."""
    return replica.state is not None and replica.state.frozen and replica.raft.replication is not None


@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_is_there_in_the_end(seed):
    schedule = Schedule(seed)
    try:
        schedule.run(150)
        schedule.judge()
        assert len(schedule.acknowledged) > 20
    finally:
        schedule.site.close()


@pytest.mark.audit
@pytest.mark.parametrize("seed", range(100, 140))
def test_what_was_acknowledged_is_there_in_the_end_many_times(seed):
    schedule = Schedule(seed)
    try:
        schedule.run(400)
        schedule.judge()
    finally:
        schedule.site.close()
