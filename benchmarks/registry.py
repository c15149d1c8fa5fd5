"""All works, by name, in the order in which `make bench` does them."""

from benchmarks import (
    fleet,
    fork,
    http,
    idle_nodes,
    isolation,
    linearizability,
    lsm,
    messages,
    mm1,
    network,
    plain_asyncio,
    sql,
    stream_bytes,
    sweep,
    timers,
)
from benchmarks.work import Work

WORKS: dict[str, Work] = {
    work.name: work
    for work in (
        timers.WORK,
        messages.WORK,
        network.WORK,
        mm1.WORK,
        plain_asyncio.WORK,
        stream_bytes.WORK,
        http.WORK,
        idle_nodes.WORK,
        fleet.WORK,
        sweep.WORK,
        fork.WORK,
        isolation.WORK,
        linearizability.WORK,
        lsm.WORK,
        sql.WORK,
    )
}
