"""One end of a TCP-like connection, as its machine sees it: it outlives the process that opened it.

A `Half` joins a sending and a receiving side with what happens to the connection as a whole: the process reads, closes
or ends, the peer resets, a time-out strikes, the machine loses its power. (RFC 9293; what Linux does where it leaves
a choice.)

It deliberately models flights, not segments; there is no TIME_WAIT, no urgent data, no simultaneous open, and
keep-alive options are accepted without effect.
"""

import errno
import os
from typing import TYPE_CHECKING, Protocol

from simkit.network.flight import Flight, wire_bytes
from simkit.network.receiving import Receiver
from simkit.network.sending import Sender

if TYPE_CHECKING:
    from simkit.network.interface import Interface
    from simkit.network.server import Listener
    from simkit.network.stack import Stack

SocketAddress = tuple[str, int]

_RST_BYTES = wire_bytes(0)


class Process(Protocol):
    """What the process holds of a connection; `transport.py` has it."""

    def readable(self) -> None:
        """There is something to read, or an end or an error to see."""
        ...

    def writable(self) -> None:
        """The machine took over more of what the process buffered."""
        ...


def os_error(number: int) -> OSError:
    """Return the OSError, or its subclass, of an errno, as a system call would raise it."""
    return OSError(number, os.strerror(number))


class Half:
    """One end of a connection.

    Attributes:
        peer: the other end, once SYN has arrived there.
        local, remote: addresses with ports.
        connection: number of the connection, the same at both ends.
        established: True once this end has seen the handshake through.
        closed: True once the process has closed it, or has ended.
        gone: True once the machine knows the connection no more; segments that still arrive are strays.
        error: why the connection broke, for the process to see.
        soft_error: a router said that the peer is unreachable; told when time runs out.
        process: the transport, once there is one.
        listener: at the server's end, until the process has accepted.
    """

    __slots__ = (
        "_notified",
        "closed",
        "connection",
        "error",
        "established",
        "gone",
        "host_name",
        "linger_zero",
        "listener",
        "local",
        "opened_ns",
        "peer",
        "peer_name",
        "process",
        "receiver",
        "remote",
        "sender",
        "soft_error",
        "stack",
    )

    def __init__(
        self, stack: "Stack", target: "Interface", local: SocketAddress, remote: SocketAddress, connection: int
    ) -> None:
        self.stack = stack
        self.host_name = stack.interface.name
        self.peer_name = target.name
        self.local = local
        self.remote = remote
        self.connection = connection
        self.established = self.closed = self.gone = self.soft_error = self.linger_zero = False
        self.peer: Half | None = None
        self.error: OSError | None = None
        self.process: Process | None = None
        self.listener: Listener | None = None
        self.opened_ns = stack.world.now_ns
        self._notified = False
        self.sender = Sender(self, stack.interface.path_to(target))
        self.receiver = Receiver(self)
        stack.halves[self] = None

    def join(self, peer: "Half") -> None:
        """Make this half and `peer` the two ends of one connection."""
        self.peer, peer.peer = peer, self
        self.sender.receiver, peer.sender.receiver = peer.receiver, self.receiver
        self.receiver.sender, peer.receiver.sender = peer.sender, self.sender

    def recorded(self, what: str, *detail: int | str) -> None:
        """Record what happened to the connection at this end."""
        self.stack.world.records.write("stream", self.host_name, self.peer_name, self.connection, what, *detail)

    def recorded_at_peer(self, offset: int, what: str, payload: bytes = b"") -> None:
        """Record what did not reach the other end."""
        world = self.stack.world
        detail = self.host_name, self.connection, offset, what
        world.records.write("stream", self.peer_name, *detail, payload=payload, value=world.now_ns)

    # -- the process

    def readable(self) -> None:
        """Let the process, which runs, see what there is; a server's process accepts first."""
        if self.listener is not None:
            self.listener.accept(self)
        elif self.process is not None:
            self.process.readable()

    def notify(self) -> None:
        """Let the process look as soon as it runs."""
        if not self._notified and self.stack.running:
            self._notified = True
            self.stack.world.post(self.stack.world.now_ns, self.stack.loop, self.look)

    def look(self) -> None:
        """Let the process see what has been waiting, and tell the peer that the window has opened."""
        self._notified = False
        read_before = self.receiver.read_bytes
        self.readable()
        if self.receiver.read_bytes > read_before:
            self.receiver.acknowledge()

    def sent_on(self) -> None:
        """Tell the process that its buffer emptied."""
        if self.process is not None and self.stack.running:
            self.stack.world.post(self.stack.world.now_ns, self.stack.loop, self._sent_on)

    def _sent_on(self) -> None:
        if self.process is not None:
            self.process.writable()

    def divert_arrivals(self) -> None:
        """Let what is on its way to the process arrive at the machine alone."""
        if self.peer is not None:
            self.peer.sender.divert()

    def close(self) -> None:
        """The process closes its socket: FIN behind what was written, or RST when it has not read everything."""
        if self.closed:
            return
        self.closed = True
        self.process = None
        if self.gone:
            return
        if self.receiver.unread or self.linger_zero:
            self.reset()
        else:
            self.finish()
            if self.receiver.finished:
                self.forget()

    def finish(self) -> None:
        """Send FIN behind what was written; the other direction stays open."""
        if not self.gone:
            self.sender.finish()

    # -- how it ends

    def reset(self) -> None:
        """Tell the peer that this connection is no more (RST), and forget it."""
        if self.gone:
            return
        self.forget(discard=True)
        self.sender.path.carry(_RST_BYTES, self._reset_sent)

    def _reset_sent(self, arrival_ns: int) -> None:
        if arrival_ns >= 0 and self.peer is not None:
            arrival_ns = self.sender.after_all_ns(arrival_ns)
            self.stack.world.post(arrival_ns, self.stack.world.control, self.peer.reset_by_peer)

    def reset_by_peer(self) -> None:
        """RST has arrived."""
        if not self.gone:
            self.recorded("reset")
            self.fail(os_error(errno.ECONNRESET))

    def timed_out(self) -> None:
        """Retransmissions went unanswered for too long."""
        self.recorded("timeout")
        self.fail(os_error(errno.EHOSTUNREACH if self.soft_error else errno.ETIMEDOUT))

    def fail(self, error: OSError) -> None:
        """Break the connection and let the process see why, after what it can still read."""
        self.error = error
        self.forget(discard=True)
        self.notify()

    def forget(self, *, discard: bool = False) -> None:
        """Drop the connection from the machine; with `discard`, what is unsent and unanswered as well."""
        self.stack.halves.pop(self, None)
        if self.listener is not None:
            self.listener.pending.pop(self, None)
        if discard:
            self.gone = True
            self.sender.stop()

    def process_ended(self) -> None:
        """The process is gone: its machine says so to the peer."""
        if self.listener is not None:
            self.reset()
        elif self.established:
            self.close()
        else:
            # SYN is on its way, and there is nothing yet to say FIN to; the abandoned handshake resets what it answers.
            self.closed = True

    def power_cut(self) -> None:
        """The machine is gone, in silence."""
        self.gone = self.closed = True
        self.process = None
        self.sender.stop()
        if self.peer is not None and self.peer.sender.blocked:
            # A peer that waits for the window to open would otherwise wait for ever.
            self.peer.sender.probe_later()

    # -- segments for a connection that the machine does not know

    def stray(self, flight: Flight) -> None:
        """Answer with RST, or not at all when the machine has no power."""
        if self.stack.interface.powered:
            self.sender.path.carry(_RST_BYTES, self._stray_answered, flight)
        else:
            self._stray_answered(-1, flight)

    def _stray_answered(self, arrival_ns: int, flight: Flight) -> None:
        sender = self.receiver.sender
        if arrival_ns >= 0:
            self.stack.world.post(arrival_ns, self.stack.world.control, sender.half.reset_by_peer)
        else:
            sender.unanswered(flight)

    def handshake_ended(self) -> None:
        """The last leg of the handshake has arrived at the server."""
        self.established = True
        self.sender.measured(self.stack.world.now_ns - self.opened_ns)
        if self.listener is None:  # nobody listens any more
            self.reset()
