"""How often a bare Raft group is there: an asker asks its voters again and again, while they fail and are repaired.

A voter that leads commits an entry before it answers yes; others answer no. So an ask tells two things: whether it was
served, and how many voters could be reached at all. The second is the control of the first: its expectation is the
closed-form law, whose assumption is that a majority serves whenever it is up.

It deliberately measures nothing but that; how long an election takes is `elections`' question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pydantic import BaseModel, ConfigDict

from simkit.card import Heard
from simkit.language.units import Duration
from simkit.network import RemoteError, RequestTimeout, Unreachable
from simkit.network.message import Message
from simkit.node import Event, Node
from simkit_nodes.blocks.raft import RaftError
from simkit_nodes.blocks.raft.server import RaftServer

SECOND: Final = 1_000_000_000
COMMIT_S: Final = 0.3
"""How long a leader may take to commit."""
ANSWER_S: Final = 0.5
"""How long a voter may take to answer."""


class Ask(Message, frozen=True, tag="database.ask/1"):
    """Does the group serve?"""


class Answered(Message, frozen=True, tag="database.answered/1"):
    """Whether who answers has committed an entry for it."""

    served: bool


class GroupAsked(Event, frozen=True, tag="group.asked"):
    """A group of voters was asked."""

    served: bool
    reached: int
    """How many voters have answered at all."""


async def answer(server: RaftServer, ask: Ask) -> Answered:
    """Commit an entry if this voter leads."""
    with suppress(RaftError, TimeoutError):
        async with asyncio.timeout(COMMIT_S):
            await server.propose(b"ask")
            return Answered(True)
    return Answered(False)


class AskerConfig(BaseModel):
    """Asks the voters whether they serve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Duration = Duration(5 * SECOND)
    """How often; longer than a voter may take to answer."""


class Asker(Node):
    """Asks."""

    config: AskerConfig

    async def run(self) -> None:
        voters = self.directory.of_role("voter")
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            # At fixed times, however long answers take: while voters are down nothing is asked more rarely.
            due_s += self.config.every.seconds
            await asyncio.sleep(due_s - loop.time())
            answers = [each for each in await asyncio.gather(*map(self._ask, voters)) if each is not None]
            served = any(each.served for each in answers)
            self.metrics.counter("group.asked").add(1)
            if served:
                self.metrics.counter("group.served").add(1)
            self.emit(GroupAsked(served, len(answers)))

    async def _ask(self, voter: str) -> Answered | None:
        try:
            return await self.network.request(voter, Ask(), ANSWER_S, Answered)
        except (RequestTimeout, RemoteError, Unreachable):
            return None


def majority_reached(heard: Sequence[Heard], window: tuple[int, int], *, members: int) -> float | None:
    """Return the share of asks in a window at which more than half of the voters were there; None without any."""
    reached = [
        event.reached > members // 2
        for time_ns, _, event in heard
        if isinstance(event, GroupAsked) and window[0] <= time_ns < window[1]
    ]
    return sum(reached) / len(reached) if reached else None
