"""Prints `docs/compatibility.md`: what the probes say of themselves, as a table. `make docs` runs this file.

The outcome in a row is what `test_probes.py` holds the probe to; nothing is run here.
"""

from collections.abc import Iterable
from typing import Any

import probe
import refusals

from simkit.kernel.worker import Worker

HEAD = """\
# Compatibility

Libraries that run on simulated hosts as they are. `make docs` writes this page from the probes in
`tests/compatibility/`; CI runs each of them: a client and a server on two hosts for a minute of virtual time, with
added latency from second {slow}, a partition from second {cut} to {cut_end}, the server's process killed at second
{killed} and booted at second {booted}. "Runs" means that

- every exchange outside of the faults' reach succeeded, and some within it failed,
- six runs of one seed gave one digest, sent bytes included: three in each of two interpreters whose heaps differ and
  which ran other probes before.

Versions are those of `constraints.txt`. [Limits](limits.md) says what a host has and what it has not.

## What runs

"""

REFUSED = """
## What is refused

The error names the line. Tested as well.

"""

VERSIONS = """
## CPython 3.11, 3.12 and 3.13

All tests pass on each of them (tried with 3.11.7, 3.12.1 and 3.13.0), and every pin has a wheel for each. What differs:

- Digests are promised within one minor version. 11 of the 16 probes above have one digest under all three, and so have
  the runs of the task queue and of the database that were compared. aiohttp, grpclib, websockets and OpenTelemetry's
  probe tell their peer in a header which Python they are; the MQTT broker answers two packets in another order.
- Of [CPython's own asyncio tests](../tests/kernel/test_cpython.py) 1,711 run on a host's loop under 3.11, 1,765 under
  3.12 and 1,849 under 3.13; 351, 355 and 362 are [left out with a reason](../tests/kernel/left_out.py), most of them
  because they are about the stock loop.
- Eager tasks (3.12: `eager_task_factory`, `eager_start=True`) begin at once, as asyncio's own do; they stand beside the
  kernel's.
- The compiled core exists for all three; its lead over SimPy is smaller where the interpreter itself is faster.
"""


def facts(worker: Worker) -> list[dict[str, Any]]:
    """Return what every probe says of itself; asked in a worker, because the libraries are imported for it."""
    return [worker.call("probe:facts", name=name) for name in probe.names()]


def row(cells: Iterable[str]) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    return row(head) + row("---" for _ in head).replace(" ", "") + "".join(row(cells) for cells in rows)


def page(worker: Worker) -> str:
    """Return the whole page."""
    rows = [
        (
            each["title"],
            ", ".join(each["versions"]) or "Python's own",
            each["exercised"],
            probe.NEEDS[each["needs"]] if each["needs"] else "runs, six times the same",
            each["remedy"] or "-",
        )
        for each in sorted(facts(worker), key=lambda each: bool(each["versions"]))
    ]
    head = HEAD.format(
        slow=5, cut=probe.CUT.start, cut_end=probe.CUT.stop, killed=probe.KILLED.start, booted=probe.KILLED.stop
    )
    refused = [(each.call, each.why, each.instead) for each in refusals.REFUSALS]
    return (
        head
        + table(("library", "versions", "exercised", "outcome", "to do"), rows)
        + REFUSED
        + table(("call", "why", "instead"), refused)
        + VERSIONS
    )


if __name__ == "__main__":
    with Worker((str(probe.HERE),)) as worker:
        print(page(worker), end="")
