"""The four session guarantees of Terry and others (1994): what one client may expect of copies that lag behind.

They need to know which version an operation wrote or read: a number, a timestamp, anything that grows along with the
order in which the store keeps a key's versions. `access` takes it from an operation; by default a ``put`` or ``write``
returns its version, and a ``get`` or ``read`` returns the pair (value, version).

Each key is judged for itself. What a guarantee says about two keys (that a write travels behind those it depends on)
is deliberately not judged here: versions of different keys cannot be compared.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from simkit.checks.check import Step
from simkit.checks.history import HistoryCheck
from simkit.checks.model import frozen, plain
from simkit.observe.document import OperationEntry
from simkit.observe.history import Operation
from simkit.observe.moment import moment

WRITES, READS = ("put", "write"), ("get", "read")


@dataclass(frozen=True)
class Access:
    """One version that a session has met.

    Attributes:
        kind: whether the operation wrote it or read it.
        key: what it is a version of.
        version: comparable with the other versions of the key; None for a read that found nothing.
    """

    kind: Literal["read", "write"]
    key: Hashable
    version: Any


class SessionGuarantee(HistoryCheck):
    """A session meets the versions of a key in an order that does not surprise it.

    Attributes:
        earlier, later: which accesses of a session are compared; the later one's version must not be the older one.
        promise: the rule in words.
    """

    earlier: ClassVar[Literal["read", "write"]]
    later: ClassVar[Literal["read", "write"]]
    promise: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.compared = 0
        self.sessions = 0

    def session(self, operation: Operation) -> str:
        """Return whose expectations are meant; the process by default, which begins anew after an unknown end."""
        return operation.process

    def access(self, operation: Operation) -> Access | None:
        """Return what a successful operation met, or None if it is about no version."""
        given = operation.input
        key = frozen(given[0] if isinstance(given, (tuple, list)) and given else given)
        if operation.function in WRITES:
            return Access("write", key, operation.output)
        if operation.function in READS:
            version = operation.output[1] if isinstance(operation.output, (tuple, list)) else operation.output
            return Access("read", key, version)
        return None

    def judge(self, operations: Sequence[Operation]) -> None:
        newest: dict[tuple[str, Hashable], tuple[Any, Operation]] = {}
        sessions: dict[str, None] = {}
        for operation in sorted((each for each in operations if each.outcome == "ok"), key=lambda each: each.began):
            access = self.access(operation)
            if access is None:
                continue
            session = self.session(operation)
            sessions[session] = None
            place = (session, access.key)
            known = newest.get(place)
            if known is not None and access.kind == self.later:
                self.compared += 1
                if self._surprises(access.version, known[0]):
                    self._tell(session, access, operation, *known)
            counts = access.kind == self.earlier and access.version is not None
            if counts and (known is None or access.version > known[0]):
                newest[place] = (access.version, operation)
        self.sessions = len(sessions)

    def _surprises(self, version: Any, known: Any) -> bool:
        if version is None:
            return self.later == "read"
        # A write makes a version of its own, a read may meet the same one again.
        return bool(version <= known if self.later == "write" else version < known)

    def _tell(self, session: str, access: Access, operation: Operation, known: Any, before: Operation) -> None:
        met = "nothing" if access.version is None else f"version {plain(access.version)}"
        verb, earlier = (
            ("read" if access.kind == "read" else "wrote"),
            ("read" if self.earlier == "read" else "written"),
        )
        text = f"{session} {verb} {met} of {plain(access.key)} after it had {earlier} version {plain(known)}"
        steps = [
            Step(
                each.completed_ns or 0, each.host, f"{each.process}: {_in_words(each)}, begun {moment(each.invoked_ns)}"
            )
            for each in (before, operation)
        ]
        shown = tuple(
            OperationEntry(
                process=each.process,
                text=_in_words(each),
                begin_ns=each.invoked_ns,
                end_ns=each.completed_ns,
                blamed=each is operation,
            )
            for each in (before, operation)
        )
        at_ns = operation.completed_ns or 0
        told = self.with_events((before, operation), steps[:1], at_ns)
        self.violated(at_ns, operation.host, text, *told, *steps[1:], operations=shown)

    def summary(self) -> str:
        broken = f"{self.violations_total:,} times broken" if self.violations_total else "never broken"
        return f"{self.compared:,} operations of {self.sessions:,} sessions: {self.promise}, {broken}"


def _in_words(operation: Operation) -> str:
    return f"{operation.function} {plain(operation.input)} -> {plain(operation.output)}"


class ReadYourWrites(SessionGuarantee):
    """A session that wrote a version reads this one or a newer one from then on."""

    earlier, later, promise = "write", "read", "reads see own writes"


class MonotonicReads(SessionGuarantee):
    """A session that read a version never reads an older one."""

    earlier, later, promise = "read", "read", "reads never go back"


class MonotonicWrites(SessionGuarantee):
    """The writes of a session get versions in the order in which it wrote them."""

    earlier, later, promise = "write", "write", "writes keep their order"


class WritesFollowReads(SessionGuarantee):
    """What a session writes after it read a version gets a newer one."""

    earlier, later, promise = "read", "write", "writes come after what was read"
