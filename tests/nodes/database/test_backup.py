"""Backups: one moment, whatever is written meanwhile; a file that is whole or refused; and a check that can fail.

It deliberately uses ranges without Raft: what replication does to a backup is in the scenario.
"""

from pathlib import Path

import pytest
from local_ranges import LocalRanges

from simkit.explore.run import run_scenario
from simkit.hosts.disk import Disk
from simkit.observe.history import Operation
from simkit_nodes.database.backup.backup import (
    RESTORED,
    BackupDamaged,
    back_up,
    digest_of,
    read_backup,
    restore,
    restored_digest,
)
from simkit_nodes.database.checks import BackupIsAState

SCENARIO = Path(__file__).parents[3] / "scenarios" / "database" / "backup_restore.yaml"
PREFIX = RESTORED + b"one/"


class Bank:
    """Twenty accounts on three ranges, a disk, and transfers that never end."""

    def __init__(self, seed=1):
        self.ranges = LocalRanges(seed, [b"a05", b"a12"])
        self.database = self.ranges.gateway()
        self.disk = Disk(self.ranges.world, "archive")
        self.moved = 0

    async def open(self):
        async def fill(transaction):
            for number in range(20):
                await transaction.put(b"a%02d" % number, b"100")

        await self.database.run(fill)

    async def transfers(self, count):
        draws = self.ranges.world.stream("bank")
        for _ in range(count):
            one, other = b"a%02d" % draws.below(20), b"a%02d" % draws.below(20)

            async def move(transaction, one=one, other=other):
                for key, change in ((one, -1), (other, 1)):
                    await transaction.put(key, b"%d" % (int(await transaction.get(key)) + change))

            if one != other:
                await self.database.run(move)
                self.moved += 1

    def now(self):
        return self.database.clock.now()


def total(backup):
    return sum(int(value) for _, value in backup.pairs)


@pytest.fixture
def bank():
    bank = Bank()
    bank.ranges.run(bank.open())
    yield bank
    bank.ranges.world.close()


def test_a_backup_is_one_moment_while_money_moves(bank):
    backup, _ = bank.ranges.run(back_up(bank.database, bank.disk, "one", bank.now(), page=2), bank.transfers(60))
    assert bank.moved > 40
    assert (len(backup.pairs), total(backup)) == (20, 2000)
    (again,) = bank.ranges.run(read_backup(bank.disk, "one"))
    assert again == backup


def test_pages_that_are_read_at_times_of_their_own_are_no_backup(bank):
    backup, _ = bank.ranges.run(back_up(bank.database, bank.disk, "one", None, page=1), bank.transfers(60))
    assert total(backup) != 2000


def test_what_was_backed_up_comes_back_under_a_prefix(bank):
    backup, _ = bank.ranges.run(back_up(bank.database, bank.disk, "one", bank.now()), bank.transfers(20))
    (restored,) = bank.ranges.run(restore(bank.database, bank.disk, "one", PREFIX))
    assert restored == backup
    (digest,) = bank.ranges.run(restored_digest(bank.database, PREFIX))
    assert digest == backup.digest
    (second,) = bank.ranges.run(back_up(bank.database, bank.disk, "two", bank.now()))
    assert len(second.pairs) == 20  # what was restored is not backed up again


@pytest.mark.parametrize("damage", ["truncated", "rotten", "empty"])
def test_a_damaged_backup_is_refused_and_nothing_of_it_is_written(bank, damage):
    bank.ranges.run(back_up(bank.database, bank.disk, "one", bank.now()))
    (content,) = bank.ranges.run(bank.disk.read("one"))
    damaged = {"truncated": content[:-30], "rotten": content[:50] + b"!" + content[51:], "empty": b""}[damage]
    bank.ranges.run(bank.disk.truncate("one", 0))
    bank.ranges.run(bank.disk.append("one", damaged))
    with pytest.raises(BackupDamaged, match=r"^one: ") as refused:
        bank.ranges.run(restore(bank.database, bank.disk, "one", PREFIX))
    assert refused.value.sqlstate == "XX001"
    (digest,) = bank.ranges.run(restored_digest(bank.database, PREFIX))
    assert digest == digest_of([])


# -- the check


def judged(*operations):
    check = BackupIsAState()
    for operation in operations:
        check.invoked(operation)
    check.conclude(100)
    return check


def taken(*inserted, total=0, digest="d", began=10, ended=20):
    output = {"digest": digest, "total": total, "inserted": list(inserted)}
    return Operation.past("archive", "backup", "b1", output, began=began, ended=ended)


def inserted(name, began, ended=None):
    return Operation.past(name, "insert", name, began=began, ended=ended)


def test_a_backup_may_hold_or_miss_what_was_written_while_it_was_taken():
    check = judged(inserted("a", 1, 2), inserted("b", 5, 15), inserted("c", 12, 30), inserted("d", 3), taken("a", "c"))
    assert (check.violations_total, check.undecided) == (0, "")
    assert check.summary() == "1 backups and 0 restorations, 0 faults in them"


@pytest.mark.parametrize(
    ("operations", "text"),
    [
        ([inserted("a", 1, 2), taken()], "a was acknowledged and is not in b1"),
        ([taken("a"), inserted("a", 21, 22)], "a is in b1, and began later"),
        ([taken(total=5)], "the accounts in b1 add up to 5, not to 0"),
        (
            [taken(), Operation.past("archive", "restore", "b1", {"digest": "e"}, began=30, ended=31)],
            "b1 comes back as something else",
        ),
    ],
)
def test_a_backup_that_was_never_a_state_is_told(operations, text):
    check = judged(*operations)
    assert [violation.text for violation in check.violations] == [text]
    assert check.violations[0].story[-1].text == text


def test_without_a_backup_nothing_is_decided():
    assert judged(inserted("a", 1, 2)).undecided == "no backup was taken"


# -- the scenario


def test_the_scenario_passes_and_pages_of_their_own_time_fail_it():
    smaller = ["duration=20s", *(f"load.{name}.until=16s" for name in ("transfers", "inserts", "backups", "restores"))]
    smaller += ["faults.deaths.until=14s", "faults.skew.until=14s", "faults.outage.at=10s", "load.restores.start=9s"]
    document = run_scenario(SCENARIO, overrides=smaller)
    assert document.error is None
    assert [each.verdict for each in document.expectations][:2] == ["pass", "pass"]
    broken = run_scenario(SCENARIO, variant="page_by_page", overrides=smaller)
    assert broken.as_declared, [(each.text, each.summary) for each in broken.expectations]
