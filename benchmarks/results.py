"""The results folder: `<work>.json` with the rows of each Python, and a page and a plot made from all of them.

A measurement replaces what the same Python gave for the same work before, and nothing else.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.registry import WORKS
from benchmarks.table import text_table

FOLDER = Path(__file__).parent / "results"
Row = dict[str, Any]


def write(work_name: str, rows: Sequence[Row], size: str, folder: Path = FOLDER) -> None:
    """Keep the rows of one work, measured just now."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{work_name}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known[machine.python_name()] = {"size": size, "machine": machine.facts(), "rows": list(rows)}
    path.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def write_page(folder: Path = FOLDER) -> None:
    """Make the page and the plot again from everything that is kept."""
    kept = {name: json.loads(p.read_text()) for name in WORKS if (p := folder / f"{name}.json").exists()}
    parts = ["# Results\n\nWritten by `python -m benchmarks`; the method stands in `benchmarks/README.md`."]
    parts.append("![Ratio to the baseline, by work and contender](ratios.svg)")
    for name, by_python in kept.items():
        parts.append(f"## {name}")
        for python, measured in by_python.items():
            parts.append(f"{_facts(measured, python)}\n\n```text\n{text_table(WORKS[name], measured['rows'])}\n```")
    (folder / "README.md").write_text("\n\n".join(parts) + "\n")
    _plot(kept, folder / "ratios.svg")


def _facts(measured: dict[str, Any], python: str) -> str:
    facts = measured["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    load = facts["load_average"][0]
    return (
        f"{facts['python']}, {facts['processor']}, {facts['cores']} cores, {facts['system']}; load average {load} "
        f"at the end; size {measured['size']}, {max(row['rounds'] for row in measured['rows'])} rounds. {packages}."
    )


def _plot(kept: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "simkit"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(kept), 1, figsize=(8, 2.2 * len(kept)), squeeze=False, layout="constrained")
    for axis, (name, by_python) in zip(axes[:, 0], kept.items(), strict=True):
        python, measured = next(iter(by_python.items()))
        first = WORKS[name].cases[0].name
        rows = [row for row in measured["rows"] if row["case"] == first and row["ratio"] is not None]
        rows.sort(key=lambda row: row["ratio"])
        middle = [row["ratio"] for row in rows]
        spread = [[r["ratio"] - r["min"] for r in rows], [r["max"] - r["ratio"] for r in rows]]
        names = [row["contender"] for row in rows]
        colours = ["#1f6f8b" if name.startswith("simkit") else "#808080" for name in names]
        # Points, not bars: on a logarithmic axis the length of a bar means nothing.
        axis.errorbar(middle, names, xerr=spread, fmt="none", ecolor=colours)
        axis.scatter(middle, names, color=colours, zorder=3)
        axis.set_xscale("log")
        axis.axvline(1.0, color="black", linewidth=0.8)
        axis.set_title(f"{name}, {first} ({python}): ratio to {WORKS[name].baseline}", loc="left", fontsize=9)
        axis.tick_params(labelsize=8)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
