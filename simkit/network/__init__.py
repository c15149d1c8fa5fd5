"""Everything between hosts: links, paths, streams, messages, and the conditions that faults lay over them."""

from simkit.network import handover as _handover  # noqa: F401
from simkit.network.batch import Batch, Values
from simkit.network.channel import Channel
from simkit.network.codec import BigInteger, register_codec
from simkit.network.endpoint import Endpoint
from simkit.network.errors import Refused, RemoteError, RequestTimeout, Unreachable
from simkit.network.handlers import handles
from simkit.network.link import Link
from simkit.network.mesh import Mesh
from simkit.network.message import Message
from simkit.network.names import Answering, Failing, NameCondition, NameService, Silent, Slow
from simkit.network.network import Network
from simkit.network.selector import Between, Everything, Pairs, Selector, Touching, between, pairs, touching
from simkit.network.tcp_parameters import TcpParameters
from simkit.network.topology import Topology

__all__ = [
    "Answering",
    "Batch",
    "Between",
    "BigInteger",
    "Channel",
    "Endpoint",
    "Everything",
    "Failing",
    "Link",
    "Mesh",
    "Message",
    "NameCondition",
    "NameService",
    "Network",
    "Pairs",
    "Refused",
    "RemoteError",
    "RequestTimeout",
    "Selector",
    "Silent",
    "Slow",
    "TcpParameters",
    "Topology",
    "Touching",
    "Unreachable",
    "Values",
    "between",
    "handles",
    "pairs",
    "register_codec",
    "touching",
]
