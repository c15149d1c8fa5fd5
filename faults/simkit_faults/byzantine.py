"""Byzantine hosts: they lie, say different things to different peers, repeat what is old, keep things back.

The program of such a host is left as it is; its messages are changed on their way out, by a rule that the file
declares. So any system that speaks in messages can be asked what it still promises if f of its hosts cannot be trusted.

They deliberately forge no signatures: a message that its receiver checks is found out, which is then the point.

Prior art: Lamport, Shostak, Pease, "The Byzantine Generals Problem", TOPLAS 1982; Bano et al., "Twins: BFT Systems Made
Robust", OPODIS 2021, who make equivocation of two copies of one host.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
from msgspec.structs import replace
from pydantic import Field, field_validator, model_validator

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host
from simkit.kernel import Stream
from simkit.language.problem import Refusal, nearest_quoted, quoted
from simkit.language.units import Distribution, Fraction, read_distribution
from simkit.network.message import Message, message_class
from simkit.network.tampering import Sent, Tamper

REMEMBERED = 1000
"""Messages to one peer of which an old one is chosen."""

Says = Callable[[str, Message], Iterable[Sent]]


class _Tampering(Tamper):
    """Lets messages of one kind be said otherwise, all others as they are."""

    def __init__(self, tag: str, says: Says) -> None:
        self._tag = tag
        self._says = says

    def outgoing(self, target: str, message: Message) -> Iterable[Sent]:
        """See `Tamper.outgoing`."""
        return self._says(target, message) if self._tag in ("", message.wire_tag) else ((0, message),)


class _Byzantine(Condition):
    """What all of them share: whose messages, which of them, how many."""

    message: str = ""
    """The tag of the messages it is about, `vote/1`; without it all of them."""
    share: Fraction = Fraction(1)
    """The share of these messages, each drawn by itself."""

    @field_validator("message")
    @classmethod
    def _known(cls, tag: str) -> str:
        if tag:
            try:
                message_class(tag)
            except KeyError as error:
                raise Refusal(f"no message has the tag {quoted(tag)}", nearest_quoted(tag, error.args[0])) from None
        return tag

    def says(self, stream: Stream) -> Says:
        """Return what decides for one host what it says."""
        raise NotImplementedError

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                stream = arena.world.stream(f"{arena.stream.name}/{host.name}")
                tamper = _Tampering(self.message, self.says(stream))
                undoing.callback(arena.network.interfaces[host.name.lower()].tamper(tamper))
            yield


class _Untrue(_Byzantine):
    """A message with other contents: fields that are set, numbers that something is added to."""

    message: str = Field(min_length=1)
    """The tag of the messages that are changed, `vote/1`."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Field: value. What such a field says instead."""
    add: dict[str, int] = Field(default_factory=dict)
    """Field: number. What is added to a field that is a number."""

    @model_validator(mode="after")
    def _possible(self) -> "_Untrue":
        if not self.set and not self.add:
            raise Refusal("a lie changes something: `set:` a field to a value, or `add:` to a number")
        kind = message_class(self.message)
        types = {field.name: field.type for field in msgspec.structs.fields(kind)}
        for name in (*self.set, *self.add):
            if name not in types:
                near = nearest_quoted(name, types)
                raise Refusal(f"{quoted(self.message)} has no field {quoted(name)}", near)
        for name, value in self.set.items():
            _converted(value, types[name], f"{self.message}.{name}")
        for name in self.add:
            _converted(0, types[name], f"{self.message}.{name}")
        return self

    def untrue(self, message: Message) -> Message:
        """Return the message as the lie has it."""
        types = {field.name: field.type for field in msgspec.structs.fields(type(message))}
        changes = {name: _converted(value, types[name], name) for name, value in self.set.items()}
        for name, number in self.add.items():
            told = getattr(message, name)
            changes[name] = type(told)(told + number)
        return replace(message, **changes)


def _converted(value: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Refusal(f"{quoted(where)} cannot say {quoted(value)}: {str(error).partition(' - ')[0]}") from None


class Lie(_Untrue):
    """The hosts' messages of one kind say something else than their program meant.

    Seen: Amazon S3, 20 July 2008, messages in which a single bit had turned over, intelligible, wrong, and believed by
    everybody they were gossiped to ("Amazon S3 Availability Event: July 20, 2008").
    """

    word = "lie"

    def says(self, stream: Stream) -> Says:
        """See `_Byzantine.says`."""
        return lambda target, message: ((0, self.untrue(message) if stream.chance(self.share) else message),)


class Equivocate(_Untrue):
    """The hosts tell some of their peers the truth and the others, drawn once for each peer, the lie.

    Seen: Castro and Liskov, "Practical Byzantine Fault Tolerance", OSDI 1999, spend two of their three phases on it; a
    double spend is the same in money.
    """

    word = "equivocate"

    share: Fraction = Fraction(0.5)
    """The share of peers that hear the lie."""

    def says(self, stream: Stream) -> Says:
        """See `_Byzantine.says`."""
        deceived: dict[str, bool] = {}

        def says(target: str, message: Message) -> Iterable[Sent]:
            if target not in deceived:
                deceived[target] = stream.chance(self.share)
            return ((0, self.untrue(message) if deceived[target] else message),)

        return says


class Replay(_Byzantine):
    """With a message the hosts send, a little later, an older one to the same peer once more.

    Seen: wherever a request carries nothing that makes it the only one of its kind: at-least-once delivery does by
    accident what an attacker does on purpose.
    """

    word = "replay"

    after: Distribution = read_distribution("1s")
    """How much later the old message is sent."""

    def says(self, stream: Stream) -> Says:
        """See `_Byzantine.says`."""
        sent: dict[str, deque[Message]] = {}

        def says(target: str, message: Message) -> Iterable[Sent]:
            old = sent.setdefault(target, deque(maxlen=REMEMBERED))
            old.append(message)
            if not stream.chance(self.share):
                return ((0, message),)
            return ((0, message), (_delay_ns(self.after, stream), stream.choice(old)))

        return says


class Withhold(_Byzantine):
    """The hosts keep messages to themselves: as if they had sent them, and nobody gets them.

    Seen: a leader that answers heartbeats and orders nothing; Clement et al., "Making Byzantine Fault Tolerant Systems
    Tolerate Byzantine Faults", NSDI 2009, bring five protocols to a standstill this way.
    """

    word = "withhold"

    def says(self, stream: Stream) -> Says:
        """See `_Byzantine.says`."""
        return lambda target, message: () if stream.chance(self.share) else ((0, message),)


class HoldBack(_Byzantine):
    """The hosts send messages later than they should, just before anybody would suspect them.

    Seen: Amir et al., "Prime: Byzantine Replication under Attack", DSN 2008 and TDSC 2011: a leader that is as slow as
    it may be takes nearly all of the throughput and is never replaced.
    """

    word = "hold_back"

    by: Distribution
    """How much later."""

    def says(self, stream: Stream) -> Says:
        """See `_Byzantine.says`."""

        def says(target: str, message: Message) -> Iterable[Sent]:
            return ((_delay_ns(self.by, stream) if stream.chance(self.share) else 0, message),)

        return says


def _delay_ns(distribution: Any, stream: Stream) -> int:
    return max(0, round(distribution.draw(stream)))
