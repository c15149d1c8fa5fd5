"""The three-way handshake, from the side that opens the connection (RFC 9293, 3.5).

SYN, SYN-ACK and every answer that means no are handled by the machines alone: a process that stands still gets new
connections up to its listener's backlog. The last leg travels as the first, empty flight of the stream.

It deliberately repeats from the client only: whichever of SYN and SYN-ACK gets lost, the client's SYN is sent again
after 1, 2, 4, ... seconds.
"""

import errno
from typing import TYPE_CHECKING

from simkit.network.path import OUTCOMES, REJECTED
from simkit.network.tcp import Half, SocketAddress, os_error

if TYPE_CHECKING:
    from asyncio import Future

    from simkit.kernel.posted import Posted
    from simkit.network.interface import Interface
    from simkit.network.stack import Stack

_SYN_BYTES = 74
"""Ethernet, IPv4 and TCP headers with the options of a SYN."""


class Handshake:
    """One attempt to connect.

    Attributes:
        half: the client's end.
        future: done when the connection stands; its exception is an OSError of ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT
            or ECONNRESET.
    """

    def __init__(self, stack: "Stack", target: "Interface", local: SocketAddress, remote: SocketAddress) -> None:
        self.half = Half(stack, target, local, remote, stack.network.next_connection())
        self.future: Future[None] = stack.loop.create_future()
        self._stack = stack
        self._world = stack.world
        self._control = stack.world.control
        self._target = target
        self._server_half: Half | None = None
        self._attempts = 0
        self._sent_ns = 0
        self._retry: Posted | None = None
        self._abandoned = False
        stack.handshakes[self] = None

    def begin(self) -> None:
        """Send SYN, the first time or again."""
        self._retry = None
        parameters = self._stack.network.tcp
        if self._attempts > parameters.syn_retries:
            self.half.recorded("timeout")
            self._fail(errno.ETIMEDOUT)
            return
        self._attempts += 1
        self._sent_ns = self._world.now_ns
        self.half.sender.path.carry(_SYN_BYTES, self._syn_sent)

    def _syn_sent(self, arrival_ns: int) -> None:
        path = self.half.sender.path
        if arrival_ns >= 0:
            self._world.post(arrival_ns, self._control, self._syn_arrived)
            return
        self.half.recorded_at_peer(0, "syn " + OUTCOMES[arrival_ns])
        if arrival_ns == REJECTED:
            # The router that rejects stands halfway: to it and back takes as long as one way to the peer.
            self._world.post(self._world.now_ns + path.latency_ns, self._control, self._unreachable)
        else:
            self._unanswered()

    def abandon(self) -> None:
        """Give up: the caller was cancelled, or its process has ended."""
        self._abandoned = True
        self._stack.handshakes.pop(self, None)
        if self.half.established:
            self.half.close()
        elif self._retry is not None:
            self._retry.cancel()
            self.half.forget(discard=True)

    # -- at the server's machine

    def _syn_arrived(self) -> None:
        interface = self._target
        if not interface.powered:
            self._unanswered()
            return
        half = self._server_half
        if half is None or half.gone:
            listener = interface.stack.listener(self.half.remote)
            if listener is None:
                self._refuse()
                return
            if listener.is_full():
                self.half.recorded_at_peer(0, "backlog full")
                self._unanswered()
                return
            half = self._server_half = Half(
                interface.stack, self._stack.interface, self.half.remote, self.half.local, self.half.connection
            )
            half.listener = listener
            listener.pending[half] = None
            self.half.join(half)
        self._answer(half)

    def _answer(self, half: Half) -> None:
        half.sender.path.carry(_SYN_BYTES, self._answer_sent, half)

    def _answer_sent(self, arrival_ns: int, half: Half) -> None:
        if arrival_ns >= 0:
            self._world.post(arrival_ns, self._control, self._answered)
        else:
            half.recorded_at_peer(0, "syn-ack " + OUTCOMES[arrival_ns])
            self._unanswered()

    def _refuse(self) -> None:
        self.half.recorded_at_peer(0, "refuse")
        self._target.path_to(self._stack.interface).carry(_SYN_BYTES, self._refusal_sent)

    def _refusal_sent(self, arrival_ns: int) -> None:
        if arrival_ns >= 0:
            self._world.post(arrival_ns, self._control, self._fail, errno.ECONNREFUSED)
        else:
            self._unanswered()

    # -- at the client's machine

    def _answered(self) -> None:
        """SYN-ACK has arrived."""
        half = self.half
        if self._stack.vanished:
            if self._server_half is not None:
                self._server_half.forget(discard=True)
            return
        half.established = True
        self._stack.handshakes.pop(self, None)
        if self._abandoned:
            half.reset()
            return
        half.recorded("connect", half.remote[1])
        half.sender.measured(self._world.now_ns - self._sent_ns)
        half.sender.acknowledge_handshake()
        self._world.post(self._world.now_ns, self._stack.loop, self._tell, None)

    def _unanswered(self) -> None:
        if self._abandoned or self._stack.vanished:
            self.half.forget(discard=True)
            return
        wait_ns = self._stack.network.tcp.rto_initial_ns << (self._attempts - 1)
        at_ns = max(self._world.now_ns, self._sent_ns + wait_ns)
        self._retry = self._world.post(at_ns, self._control, self.begin)

    def _unreachable(self) -> None:
        self.half.recorded("unreachable")
        self._fail(errno.EHOSTUNREACH)

    def _fail(self, number: int) -> None:
        self._stack.handshakes.pop(self, None)
        self.half.forget(discard=True)
        if not self._abandoned and not self._stack.vanished:
            self._world.post(self._world.now_ns, self._stack.loop, self._tell, os_error(number))

    def _tell(self, error: OSError | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)
