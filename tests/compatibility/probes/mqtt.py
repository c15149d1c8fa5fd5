"""MQTT, amqtt and gmqtt: a broker, and a client that publishes to itself, connects again and keeps its session."""

import asyncio

from amqtt.broker import Broker
from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311
from probe import Probe, exchanges

CONFIG = {
    "listeners": {"default": {"type": "tcp", "bind": "0.0.0.0:1883"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


async def server():
    await Broker(CONFIG).start()
    await asyncio.get_running_loop().create_future()


async def client(node):
    waiting = {}
    mqtt = Client("probe", clean_session=False)
    mqtt.set_config({"reconnect_retries": -1, "reconnect_delay": 1})

    def subscribe(client, flags, rc, properties):
        client.subscribe("numbers", qos=1)

    def receive(client, topic, payload, qos, properties):
        future = waiting.pop(int(payload), None)
        if future is not None and not future.done():
            future.set_result(int(payload))
        return 0

    mqtt.on_connect, mqtt.on_message = subscribe, receive
    await mqtt.connect("server", 1883, keepalive=4, version=MQTTv311)

    async def exchange(number):
        waiting[number] = asyncio.get_running_loop().create_future()
        mqtt.publish("numbers", str(number), qos=1)
        return await waiting[number]

    await exchanges(node, exchange)


PROBE = Probe(
    "broker; client with sessions, quality of service 1, keep-alive, connecting again",
    server,
    client,
    ("amqtt", "gmqtt"),
)
