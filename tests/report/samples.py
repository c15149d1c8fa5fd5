"""Run documents as a real run would leave them: one that passes, one that fails with a story, one that is an error.

A queue with six workers is stepped through twenty minutes in tenths of a second and watched by a real `Observation`;
no node, network or scenario file is needed. Run as a program, it writes the pages of all samples into a folder.
"""

import sys
from pathlib import Path

import msgspec

from simkit.kernel.world import World
from simkit.observe.document import (
    Document,
    ErrorEntry,
    ExpectationEntry,
    FaultEntry,
    HostEntry,
    StoryStep,
    Verdict,
    tell,
)
from simkit.observe.observation import Observation

S = 1_000_000_000
STEP_NS = S // 10
DURATION_NS = 1_200 * S
VERSIONS = {"simkit": "0.1.0", "python": "3.11.7", "numpy": "2.4.6", "msgspec": "0.22.0"}


class Dice:
    """Numbers of a linear congruential generator (Knuth's MMIX), so that samples hang on no other code."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, bound: int) -> int:
        """Return a number from 0 up to and without `bound`."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 33) % bound


def hosts(workers: int = 6) -> list[HostEntry]:
    """One broker, some workers in two zones, three clients."""
    names = [HostEntry(name="broker", group="broker", role="broker")]
    names += [
        HostEntry(name=f"workers-{number}", group="workers", role="worker", zone="ab"[number % 2])
        for number in range(workers)
    ]
    return names + [HostEntry(name=f"clients-{number}", group="clients", role="client") for number in range(3)]


def faults(workers: int = 6) -> list[FaultEntry]:
    """A pause of two workers, kills now and then, a partition, a power cut of the broker."""
    dice = Dice(11)
    entries = [
        FaultEntry(
            name="gc",
            fault="pause",
            targets=("workers-1", "workers-4"),
            begin_ns=300 * S,
            end_ns=390 * S,
            line=14,
            text="pause workers-1, workers-4 for 90 s",
            source="  gc:     {pause: any 2 of workers, at: 5min, for: 90s}",
        )
    ]
    for number in range(12):
        begin_ns = (70 + 90 * number + dice.below(40)) * S + dice.below(1000) * 1_000_000
        target = f"workers-{dice.below(workers)}"
        entries.append(
            FaultEntry(
                name="losses",
                fault="kill",
                targets=(target,),
                begin_ns=begin_ns,
                end_ns=min(begin_ns + 30 * S, 1_190 * S),
                line=15,
                text=f"kill {target} for 30 s",
                source="  losses: {kill: any 1 of workers, every: exp(2min), for: 30s}",
            )
        )
    entries.append(
        FaultEntry(
            name="split",
            fault="partition",
            targets=(),
            begin_ns=600 * S,
            end_ns=620 * S,
            line=16,
            text="partition zone a from all others for 20 s",
            source="  split:  {partition: [[a], [b]], at: 10min, for: 20s}",
        )
    )
    entries.append(
        FaultEntry(
            name="again",
            fault="power_cut",
            targets=("broker",),
            begin_ns=605 * S,
            end_ns=608 * S,
            line=17,
            text="power cut of broker for 3 s",
            source="  again:  {power_cut: broker, at: 5s after split, for: 3s}",
        )
    )
    return sorted(entries, key=lambda entry: (entry.begin_ns, entry.name))


def _transitions(entries: list[FaultEntry], names: list[str]) -> list[tuple[int, str, str]]:
    """Return (time, host, manner) such that a host is up while no fault holds it down."""
    changes: list[tuple[int, str, str]] = []
    for name in names:
        held: list[FaultEntry] = [entry for entry in entries if name in entry.targets]
        edges = sorted({0, *(entry.begin_ns for entry in held), *(entry.end_ns or 0 for entry in held)})
        before = "down"
        for time_ns in edges:
            active = [entry for entry in held if entry.begin_ns <= time_ns < (entry.end_ns or 0)]
            state = "down" if any(one.fault != "pause" for one in active) else "paused" if active else "up"
            if state != before:
                manner = {
                    "up": "resume" if before == "paused" else "boot",
                    "paused": "pause",
                    "down": "power_cut" if name == "broker" else "kill",
                }[state]
                if before == "down" and state == "paused":
                    changes.append((time_ns, name, "boot"))
                changes.append((time_ns, name, manner))
                before = state
    return sorted(changes)


def play(world: World, workers: int = 6, until_ns: int = DURATION_NS) -> tuple[Observation, list[FaultEntry]]:
    """Step the queue through the run, watched."""
    entries = [entry for entry in faults(workers) if entry.begin_ns < until_ns]
    observation = Observation(world, hosts(workers), DURATION_NS, 60 * S)
    names = [host.name for host in observation.hosts]
    changes = [change for change in _transitions(entries, names) if change[0] <= until_ns]
    edges = sorted((time_ns, entry.name) for entry in entries for time_ns in (entry.begin_ns, entry.end_ns or 0))
    dice, depth, serial = Dice(7), 0.0, 0
    state = dict.fromkeys(names, "down")
    for now_ns in range(0, until_ns + 1, STEP_NS):
        while edges and edges[0][0] <= now_ns:
            world.now_ns = max(world.now_ns, edges[0][0])
            world.records.write("fault", "", edges.pop(0)[1])
        while changes and changes[0][0] <= now_ns:
            world.now_ns, host, manner = changes.pop(0)
            world.records.write("host", host, manner)
            state[host] = {"boot": "up", "resume": "up", "pause": "paused"}.get(manner, "down")
        world.now_ns = now_ns
        up = [name for name in names if name.startswith("workers") and state[name] == "up"]
        split = 600 * S <= now_ns < 620 * S
        usable = [name for name in up if not split or int(name[-1]) % 2] if state["broker"] == "up" else []
        arrived = dice.below(3) + dice.below(2) if now_ns < 1_140 * S else 0
        capacity = 0.36 * len(usable) * (0.8 + dice.below(40) / 100)
        done = min(depth + arrived, capacity)
        depth = max(0.0, depth + arrived - done)
        if state["broker"] == "up":
            observation.metrics_of("broker").gauge("queue.depth", "tasks").set(round(depth))
        for name in up:
            observation.metrics_of(name).gauge("lease.held", "leases").set(min(4, round(depth / 6)))
            observation.metrics_of(name).counter("task.done", "tasks").add(done / len(up))
        for number in range(arrived):
            wait_s = depth / max(0.4, capacity * 10) * (0.6 + dice.below(100) / 100)
            latency_s = 0.08 + dice.below(1200) / 1000 + wait_s
            client = f"clients-{(serial + number) % 3}"
            observation.metrics_of(client).histogram("task.latency", "s").record(latency_s, now_ns)
        serial += arrived
        for _ in range(arrived):
            world.records.write("event", "broker", "task.acknowledged")
        if up and dice.below(300) == 0:
            world.records.write("event", "broker", "task.redelivered")
            who = up[dice.below(len(up))]
            world.records.write("log", who, "INFO", "task_queue.worker", f"attempt 2 of {serial:04x} begins")
    return observation, entries


def passing() -> Document:
    """A run that passes, with faults of every kind."""
    world = World(seed=7)
    observation, entries = play(world)
    observation.close()
    expectations = [
        expectation("always no_acked_task_lost", "19,380 tasks acknowledged, 0 lost"),
        expectation("always effect_once", "41 delivered again, 8 late results fenced off, 0 twice"),
        expectation("eventually queue_drained within 2min", "1.4 s after the last fault healed", margin=0.988),
        expectation("sometimes task.redelivered", "41 times, first at 02:09.204"),
        expectation("task.latency p99 < 2s in steady", "1.31 s   (6.9 s in faults, 2.2 s in recovery)", margin=0.345),
    ]
    document = _document(observation, entries, expectations, "pass")
    world.close()
    return document


def failing() -> Document:
    """The same run without lease tokens: a worker that was only slow writes an effect again."""
    world = World(seed=7)
    observation, entries = play(world)
    for time_ms, host, level, text in (
        (298_207, "workers-1", "INFO", "lease 3f2a taken, attempt 1"),
        (390_298, "workers-1", "WARNING", "lease 3f2a is 32.1 s past its deadline"),
        (390_305, "workers-4", "WARNING", "lease 41c0 is 30.7 s past its deadline"),
        (390_309, "workers-1", "WARNING", "lease 3f2b is 31.9 s past its deadline"),
        (390_312, "workers-4", "WARNING", "<script>alert('a log line is not markup')</script>"),
    ):
        world.now_ns = time_ms * 1_000_000
        world.records.write("log", host, level, "task_queue.worker", text)
    world.now_ns = DURATION_NS
    observation.close()
    story = [
        step(298_207, "workers-1", "lease 3f2a, attempt 1, until 05:58.207"),
        step(359_000, "broker", "sweeper: lease of 3f2a expired, queued again"),
        step(361_442, "workers-3", "attempt 2 done, effect written"),
        step(390_311, "workers-1", "awake; attempt 1 done, effect written AGAIN"),
    ]
    violations = [tell(390_311_000_000, "workers-1", "task 3f2a took effect twice", story, entries)]
    violations += [
        tell(390_311_000_000 + number * 41_000_000, "workers-4", f"task 41c{number} took effect twice", (), entries)
        for number in range(6)
    ]
    expectations = [
        expectation("always no_acked_task_lost", "19,380 tasks acknowledged, 0 lost"),
        expectation(
            "always effect_once",
            "task 3f2a took effect twice; 7 tasks in all",
            verdict="fail",
            as_declared=False,
            violations=tuple(violations),
            violations_total=7,
        ),
        expectation("eventually queue_drained within 2min", "1.4 s after the last fault healed", margin=0.988),
        expectation("sometimes task.redelivered", "41 times, first at 02:09.204"),
        expectation("task.latency p99 < 2s in steady", "1.31 s   (6.9 s in faults, 2.2 s in recovery)", margin=0.345),
    ]
    document = _document(observation, entries, expectations, "fail", scenario="my", file="my.yaml")
    world.close()
    return document


def broken() -> Document:
    """A run that ends early because a node raised an exception that nobody allows."""
    world = World(seed=3)
    observation, entries = play(world, until_ns=608 * S)
    observation.close()
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "nodes/simkit_nodes/task_queue/broker.py", line 214, in replay\n'
        "    entry = self.codec.decode(frame)\n"
        "ValueError: frame 4,112 ends after 17 of 48 bytes"
    )
    world.now_ns = 608_004_000_000
    error = ErrorEntry(
        text="ValueError: frame 4,112 ends after 17 of 48 bytes",
        traceback=traceback,
        host="broker",
        time_ns=608_004_000_000,
    )
    expectations = [
        expectation("always no_acked_task_lost", "9,240 tasks acknowledged, 0 lost so far", verdict="unknown"),
        expectation("always effect_once", "12 delivered again, 0 twice so far", verdict="unknown"),
        expectation("eventually queue_drained within 2min", "the run ended before", verdict="unknown"),
    ]
    document = _document(observation, entries, expectations, "error", seed=3, error=error)
    world.close()
    return document


def crowded() -> Document:
    """Many hosts and awkward names: groups instead of single lanes, text that is not markup, no faults."""
    world = World(seed=1)
    odd = 'a<b>&"c\x1b[31m'
    entries = [HostEntry(name=f"stores-{number}", group="stores") for number in range(60)]
    entries += [HostEntry(name=f"{odd}-{number}", group=odd) for number in range(3)]
    observation = Observation(world, entries, 5_400 * S)
    for host in entries:
        world.records.write("host", host.name, "boot")
    world.now_ns = 1_000 * S
    for number in range(23):
        world.records.write("host", f"stores-{number}", "kill")
    world.now_ns = 1_500 * S
    for number in range(23):
        world.records.write("host", f"stores-{number}", "boot")
    world.records.write("log", f"{odd}-1", "ERROR", odd, f"line one {odd}\nline two </script>")
    world.now_ns = 5_400 * S
    observation.close()
    expectations = [expectation(f"sometimes {odd}", "0 times", verdict="unknown", as_declared=False)]
    document = _document(observation, [], expectations, "unknown", scenario="crowded", seed=1, as_declared=False)
    world.close()
    return document


def step(time_ms: int, host: str, text: str) -> StoryStep:
    """One line of a story."""
    return StoryStep(time_ns=time_ms * 1_000_000, host=host, text=text)


def expectation(text: str, summary: str, *, verdict: Verdict = "pass", **fields: object) -> ExpectationEntry:
    """One line of `expect:`, its kind read from its first word."""
    first, _, rest = text.partition(" ")
    kind = first if first in ("always", "eventually", "sometimes", "fails") else "metric"
    subject = text if kind == "metric" else rest
    return ExpectationEntry(text=text, kind=kind, subject=subject, summary=summary, verdict=verdict, **fields)  # type: ignore[arg-type]


def _document(
    observation: Observation,
    entries: list[FaultEntry],
    expectations: list[ExpectationEntry],
    verdict: Verdict,
    *,
    scenario: str = "task_queue/slow_is_not_dead",
    file: str = "slow_is_not_dead.yaml",
    seed: int = 7,
    error: ErrorEntry | None = None,
    as_declared: bool | None = None,
) -> Document:
    document = observation.document(
        scenario=scenario,
        file=file,
        title="Slow is not dead",
        system="task_queue",
        seed=seed,
        core="python",
        wall_seconds=4.1,
        versions=VERSIONS,
        verdict=verdict,
        as_declared=verdict == "pass" if as_declared is None else as_declared,
        faults=entries,
        expectations=expectations,
        error=error,
    )
    # No test knows a digest: it belongs to one version of the kernel.
    return msgspec.structs.replace(document, digest=f"{seed:04x}9c41e07a55d211d07be290aa3f2a41c0"[:32])


SAMPLES = {"passing": passing, "failing": failing, "broken": broken, "crowded": crowded}


def main(folder: Path) -> None:
    """Write run.json and report.html of every sample below `folder`, and print what the terminal would say."""
    from simkit.report.page import page
    from simkit.report.terminal import terminal

    for name, make in SAMPLES.items():
        document = make()
        (folder / name).mkdir(parents=True, exist_ok=True)
        document.write(folder / name / "run.json")
        text = page(document, run_folder=f"runs/{name}-{document.seed}")
        (folder / name / "report.html").write_text(text, encoding="utf-8")
        print(terminal(document, run_folder=f"runs/{name}-{document.seed}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
