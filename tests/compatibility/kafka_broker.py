"""A small Kafka broker on kio's codecs: one topic of one partition, whose log survives the process on the host's disk.

Deliberately without groups, transactions and replicas; what it does not announce no client asks for.
"""

import asyncio
import datetime
import io
import struct

from kio.schema.api_versions.v0.request import ApiVersionsRequest
from kio.schema.api_versions.v0.response import ApiVersion, ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.schema.fetch.v4.request import FetchRequest
from kio.schema.fetch.v4.response import FetchableTopicResponse, FetchResponse, PartitionData
from kio.schema.list_offsets.v1.request import ListOffsetsRequest
from kio.schema.list_offsets.v1.response import (
    ListOffsetsPartitionResponse,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from kio.schema.metadata.v5.request import MetadataRequest
from kio.schema.metadata.v5.response import (
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from kio.schema.produce.v7.request import ProduceRequest
from kio.schema.produce.v7.response import PartitionProduceResponse, ProduceResponse, TopicProduceResponse
from kio.schema.request_header.v1.header import RequestHeader
from kio.serial import entity_reader, entity_writer

TOPIC, PARTITION, NODE, PORT = "numbers", 0, 1, 9092
EARLIEST = -2
AT_ONCE = datetime.timedelta()
LOG = "numbers-0.log"
BATCH_HEAD = struct.Struct(">qi")
"""Of a batch of records: the offset of its first record, and the size of what follows this head."""
COUNT_AT = 57
"""Where in a batch the number of its records stands (KIP-98)."""


class Partition:
    """A log of batches, in memory and on disk."""

    def __init__(self, disk):
        self.disk = disk
        self.batches = []
        self.next_offset = 0
        self.grown = asyncio.Condition()

    async def recover(self):
        data = await self.disk.read(LOG) if self.disk.exists(LOG) else b""
        while len(data) >= BATCH_HEAD.size:
            _, size = BATCH_HEAD.unpack_from(data)
            self._take(data[: BATCH_HEAD.size + size])
            data = data[BATCH_HEAD.size + size :]

    def _take(self, batch):
        (count,) = struct.unpack_from(">i", batch, COUNT_AT)
        self.batches.append((self.next_offset, batch))
        self.next_offset += count

    async def append(self, batch):
        """Give a batch its offset and make it durable; return the offset. The checksum does not cover it."""
        async with self.grown:
            base = self.next_offset
            batch = base.to_bytes(8) + batch[8:]
            await self.disk.append(LOG, batch)
            await self.disk.sync(LOG)
            self._take(batch)
            self.grown.notify_all()
        return base

    async def read(self, offset, patience_seconds):
        """Return the batches from the one that holds `offset`; wait for one if there is none."""
        try:
            async with asyncio.timeout(patience_seconds), self.grown:
                await self.grown.wait_for(lambda: self.next_offset > offset)
        except TimeoutError:
            return b""
        first = max(number for number, (base, _) in enumerate(self.batches) if base <= offset)
        return b"".join(batch for _, batch in self.batches[first : first + 100])


class Broker:
    """Answers the five requests that a producer and a consumer without a group need."""

    def __init__(self, name, partition):
        self.name = name
        self.partition = partition
        kinds = {
            ApiVersionsRequest: self.versions,
            MetadataRequest: self.metadata,
            ProduceRequest: self.produce,
            FetchRequest: self.fetch,
            ListOffsetsRequest: self.list_offsets,
        }
        self.kinds = {(kind.__api_key__, kind.__version__): (kind, answer) for kind, answer in kinds.items()}

    async def serve(self, reader, writer):
        """Serve one connection, a request after the other, as Kafka does."""
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(4))
                request = await reader.readexactly(size)
                header, used = entity_reader(RequestHeader)(request, 0)
                kind, answer = self.kinds[header.request_api_key, header.request_api_version]
                body, _ = entity_reader(kind)(request, used)
                response = await answer(body)
                buffer = io.BytesIO()
                entity_writer(type(response))(buffer, response)
                data = header.correlation_id.to_bytes(4) + buffer.getvalue()
                writer.write(len(data).to_bytes(4) + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def versions(self, request):
        keys = tuple(ApiVersion(api_key=key, min_version=number, max_version=number) for key, number in self.kinds)
        return ApiVersionsResponse(error_code=ErrorCode.none, api_keys=keys)

    async def metadata(self, request):
        partition = MetadataResponsePartition(
            error_code=ErrorCode.none,
            partition_index=PARTITION,
            leader_id=NODE,
            replica_nodes=(NODE,),
            isr_nodes=(NODE,),
        )
        return MetadataResponse(
            throttle_time=AT_ONCE,
            brokers=(MetadataResponseBroker(node_id=NODE, host=self.name, port=PORT),),
            controller_id=NODE,
            topics=(MetadataResponseTopic(error_code=ErrorCode.none, name=TOPIC, partitions=(partition,)),),
        )

    async def produce(self, request):
        base = await self.partition.append(request.topic_data[0].partition_data[0].records)
        response = PartitionProduceResponse(index=PARTITION, error_code=ErrorCode.none, base_offset=base)
        return ProduceResponse(responses=(TopicProduceResponse(name=TOPIC, partition_responses=(response,)),))

    async def fetch(self, request):
        wanted = request.topics[0].partitions[0]
        records = await self.partition.read(wanted.fetch_offset, request.max_wait.total_seconds())
        end = self.partition.next_offset
        data = PartitionData(
            partition_index=PARTITION,
            error_code=ErrorCode.none,
            high_watermark=end,
            last_stable_offset=end,
            aborted_transactions=(),
            records=records,
        )
        topic = FetchableTopicResponse(topic=TOPIC, partitions=(data,))
        return FetchResponse(throttle_time=AT_ONCE, responses=(topic,))

    async def list_offsets(self, request):
        asked = request.topics[0].partitions[0].timestamp
        offset = 0 if asked == EARLIEST else self.partition.next_offset
        found = ListOffsetsPartitionResponse(partition_index=PARTITION, error_code=ErrorCode.none, offset=offset)
        return ListOffsetsResponse(topics=(ListOffsetsTopicResponse(name=TOPIC, partitions=(found,)),))


async def run_broker(node):
    """Be a broker process until it ends."""
    partition = Partition(node.disk)
    await partition.recover()
    broker = Broker(node.name, partition)
    async with await asyncio.start_server(broker.serve, port=PORT) as listening:
        await listening.serve_forever()
