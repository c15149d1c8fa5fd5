"""What a node says to others: datagrams, requests with replies, channels; and how what arrives finds its handler.

A datagram may be lost, and overtaken. A request is a datagram whose reply is awaited, so it fails by time-out when
either is lost; repeating it is the caller's decision, who alone knows whether it may take effect twice.

It deliberately promises no more than UDP and TCP would, so that the same node can run on a real machine.
"""

import socket
from asyncio import Future
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from simkit.network.batch import Batch
from simkit.network.channel import Channel, ChannelProtocol, open_channel
from simkit.network.errors import RequestTimeout, Unreachable
from simkit.network.handlers import Failure, Handler, Origin, checked_reply, current_origin, handlers_of
from simkit.network.message import Message
from simkit.network.parcel import REPLY, REQUEST, SEND, Parcel
from simkit.network.path import Path
from simkit.network.shipment import ship
from simkit.network.tampering import Tampering

if TYPE_CHECKING:
    from simkit.hosts.host import Host
    from simkit.network.network import Network
    from simkit.network.stack import Stack

Reply = TypeVar("Reply", bound=Message)

CHANNEL_PORT: Final = 7
"""Where nodes listen for channels."""


class Endpoint:
    """The messages of one incarnation of one node.

    Args:
        network: the network the host is attached to.
        host: that runs, so that its loop has a stack.
        owner: the node; its methods marked with `handles` get what arrives.

    Attributes:
        otherwise: given a datagram that nothing handles; by default that is a mistake, and ends the process.
        admit: asked of every batch what reaches a handler, None for nothing; without it, all of it does.
    """

    __slots__ = (
        "__weakref__",
        "_handlers",
        "_last_message",
        "_last_payload",
        "_loop",
        "_network",
        "_paths",
        "_replies",
        "_stack",
        "admit",
        "name",
        "otherwise",
    )

    def __init__(self, network: "Network", host: "Host", owner: object = None) -> None:
        self.name = host.name
        self._network = network
        self._loop = host.loop
        self._stack: Stack = host.loop.stack
        self._paths: dict[str, Path] = self._stack.interface.paths
        self._handlers: dict[type[Message], Handler] = {} if owner is None else handlers_of(owner, self._loop)
        self._replies: dict[int, tuple[Future[Message], Message]] = {}
        self._last_message: Message | None = None
        self._last_payload = b""
        self.otherwise: Callable[[Message], None] | None = None
        self.admit: Callable[[Batch], Batch | None] | None = None
        self._stack.endpoint = self
        self._stack.listen(self._loop, partial(ChannelProtocol, self.dispatch), [("0.0.0.0", CHANNEL_PORT)])

    @property
    def sender(self) -> str:
        """The name of the host whose message is being handled; LookupError outside of a handler."""
        return current_origin.get().source

    def bind(self, owner: object) -> None:
        """Let the methods of `owner` that are marked with `handles` get what arrives."""
        self._handlers |= handlers_of(owner, self._loop)

    def handle(self, kind: type[Message], function: Any, *, serial: bool = False) -> None:
        """Let a function handle messages of a type, as if it were a method marked with `handles`."""
        self._handlers[kind] = Handler(function, serial, self._loop)

    # -- sending

    def send(self, target: str, message: Message) -> None:
        """Send a datagram: it may be lost, and overtaken. `socket.gaierror` if there is no such host.

        A `Batch` is a datagram of each of its devices.
        """
        self._launch(self._path_to(target), message, self._network.next_message(), SEND)

    @overload
    async def request(self, target: str, message: Message, timeout_s: float) -> Message | None: ...
    @overload
    async def request(self, target: str, message: Message, timeout_s: float, expect: type[Reply]) -> Reply: ...

    async def request(
        self, target: str, message: Message, timeout_s: float, expect: type[Message] | None = None
    ) -> Message | None:
        """Send a request and return what its handler returned.

        Args:
            target: name of a host.
            message: the request.
            timeout_s: how long to wait, by this host's clock.
            expect: the type of the reply; another one is a TypeError.

        Raises:
            RequestTimeout: no reply came in time.
            RemoteError: the handler raised, or there is none.
            Unreachable: the network rejected the request.
            TypeError: of a batch only a part may arrive; it is sent, and its answers are batches of their own.
        """
        if isinstance(message, Batch):
            raise TypeError(f"{message.wire_tag} is a batch: send it, and handle the batches that answer")
        path = self._path_to(target)
        number = self._network.next_message()
        future: Future[Message] = self._loop.create_future()
        self._replies[number] = (future, message)
        timer = self._loop.call_later(timeout_s, self._expire, number, target, timeout_s)
        try:
            self._launch(path, message, number, REQUEST)
            reply = await future
        finally:
            timer.cancel()
            self._replies.pop(number, None)
        return checked_reply(target, reply, expect)

    async def channel(self, target: str) -> Channel:
        """Open an ordered channel to a node; OSError as of a TCP connection that cannot be made."""
        return await open_channel(self._loop, target, CHANNEL_PORT, self.dispatch)

    def _path_to(self, target: str) -> Path:
        path = self._paths.get(target)
        if path is None:
            interface = self._network.find(target, self._stack.interface)
            if interface is None:
                raise socket.gaierror(socket.EAI_NONAME, f"Name or service not known: {target}")
            path = self._stack.interface.path_to(interface)
        return path

    def _launch(self, path: Path, message: Message, number: int, purpose: str) -> None:
        if not self._stack.running:
            return  # the process has ended in the middle of a callback; the rest of it has no effect
        if self._stack.interface.tampering is not None:
            self._launch_tampered(self._stack.interface.tampering, path, message, number, purpose)
        elif isinstance(message, Batch):
            ship(path, message, number)
        else:
            if message is not self._last_message:
                # Kept, because what is sent to one host is often sent to the next as well.
                self._last_payload = message.encode()
                self._last_message = message
            Parcel(path, self._last_payload, message, number, purpose).launch()

    def _launch_tampered(self, tampering: Tampering, path: Path, message: Message, number: int, purpose: str) -> None:
        world = self._network.world
        for delay_ns, said in tampering.outgoing(path.target.name, message):
            if isinstance(said, Batch):
                launch: Callable[[], None] = partial(ship, path, said, number)
            else:
                launch = Parcel(path, said.encode(), said, number, purpose).launch
            if delay_ns:
                world.post(world.now_ns + delay_ns, world.control, launch)
            else:
                launch()

    # -- receiving

    def receive(self, parcel: Parcel) -> None:
        """Take a message that has arrived."""
        message = Message.decode(parcel.payload) if self._network.strict else parcel.message
        if parcel.purpose == REPLY:
            waiting = self._replies.get(parcel.number)
            if waiting is not None and not waiting[0].done():
                waiting[0].set_result(message)
            return
        path = parcel.path
        if parcel.purpose == REQUEST:
            self.dispatch(message, Origin(path.source.name, partial(self._reply, parcel)))
            return
        if path.origin is None:
            path.origin = Origin(path.source.name, None)
        self.dispatch(message, path.origin)

    def dispatch(self, message: Message, origin: Origin) -> None:
        """Give a message to its handler; without one, a request is answered with a failure."""
        if self.admit is not None and isinstance(message, Batch):
            admitted = self.admit(message)
            if admitted is None:
                return
            message = admitted
        handler = self._handlers.get(type(message))
        if handler is not None:
            handler.take(message, origin)
            return
        text = f"{self.name} has no handler of {message.wire_tag}"
        if origin.answer is not None:
            origin.answer(Failure("LookupError", text))
        elif self.otherwise is not None:
            Handler(self.otherwise, False, self._loop).take(message, origin)
        else:
            error = LookupError(f"{text}, which {origin.source} sent")
            self._loop.call_exception_handler({"message": text, "exception": error})

    def _reply(self, parcel: Parcel, message: Message) -> None:
        self._launch(self._stack.interface.path_to(parcel.path.source), message, parcel.number, REPLY)

    def _expire(self, number: int, target: str, timeout_s: float) -> None:
        future, request = self._replies[number]
        if not future.done():
            future.set_exception(RequestTimeout(target, request.wire_tag, timeout_s))

    def hear_rejection(self, number: int, path: Path) -> None:
        """Let a request fail that a router has rejected, as soon as its answer is back."""
        heard_ns = self._network.world.now_ns + path.latency_ns
        self._network.world.post(heard_ns, self._loop, self._rejected, number, path.target.name)

    def _rejected(self, number: int, target: str) -> None:
        waiting = self._replies.get(number)
        if waiting is not None and not waiting[0].done():
            waiting[0].set_exception(Unreachable(target, waiting[1].wire_tag))
