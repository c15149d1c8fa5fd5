"""The sender: brings requests to the leaseholders of their ranges, in parallel, and corrects what it knew wrongly.

It learns from every answer: who holds a lease, how a range was split or merged. A request that may be repeated is
repeated until its deadline; one that may have happened already, and would happen again, is an `AmbiguousResult`.

It deliberately decides nothing about transactions: what is about a timestamp goes back to the coordinator.

Source: CockroachDB's DistSender (Taft et al. 2020, section 2.2), in its roles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from simkit.network.errors import RemoteError, RequestTimeout, Unreachable
from simkit_nodes.blocks.hybrid_logical_clock import ClockAhead, HybridLogicalClock
from simkit_nodes.database.errors import AmbiguousResult, ClockUntrusted, RangeMismatch, Unavailable
from simkit_nodes.database.messages import (
    Batch,
    ConditionalPut,
    Header,
    Put,
    QueryResolvedTimestamp,
    Reason,
    Reply,
    Request,
    ResolvedTimestamp,
    Response,
    Rows,
    Scan,
    Trouble,
    span_of,
)
from simkit_nodes.database.range import META_PREFIX, RangeDescriptor
from simkit_nodes.database.ranges.routing_cache import Route, RoutingCache
from simkit_nodes.database.ranges.sent import Sent, both, joined
from simkit_nodes.database.transactions.evaluation import Refused

REPLY_TIMEOUT_S: Final = 1.0
"""How long one store may take; longer than it lets a request wait for locks."""
PAUSE_S: Final = 0.01
"""Before a store is asked again that had no better answer; every further pause of a request is twice as long."""
PAUSE_MAX_S: Final = 0.16
"""The longest pause: little against an election, which is what most requests wait for."""

Transport = Callable[[str, Batch], Awaitable[Reply]]
"""Sends a batch to a store and returns its reply; RequestTimeout, RemoteError or Unreachable if there is none."""

decode_descriptor = msgspec.msgpack.Decoder(RangeDescriptor).decode
encode_descriptor = msgspec.msgpack.Encoder().encode
changed = msgspec.structs.replace

_TO_COORDINATOR = frozenset((Reason.UNCERTAIN, Reason.RETRY, Reason.ABORTED, Reason.TOO_OLD))


@dataclass(slots=True)
class BackOff:
    """How long the next pause of a request is."""

    pause_s: float = PAUSE_S

    def next_s(self) -> float:
        """Return the length of a pause that begins now."""
        pause_s = self.pause_s
        self.pause_s = min(2 * pause_s, PAUSE_MAX_S)
        return pause_s


@dataclass(frozen=True, slots=True)
class Manner:
    """How requests are to be sent; `Sender.send` explains."""

    header: Header | None
    deadline_s: float
    pipelined: bool = False
    whole: bool = False
    observed: dict[str, int] | None = None
    nearest: bool = False
    back_off: BackOff = field(default_factory=BackOff)


class _Rerouted(Exception):
    """A range is not what the route said; what the sender knows by now says more."""


class Sender:
    """Sends for one process.

    Args:
        transport: reaches stores.
        clock: of the process.
        meta: descriptor of the range that holds the meta keys.
        timeout_s: how long requests are repeated.
        distance_ns: how far away a store is.
    """

    def __init__(
        self,
        transport: Transport,
        clock: HybridLogicalClock,
        meta: RangeDescriptor,
        timeout_s: float = 10.0,
        distance_ns: Callable[[str], int] = lambda store: 0,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._meta = meta
        self._timeout_s = timeout_s
        self._distance_ns = distance_ns
        self.routes = RoutingCache()
        self.routes.insert(meta)

    async def ask(self, request: Request) -> Response:
        """Return the answer to a request that belongs to no transaction. DatabaseError, Refused."""
        return (await self.send((request,))).responses[0]

    async def send(
        self,
        requests: Sequence[Request],
        header: Header | None = None,
        *,
        pipelined: bool = False,
        whole: bool = False,
        observed: dict[str, int] | None = None,
        nearest: bool = False,
        timeout_s: float | None = None,
    ) -> Sent:
        """Carry out requests, those of one range together, those of several in parallel.

        Args:
            requests: a Scan that may cross ranges goes alone.
            header: of the transaction.
            pipelined: see `Batch`.
            whole: all of them belong to one range; RangeMismatch if they do not.
            observed: the clocks of stores when the transaction first came there; new ones are added.
            nearest: ask the nearest replica first, which may be able to answer without the lease.
            timeout_s: instead of the sender's own.

        Raises:
            Refused: what a coordinator has to deal with.
            Unavailable: no answer in time; nothing that could not be repeated has happened.
            AmbiguousResult: it may have happened.
            RangeMismatch: see `whole`.
        """
        deadline_s = asyncio.get_running_loop().time() + (self._timeout_s if timeout_s is None else timeout_s)
        return await self._send(requests, Manner(header, deadline_s, pipelined, whole, observed, nearest))

    async def _send(self, requests: Sequence[Request], manner: Manner) -> Sent:
        while True:  # not by recursion: a range may be sought for as long as there is time
            try:
                return await self._send_by_routes(requests, manner)
            except _Rerouted:
                if manner.whole:
                    raise RangeMismatch from None

    async def _send_by_routes(self, requests: Sequence[Request], manner: Manner) -> Sent:
        if len(requests) == 1:
            first = requests[0]
            if isinstance(first, Scan):
                return await self._scan(first, manner)
            begin, end = span_of(first, manner.header)
            route = await self._route(begin, manner)
            if end is None or end <= route.descriptor.end:
                return await self._to_range(route, requests, manner)
        groups = await self._split(requests, manner)
        if len(groups) == 1:
            ((route, parts),) = groups
            return joined(requests, parts, await self._to_range(route, [each for _, each in parts], manner))
        if manner.whole:
            raise RangeMismatch
        results = await asyncio.gather(
            *(self._to_part(route, [each for _, each in parts], manner) for route, parts in groups),
            return_exceptions=True,
        )
        failures = [each for each in results if isinstance(each, BaseException)]
        if failures:
            raise min(failures, key=_gravity)
        total = Sent([None] * len(requests))  # type: ignore[list-item]
        for (_, parts), sent in zip(groups, results, strict=True):
            assert isinstance(sent, Sent)
            for (place, _), response in zip(parts, sent.responses, strict=True):
                total.responses[place] = both(total.responses[place], response)
            total.read_timestamp = max(total.read_timestamp, sent.read_timestamp)
            total.write_timestamp = max(total.write_timestamp, sent.write_timestamp)
            total.elsewhere += sent.elsewhere
        return total

    def same_range(self, keys: Sequence[bytes]) -> bool:
        """Return whether all keys are in one range, as far as is known."""
        route = self.routes.find(keys[0])
        return route is not None and all(map(route.descriptor.contains, keys))

    # -- routes

    async def _route(self, key: bytes, manner: Manner) -> Route:
        route = self.routes.find(key)
        while route is None:
            if self._meta.contains(key):
                self.routes.insert(self._meta)
            else:
                await self._look_up(key + b"\x00", manner)
            route = self.routes.find(key)
        return route

    async def _route_before(self, end: bytes, manner: Manner) -> Route:
        """Return the route to the range with the last keys before `end`."""
        while (route := self.routes.find_last(end)) is None:
            await self._look_up(end, manner)
        return route

    async def _look_up(self, end: bytes, manner: Manner) -> None:
        """Ask the meta range for the first range that ends at `end` or beyond."""
        look = Scan(META_PREFIX + end, META_PREFIX + b"\xff\xff\xff", 1)
        plain = Manner(None, manner.deadline_s, back_off=manner.back_off)
        asked = await self._past_of(look, manner) if manner.nearest else plain
        (rows,) = (await self._scan(look, asked)).responses
        assert isinstance(rows, Rows)
        if not rows.rows:
            raise Unavailable("the meta range knows no range of that key")
        descriptor = decode_descriptor(rows.rows[0][1])
        self.routes.insert(descriptor)
        if self.routes.find_last(end) is None:  # what was known is newer, but does not cover the key
            self.routes.forget(descriptor)
            await self._pause(manner)

    async def _past_of(self, look: Scan, manner: Manner) -> Manner:
        """Return how to look in the past of the meta range, which may be all that can be reached; now, if it has none.

        An old row is as good as an old route: whoever follows it is told what the range is now.
        """
        plain = Manner(None, manner.deadline_s, back_off=manner.back_off)
        near = replace(plain, nearest=True)
        (known,) = (await self._send((QueryResolvedTimestamp(look.begin, look.end),), near)).responses
        assert isinstance(known, ResolvedTimestamp)
        if not known.timestamp:
            return plain
        at = known.timestamp
        return replace(near, header=Header(0, b"", at, at, at, at))

    async def _split(
        self, requests: Sequence[Request], manner: Manner
    ) -> list[tuple[Route, list[tuple[int, Request]]]]:
        """Return the requests by range, with their places; one that crosses ranges is cut at their borders."""
        groups: dict[int, tuple[Route, list[tuple[int, Request]]]] = {}
        for place, request in enumerate(requests):
            begin, end = span_of(request, manner.header)
            while True:
                route = await self._route(begin, manner)
                border = route.descriptor.end
                part = request
                if end is not None:
                    part = changed(request, begin=begin, end=min(end, border))  # type: ignore[type-var]
                groups.setdefault(route.descriptor.range_id, (route, []))[1].append((place, part))
                if end is None or end <= border:
                    break
                begin = border
        return list(groups.values())

    async def _scan(self, scan: Scan, manner: Manner) -> Sent:
        """Go through the ranges of a scan one after the other, until its limit."""
        rows: list[tuple[bytes, bytes]] = []
        sent = Sent([])
        manner = replace(manner, whole=True)
        begin, end = scan.begin, scan.end
        while begin < end and (scan.limit is None or len(rows) < scan.limit):
            if scan.reverse:
                route = await self._route_before(end, manner)
                part_begin, part_end = max(begin, route.descriptor.begin), end
            else:
                route = await self._route(begin, manner)
                part_begin, part_end = begin, min(end, route.descriptor.end)
            left = None if scan.limit is None else scan.limit - len(rows)
            try:
                answer = await self._to_range(
                    route, (changed(scan, begin=part_begin, end=part_end, limit=left),), manner
                )
            except _Rerouted:
                continue
            (found,) = answer.responses
            assert isinstance(found, Rows)
            rows += found.rows
            sent.read_timestamp = max(sent.read_timestamp, answer.read_timestamp)
            sent.write_timestamp = max(sent.write_timestamp, answer.write_timestamp)
            sent.elsewhere += answer.elsewhere
            if (header := manner.header) is not None:
                # What is read from now on is read together with what was read before.
                read = max(header.read_timestamp, sent.read_timestamp)
                manner = replace(manner, header=changed(header, may_forward=False, read_timestamp=read))
            begin, end = (begin, part_begin) if scan.reverse else (part_end, end)
        sent.responses.append(Rows(tuple(rows)))
        return sent

    # -- one range

    async def _to_range(self, route: Route, requests: Sequence[Request], manner: Manner) -> Sent:
        """Send a batch to the leaseholder of one range, whoever that turns out to be."""
        descriptor, store = route.descriptor, route.leaseholder
        if manner.nearest:
            store = nearest = min(descriptor.replicas, key=self._distance_ns)
        once = _only_once(requests, manner.header)
        tried = 0
        while True:
            try:
                reply = await self._to_store(store, descriptor.range_id, requests, manner)
            except (RequestTimeout, RemoteError, Unreachable, OSError) as error:
                silent, store = store, _next(descriptor, store)
                if once and not isinstance(error, Unreachable):
                    route.leaseholder = store  # whoever comes next had better begin elsewhere
                    raise AmbiguousResult(f"no answer from {silent}") from None
                trouble, tried = Trouble(Reason.UNAVAILABLE, str(error)), tried + 1
            else:
                if reply.trouble is None:
                    answered = Sent(list(reply.responses), reply.read_timestamp, reply.write_timestamp)
                    if manner.nearest:
                        answered.elsewhere = int(store != nearest)
                    else:
                        route.leaseholder = store
                    return answered
                trouble = reply.trouble
                self._check(trouble, store, once)
                if trouble.reason is Reason.RANGE_MISMATCH and not self._is_lost_meta(trouble, descriptor):
                    await self._learn(trouble, descriptor, manner)
                    raise _Rerouted
                if trouble.reason in (Reason.NOT_LEASEHOLDER, Reason.CLOCK, Reason.RANGE_MISMATCH):
                    tried += 1
                    store = trouble.hint if trouble.hint and trouble.hint != store else _next(descriptor, store)
                elif trouble.reason is Reason.UNAVAILABLE:
                    await self._pause(manner)  # a store that asks itself would do nothing else
            if asyncio.get_running_loop().time() > manner.deadline_s:
                raise Unavailable(f"{trouble.reason}: {trouble.text}")
            if tried >= len(descriptor.replicas):
                tried = 0
                await self._pause(manner)
                if trouble.reason is not Reason.NOT_LEASEHOLDER and not self._meta.contains(descriptor.begin):
                    # None of those who are said to have it answers: perhaps others have it by now.
                    self.routes.forget(descriptor)
                    raise _Rerouted

    async def _to_store(self, store: str, range_id: int, requests: Sequence[Request], manner: Manner) -> Reply:
        header, observed = manner.header, manner.observed
        if header is not None and observed is not None and store in observed:
            header = changed(header, observed=observed[store])
        batch = Batch(self._clock.now(), range_id, header, tuple(requests), manner.pipelined)
        reply = await self._transport(store, batch)
        try:
            self._clock.update(reply.now)
        except ClockAhead as error:
            raise ClockUntrusted(f"{store}: {error}") from None
        if observed is not None:
            observed.setdefault(store, reply.now)
        return reply

    @staticmethod
    def _check(trouble: Trouble, store: str, once: bool) -> None:
        """Raise what no other store and no repetition can mend."""
        if trouble.reason in _TO_COORDINATOR:
            raise Refused(trouble.reason, trouble.text, trouble.timestamp)
        if once and trouble.reason is Reason.AMBIGUOUS:
            raise AmbiguousResult(trouble.text)

    def _is_lost_meta(self, trouble: Trouble, descriptor: RangeDescriptor) -> bool:
        """Whether a store has no replica of the meta range: no row tells where that is, so others are asked."""
        return trouble.descriptor is None and self._meta.contains(descriptor.begin)

    async def _to_part(self, route: Route, requests: Sequence[Request], manner: Manner) -> Sent:
        try:
            return await self._to_range(route, requests, manner)
        except _Rerouted:
            return await self._send(requests, manner)

    async def _learn(self, trouble: Trouble, descriptor: RangeDescriptor, manner: Manner) -> None:
        """Learn what a range has become."""
        self.routes.forget(descriptor)
        if trouble.descriptor is not None and trouble.descriptor.generation >= descriptor.generation:
            self.routes.insert(trouble.descriptor)
        else:
            await self._pause(manner)

    async def _pause(self, manner: Manner) -> None:
        left_s = manner.deadline_s - asyncio.get_running_loop().time()
        if left_s < 0:
            raise Unavailable("no answer within the time that was given")
        await asyncio.sleep(min(left_s, manner.back_off.next_s()))


def _next(descriptor: RangeDescriptor, store: str) -> str:
    """Return the replica to ask after this one."""
    replicas = descriptor.replicas
    return replicas[(replicas.index(store) + 1) % len(replicas)] if store in replicas else replicas[0]


def _only_once(requests: Sequence[Request], header: Header | None) -> bool:
    """Whether a batch would take effect a second time if it were sent again; a transaction's record prevents that."""
    return header is None and any(isinstance(each, Put | ConditionalPut) for each in requests)


_GRAVITY = (AmbiguousResult, Unavailable, ClockUntrusted)


def _gravity(failure: BaseException) -> int:
    """Order failures: what makes everything else uncertain first, a mistake in the program before all."""
    if isinstance(failure, Refused):
        return 1 if failure.trouble.reason is Reason.ABORTED else 2
    return 0 if isinstance(failure, _GRAVITY) else -1
