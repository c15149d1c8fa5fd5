"""The command: ``python -m benchmarks [WORK ...] [--rounds N] [--size SIZE] [--json] [--only CONTENDER]``.

Without a work it does all of them. It prints tables, or with ``--json`` a list of rows, and writes what it measured to
`benchmarks/results/` unless it was told the size for tests or to measure some contenders only.
"""

import argparse
import json
import sys

from benchmarks import results
from benchmarks.registry import WORKS
from benchmarks.rounds import rows_of
from benchmarks.table import text_table
from benchmarks.work import SIZES, WrongOutcome

ROUNDS = 7


def main(arguments: list[str] | None = None) -> int:
    """Measure; return 1 if a contender did something else than the work."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed as a ratio to named peers.")
    parser.add_argument("work", nargs="*", metavar="WORK", help=f"{', '.join(WORKS)}; all of them by default")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"alternating rounds ({ROUNDS})")
    parser.add_argument("--size", choices=SIZES, default="medium", help="small is for tests, full for goals (medium)")
    parser.add_argument("--only", action="append", default=[], metavar="CONTENDER", help="these and the baseline alone")
    parser.add_argument("--json", action="store_true", help="print rows as JSON instead of tables")
    given = parser.parse_args(arguments)
    for name in given.work:
        if name not in WORKS:
            parser.error(f"no work {name!r}; there are {', '.join(WORKS)}")
    if given.rounds < 1:
        parser.error("at least one round")
    try:
        return _measure(given)
    except WrongOutcome as wrong:
        print(wrong, file=sys.stderr)
        return 1


def _measure(given: argparse.Namespace) -> int:
    keep = given.size != "small" and not given.only
    all_rows = []
    for name in given.work or WORKS:
        rows = rows_of(WORKS[name], rounds=given.rounds, size=given.size, only=given.only, say=_say)
        all_rows += rows
        if not given.json:
            print(text_table(WORKS[name], rows), end="\n\n", flush=True)
        if keep:
            results.write(name, rows, given.size)
    if keep:
        results.write_page()
    if given.json:
        print(json.dumps(all_rows, indent=1))
    return 0


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
