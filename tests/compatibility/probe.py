"""A probe: an unmodified library between two simulated hosts, under latency, a partition, a kill and a restart.

The client is the program of the host `test`, the server that of the host `server`, which is killed and boots again.
Once a second the client makes one exchange and gives it two seconds; what became of each is an event, and so part of
the digest.

`execute` is what a worker is called with. Deliberately no benchmark and no test of the library itself.
"""

import asyncio
import functools
import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simkit.node import Event, Node

HERE = Path(__file__).parent
SECONDS = 60
PATIENCE_SECONDS = 2
EXCHANGES = SECONDS - PATIENCE_SECONDS - 1
CUT, KILLED = range(20, 25), range(35, 38)
"""Within which seconds the network is cut, and the server is down."""

FAULTS = {
    "slow": "latency: test <-> server, add: uniform(1ms, 30ms), at: 5s, for: 10s",
    "cut": f"partition: [[server], [test]], at: {CUT.start}s, for: {len(CUT)}s",
    "killed": f"kill: server, at: {KILLED.start}s, for: {len(KILLED)}s",
}

NEEDS = {
    "fence": "runs, six times the same where simkit was installed with a C compiler (else OpenSSL's chance is real)",
}

Client = Callable[[Node], Awaitable[None]]


@dataclass(frozen=True)
class Probe:
    """What one library is put through.

    Attributes:
        exercised: what of it, in a few words; what stands in `docs/compatibility.md`.
        server: the program of the host `server`, as `simkit.program` takes it.
        client: the program of the host `test`; it calls `exchanges`.
        distributions: whose versions are told; none for the standard library.
        hosts: further hosts and their programs.
        remedy: what one has to do differently than outside of simkit; "" for nothing.
        settles_seconds: how long after a fault exchanges may still fail, because the library is slow to connect.
        needs: what must be there for equal bytes; a key of `NEEDS`, or "".
    """

    exercised: str
    server: Callable[..., Any]
    client: Client
    distributions: tuple[str, ...] = ()
    hosts: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""
    settles_seconds: int = 5
    needs: str = ""


class Exchanged(Event, frozen=True, tag="probe.exchanged"):
    """What became of one exchange: "ok", or the name of the exception."""

    number: int
    outcome: str


async def exchanges(node: Node, exchange: Callable[[int], Awaitable[Any]]) -> None:
    """Make an exchange in every second until the world ends; `exchange` gets its number and returns it."""
    loop = asyncio.get_running_loop()
    running = set()
    for number in range(EXCHANGES):
        task = loop.create_task(_one(node, exchange, number))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(number + 1 - loop.time())
    await asyncio.gather(*running)


async def _one(node: Node, exchange: Callable[[int], Awaitable[Any]], number: int) -> None:
    outcome = "ok"
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            result = await exchange(number)
            assert result == number, f"exchange {number} brought {result!r}"
    except Exception as error:
        outcome = type(error).__name__
        node.log.info("exchange %d: %s: %s", number, outcome, error)
    node.emit(Exchanged(number, outcome))


def execute(*, say: Any, name: str, seed: int, folder: str | None = None) -> dict[str, Any]:
    """Run a probe in a worker; return its digest, what was wrong with it, and what it may lack.

    With a folder, every record is kept there.
    """
    from simkit.network.standard_library import install

    install()  # before the library is imported, as `simkit run` does
    from simkit.explore.run import Run
    from simkit.testing.declaration import Declaration

    probe = load(name)

    class Exchanging(Node):
        run = functools.partialmethod(_run_client, probe.client)

    hosts = {"server": probe.server, **probe.hosts}
    declared = {"hosts": hosts, "faults": FAULTS, "network": "default: {rtt: 10ms}", "duration": f"{SECONDS}s"}
    declaration = Declaration(name, declared, Exchanging)
    scenario, kept = declaration.scenario(seed), None if folder is None else Path(folder)
    run = Run(scenario, declaration.card, folder=kept, trace="none" if kept is None else "file")
    outcomes: dict[int, str] = {}

    def note(record: Any) -> None:
        if isinstance(record.value, Exchanged):
            outcomes[record.value.number] = record.value.outcome

    run.world.records.subscribe(["event"], note)
    document = run.execute()
    problems = wrong_outcomes(outcomes, probe.settles_seconds)
    if document.error is not None:
        problems.insert(0, f"{document.error.host}: {document.error.traceback}")
    logs = [f"{line.time_ns / 1e9:8.3f} {line.host}: {line.text}" for line in document.logs]
    lacks = NEEDS[probe.needs] if probe.needs and not provided(probe.needs) else ""
    return {"digest": document.digest, "problems": problems, "lacks": lacks, "outcomes": outcomes, "logs": logs}


def wrong_outcomes(outcomes: Mapping[int, str], settles_seconds: int) -> list[str]:
    """Say what a client saw that it should not have seen, and which fault it did not notice."""
    excused = {number for fault in (CUT, KILLED) for number in range(fault.start, fault.stop + settles_seconds)}
    problems = [
        f"exchange {number}: {outcomes.get(number, 'never ended')}"
        for number in range(EXCHANGES)
        if outcomes.get(number) != "ok" and number not in excused
    ]
    for what, fault in (("partition", CUT), ("kill", KILLED)):
        if all(outcomes.get(number) == "ok" for number in fault):
            problems.append(f"the {what} was not noticed by any exchange")
    return problems


def provided(need: str) -> bool:
    """Return whether this interpreter has what a probe needs."""
    assert need == "fence"
    try:
        from simkit.kernel.fence import whereabouts
    except ImportError:
        return False
    return whereabouts.compiled is not None


async def _run_client(node: Node, client: Client) -> None:
    await client(node)


def facts(*, say: Any, name: str) -> dict[str, Any]:
    """Return in a worker what the page says of a probe."""
    from importlib.metadata import version

    from simkit.network.standard_library import install

    install()
    probe = load(name)
    title = (importlib.import_module(f"probes.{name}").__doc__ or "").partition(":")[0]
    return {
        "title": title,
        "versions": [f"{distribution} {version(distribution)}" for distribution in probe.distributions],
        "exercised": probe.exercised,
        "remedy": probe.remedy,
        "needs": probe.needs,
    }


def load(name: str) -> Probe:
    """Import a probe by the name of its file."""
    found: Probe = importlib.import_module(f"probes.{name}").PROBE
    return found


def names() -> list[str]:
    """Return the names of all probes, sorted."""
    return sorted(path.stem for path in (HERE / "probes").glob("*.py") if not path.stem.startswith("_"))
