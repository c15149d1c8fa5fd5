"""Changes that operators make: rolling restarts and deploys, config pushes, feature flags.

Most outages are made by a change and not by a machine. What is changed is checked as the file's own `config:` is, so
that a bad value is one that the program accepts.

They deliberately judge nothing: whether a rollout should have stopped at its first host is for the expectations.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, Field, model_validator

from simkit.fault import Arena, Condition, Plan, Reconfiguring, held
from simkit.hosts.host import GRACE_NS, Host
from simkit.language.problem import Refusal
from simkit.language.units import Duration

SECOND = 10**9
Tree = dict[str, Any]


class RollingRestart(Plan):
    """The hosts are stopped and started one batch after the other: SIGTERM, a grace period, SIGKILL, boot.

    Seen: in every deploy. Where a batch starts before the last one has caught up, a rolling restart is an outage of
    everything; Kubernetes and others therefore wait for readiness, which a fixed pause only imitates.
    """

    word = "rolling_restart"
    disables = False

    batch: int = Field(default=1, ge=1, le=10_000)
    """How many hosts are down together."""
    grace: Duration = Duration(GRACE_NS)
    """How long a process may take to end by itself."""
    down: Duration = Field(default=Duration(2 * SECOND), gt=0)
    """How long after the signal a host may boot again; one that still ends then boots when it has."""
    between: Duration = Duration(10 * SECOND)
    """How long after that the next batch begins."""

    async def carry_out(self, arena: Arena, targets: tuple[Host, ...]) -> None:
        """See `Plan.carry_out`."""
        for first in range(0, len(targets), self.batch):
            batch = targets[first : first + self.batch]
            with held(batch, "stop", grace_ns=int(self.grace)):
                self._change(arena, batch)
                await asyncio.sleep(int(self.down) / SECOND)
            await asyncio.sleep(int(self.between) / SECOND)

    def _change(self, arena: Arena, batch: tuple[Host, ...]) -> None:
        """Change what boots next; a mere restart changes nothing."""


class Deploy(RollingRestart, Reconfiguring):
    """A rolling restart after which the hosts run with other settings, or another version of the program, for good.

    Seen: Knight Capital, 1 August 2012, a deploy that missed one of eight servers revived code that nobody used any
    more (SEC release 34-70694); versions that run side by side are where most upgrade failures are (Zhang et al.,
    "Understanding and Detecting Software Upgrade Failures in Distributed Systems", SOSP 2021).
    """

    word = "deploy"

    set: Tree = Field(default_factory=dict)
    """Settings as under `config:` of the role."""
    version: str = ""
    """The version of the program, of those that the role declares."""

    @model_validator(mode="after")
    def _something(self) -> "Deploy":
        if not self.set and not self.version:
            raise Refusal("a deploy changes something: `set:` some settings or install a `version:`")
        return self

    def settings(self, config: BaseModel) -> Mapping[str, Any]:
        """See `Reconfiguring.settings`."""
        return self.set

    @property
    def program_version(self) -> str | None:
        """See `Reconfiguring.program_version`."""
        return self.version or None

    def _change(self, arena: Arena, batch: tuple[Host, ...]) -> None:
        assert arena.software is not None
        for host in batch:
            if self.set:
                arena.software.configure(host, self.settings)
            if self.version:
                arena.software.install(host, self.version)


class _Push(Condition, Reconfiguring):
    """Settings of running processes change, host by host, and change back at the end."""

    disables = False

    over: Duration = Duration(0)
    """Over how long the hosts get it one after the other, in an order drawn at random; all at once without it."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`; a process that starts on a host that has the new settings starts with them."""
        software, world = arena.software, arena.world
        assert software is not None
        undoing: list[Callable[[], None]] = []

        def push(host: Host) -> None:
            undoing.append(software.configure(host, self.settings, live=True))

        order = arena.stream.sample(targets, len(targets)) if self.over else targets
        posted = [
            world.post(world.now_ns + int(self.over) * place // len(targets), world.control, push, host)
            for place, host in enumerate(order)
        ]
        try:
            yield
        finally:
            for each in posted:
                each.cancel()
            for undo in undoing:
                undo()


class ConfigPush(_Push):
    """Running processes are given other settings; at the end they are given back the old ones.

    Seen: Facebook, 23 September 2010, an invalid value that every client tried to mend; Google Cloud, 2 June 2019, a
    configuration meant for a few machines reached many; Cloudflare, 2 July 2019, everywhere within seconds.
    """

    word = "config_push"

    set: Tree = Field(min_length=1)
    """Settings as under `config:` of the role."""

    def settings(self, config: BaseModel) -> Mapping[str, Any]:
        """See `Reconfiguring.settings`."""
        return self.set


class FlagFlip(_Push):
    """A setting that is on or off is the other way round, at once, without a restart.

    Seen: Knight Capital, 1 August 2012, a flag that was used again for something new still turned on the old; CircleCI
    and others tell of flags that switch off what they should not.
    """

    word = "flag_flip"

    flag: str = Field(min_length=1, max_length=100)
    """The setting, by name; of a nested one the names with dots."""

    def settings(self, config: BaseModel) -> Mapping[str, Any]:
        """See `Reconfiguring.settings`."""
        *path, name = self.flag.split(".")
        found: Any = config
        for part in [*path, name]:
            found = getattr(found, part, None)
        if not isinstance(found, bool):
            raise ValueError(f"`{self.flag}` is no setting that is on or off")
        tree: dict[str, Any] = {name: not found}
        for part in reversed(path):
            tree = {part: tree}
        return tree
