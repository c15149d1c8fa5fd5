"""A Redis server for a simulated host: RESP over TCP before a fakeredis engine, with our append-only file behind it.

Data types, expiry and Lua come from fakeredis; parsing, persistence, blocking commands and everything that could leak
order, time or chance into a run are ours. It is not a cache of every Redis feature: see `docs/systems/task_queue.md`.
"""

from simkit_nodes.blocks.redis_host.append_only_file import AppendOnlyFile, Recovery, SyncPolicy
from simkit_nodes.blocks.redis_host.engine import Engine
from simkit_nodes.blocks.redis_host.resp import ProtocolError, RequestParser, encode_command, encode_reply
from simkit_nodes.blocks.redis_host.server import RedisServer

__all__ = [
    "AppendOnlyFile",
    "Engine",
    "ProtocolError",
    "Recovery",
    "RedisServer",
    "RequestParser",
    "SyncPolicy",
    "encode_command",
    "encode_reply",
]
