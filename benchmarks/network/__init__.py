"""Messages through the whole network layer: the ping-pong of `messages`, sent by endpoints of nodes.

Every message is a frozen type that is encoded, takes its path's draws, is recorded with its bytes in the digest, and
reaches the method that handles it. The rows that end with `-kernel` are the bare kernel on the same input: what the
network layer adds is the quotient. Those that end with `-healed` are the same messages where every fault of links held
before and is healed: faults that are not active cost at most 2%.

The input's latencies are not used here: a link draws its own, as it does in every scenario, so ends are not compared.
"""

from dataclasses import replace

from benchmarks.messages import CASE, ON_SIMPY, Latencies, inputs
from benchmarks.messages import WORK as MESSAGES
from benchmarks.messages import check as check_messages
from benchmarks.work import Contender, Outcome, Work, ours, require_items

OURS = ours("benchmarks.network.with_simkit:prepare", "Endpoint.send, handler, digest")
HEALED = ours("benchmarks.network.with_simkit:prepare_healed", "after faults of links were healed", suffix="-healed")


def check(given: Latencies, outcome: Outcome, contender: Contender) -> None:
    """Every message arrived."""
    if contender in (*OURS, *HEALED):
        require_items(outcome, given.messages)
    else:
        check_messages(given, outcome, contender)


WORK = Work(
    name="network",
    title="the same messages through links, encoding, records and handlers",
    unit="messages",
    baseline="simpy",
    cases=(CASE,),
    contenders=(
        *OURS,
        *HEALED,
        *(replace(MESSAGES.contender(each.name), name=f"{each.name}-kernel") for each in OURS),
        *ON_SIMPY,
    ),
    inputs=inputs,
    check=check,
)
