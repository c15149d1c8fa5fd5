"""The outside world that tasks change: a host that takes effects, durably, and turns away what must not happen twice.

With a fencing token it refuses what comes from an older lease than the newest it has seen for the task, and what has
already taken effect under its idempotency key; without one (token 0) it does as it is told. It is not a database: it
stands for whatever a task calls, and its log is the block that the broker uses too.

Source: M. Kleppmann, "How to do distributed locking" (2016), for the token; the key is what payment services call an
idempotency key.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from simkit.network.handlers import current_origin, handles
from simkit.network.message import Message
from simkit.node import Node
from simkit_nodes.blocks.redis_host.append_only_file import AppendOnlyFile, SyncPolicy
from simkit_nodes.blocks.redis_host.resp import encode_command
from simkit_nodes.task_queue.config import EffectsConfig
from simkit_nodes.task_queue.events import EffectApplied, EffectRefused


class ApplyEffect(Message, frozen=True, tag="task_queue.apply_effect/1"):
    """A worker asks for one effect. `token` 0 asks for no protection."""

    key: str
    task: str
    attempt: int
    token: int


class EffectReply(Message, frozen=True, tag="task_queue.effect_reply/1"):
    """What became of it: applied, stale or duplicate. It is durable when this is sent."""

    outcome: str


class Fence:
    """What stands before the effects: it knows which took place, and says of the next whether it may.

    It is made anew at every boot, and is then told again of everything that took place. Lessons let students write it.
    """

    def __init__(self) -> None:
        self.applied: set[str] = set()
        self.newest: dict[str, int] = {}

    def remember(self, key: str, task: str, token: int) -> None:
        """Hear of an effect that takes place, or of one found in the log after a restart."""
        self.applied.add(key)
        self.newest[task] = max(token, self.newest.get(task, 0))

    def refusal(self, key: str, task: str, token: int) -> str:
        """Say why an effect must not take place, stale or duplicate; "" if it may. Token 0 asks for no protection."""
        if not token:
            return ""
        if token < self.newest.get(task, 0):
            return "stale"
        self.newest[task] = token
        return "duplicate" if key in self.applied else ""


class Effects(Node):
    """Takes effects, remembers them."""

    config: EffectsConfig
    fence_class: ClassVar[type[Any]] = Fence

    def __init__(self) -> None:
        self.fence = self.fence_class()
        self.waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def run(self) -> None:
        self.log_file = AppendOnlyFile(self.disk, SyncPolicy.ALWAYS, path="effects.log", on_release=self._released)
        self.serving = asyncio.Event()
        await self.log_file.recover(self._replay)
        self.serving.set()
        await self.log_file.run()

    def _replay(self, words: list[bytes]) -> None:
        _, key, task, token = words
        self.fence.remember(key.decode(), task.decode(), int(token))

    @handles(ApplyEffect)
    async def apply(self, request: ApplyEffect) -> EffectReply:
        await self.serving.wait()
        worker = current_origin.get().source
        refusal = self.fence.refusal(request.key, request.task, request.token)
        if not refusal:
            self.fence.remember(request.key, request.task, request.token)
            words = (b"EFFECT", request.key, request.task, request.token)
            await self._durable(self.log_file.append(encode_command(words)))
            self.emit(EffectApplied(request.key, request.task, worker, request.attempt, request.token))
            return EffectReply("applied")
        await self._durable(self.log_file.end)
        self.emit(
            EffectRefused(request.key, request.task, worker, request.attempt, request.token, refusal),
        )
        return EffectReply(refusal)

    async def _durable(self, offset: int) -> None:
        if offset > self.log_file.released:
            future = asyncio.get_running_loop().create_future()
            self.waiting.append((offset, future))
            await future

    def _released(self) -> None:
        released = self.log_file.released
        done = [future for offset, future in self.waiting if offset <= released]
        self.waiting = [pair for pair in self.waiting if pair[0] > released]
        for future in done:
            if not future.done():
                future.set_result(None)
