"""grpclib: calls with one message and with streams of them, made as its protoc plugin would make them."""

from google.protobuf.wrappers_pb2 import Int64Value
from grpclib.client import Channel, StreamStreamMethod, UnaryUnaryMethod
from grpclib.const import Cardinality, Handler
from grpclib.server import Server
from probe import Probe, exchanges


class Numbers:
    """The service of the probe."""

    async def one(self, stream):
        message = await stream.recv_message()
        await stream.send_message(message)

    async def many(self, stream):
        async for message in stream:
            await stream.send_message(message)

    def __mapping__(self):
        return {
            "/probe.Numbers/One": Handler(self.one, Cardinality.UNARY_UNARY, Int64Value, Int64Value),
            "/probe.Numbers/Many": Handler(self.many, Cardinality.STREAM_STREAM, Int64Value, Int64Value),
        }


async def server():
    listening = Server([Numbers()])
    await listening.start("0.0.0.0", 50051)
    await listening.wait_closed()


async def client(node):
    async with Channel("server", 50051) as channel:
        one = UnaryUnaryMethod(channel, "/probe.Numbers/One", Int64Value, Int64Value)
        many = StreamStreamMethod(channel, "/probe.Numbers/Many", Int64Value, Int64Value)

        async def exchange(number):
            if number % 2:
                return (await one(Int64Value(value=number), timeout=2)).value
            sent = [Int64Value(value=number)] * 5
            received = await many(sent, timeout=2)
            return number if received == sent else None

        await exchanges(node, exchange)


PROBE = Probe(
    "unary and streaming calls with deadlines over HTTP/2, protobuf messages",
    server,
    client,
    ("grpclib", "h2", "protobuf"),
)
