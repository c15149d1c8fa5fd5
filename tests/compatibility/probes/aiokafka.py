"""aiokafka: a producer and a consumer, against a small broker made of kio's codecs with its log on disk."""

import asyncio
import os

os.environ["AIOKAFKA_NO_EXTENSIONS"] = "1"  # the compiled batches ask the C library what time it is

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka_broker import PARTITION, TOPIC, run_broker
from probe import Probe, exchanges


async def client(node):
    waiting = {}

    async def consume(consumer):
        async for message in consumer:
            number = int(message.value)
            if number in waiting and not waiting[number].done():
                waiting[number].set_result(message.offset)

    async def exchange(number):
        """Produce a message, and read it from where the broker said that it stands."""
        read = waiting[number] = asyncio.get_running_loop().create_future()
        stored = await producer.send_and_wait(TOPIC, b"%d" % number)
        return number if await read == stored.offset else None

    # Without a name the client takes the next number of its class, which does not begin anew with a process.
    options = {"bootstrap_servers": "server:9092", "request_timeout_ms": 1500, "client_id": "probe"}
    producer = AIOKafkaProducer(**options)
    consumer = AIOKafkaConsumer(**options, auto_offset_reset="earliest")
    async with producer, consumer, asyncio.TaskGroup() as group:
        consumer.assign([TopicPartition(TOPIC, PARTITION)])
        consuming = group.create_task(consume(consumer))
        await exchanges(node, exchange)
        consuming.cancel()


PROBE = Probe(
    "producer, consumer of an assigned partition, retries, connecting again; the broker is the probe's own, on kio",
    run_broker,
    client,
    ("aiokafka", "kio"),
    remedy="`AIOKAFKA_NO_EXTENSIONS=1` in the environment (compiled batches carry the real time); a `client_id`",
)
