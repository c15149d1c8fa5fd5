"""What makes the library's scenarios small enough for tests: settings that shorten each, and keep what it is about.

Whole they are tried by `make audit`.
"""

DATABASE: dict[str, list[str]] = {
    "ycsb_steady": [
        "duration=12s",
        "config.store.ranges=4",
        "load.half.until=10s",
        "load.reads.until=10s",
        "load.both.until=10s",
    ],
    "bank_faults": [
        "duration=30s",
        "load.transfers.until=20s",
        "load.lists.until=20s",
        "load.totals.until=28s",
        "config.store.ranges=2",
        "config.store.election_timeout=1s",
        *(f"faults.{name}.every=exp(12s)" for name in ("crash", "outage", "split", "slow", "skew")),
        *(f"faults.{name}.until=18s" for name in ("crash", "outage", "split", "slow", "skew")),
        *(f"faults.{name}.for=3s" for name in ("crash", "outage", "split", "slow", "skew")),
    ],
    "coordinator_death": [
        "duration=45s",
        "load.transfers.until=30s",
        "load.totals.until=40s",
        "load.lists.until=30s",
        "faults.deaths.until=30s",
    ],
    "commit_latency": [],
    "regions": ["duration=12s", "load.inserts.until=10s"],
    "contention": ["duration=12s", "load.lists.until=10s"],
    "github_2018": [
        "duration=50s",
        *(f"load.{name}.until=44s" for name in ("keys", "inserts", "readbacks")),
        "faults.hub_lost.at=10s",
        "faults.hub_lost.for=20s",
    ],
    "follower_reads": [
        "duration=26s",
        *(f"load.{name}.until=24s" for name in ("writes", "as_of", "within")),
        *(f"faults.{name}_lost.for=4s" for name in ("east", "west", "europe")),
        "faults.east_lost.at=7s",
        "faults.west_lost.at=13s",
        "faults.europe_lost.at=19s",
    ],
    "scale": [
        "duration=45s",
        "config.store.ranges=5",
        *(f"load.{name}.until=12s" for name in ("transfers", "lists", "totals")),
        "load.transfers.rate=20/s total",
        "load.lists.rate=10/s total",
        *(f"faults.{name}.every=5s" for name in ("crash", "split", "slow", "skew")),
        *(f"faults.{name}.for=2s" for name in ("crash", "split", "slow", "skew")),
        *(f"faults.{name}.until=10s" for name in ("crash", "split", "slow", "skew")),
    ],
    "ranges_split": [
        "duration=22s",
        *(f"load.{name}.until=16s" for name in ("keys", "transfers", "lists")),
        "load.totals.until=18s",
        "faults.crash.every=exp(6s)",
        "faults.crash.until=14s",
    ],
    "ranges_merge": [
        "duration=36s",
        "load.keys.until=10s",
        *(f"load.{name}.until=26s" for name in ("transfers", "lists", "totals")),
        "load.keys.rate=60/s total",
        "config.store.split_load=50",
        "faults.left.at=when point neighbour-frozen on stores",
        "faults.merged.at=2nd point neighbour-merged on stores",
        "faults.row.at=2nd point meta-row-written on stores",
        "faults.cut.at=5th range.frozen",
        *(f"faults.{name}.for=2s" for name in ("merged", "row", "cut")),
    ],
    "replaced_store": [
        "duration=42s",
        *(f"load.{name}.until=28s" for name in ("transfers", "totals", "inserts")),
        "load.readbacks.until=34s",
        "faults.dies.at=8s",
        "faults.voice.at=9s",
        "faults.voice.for=4s",
        "faults.too.at=19s",
        "config.placement.away_after=3s",
    ],
    "majority": ["duration=1100s"],
    "skewed_clocks": ["duration=16s", "load.keys.until=14s", "load.lists.until=14s"],
    "slow_leader": ["duration=22s", "load.reads.until=20s", "load.writes.until=20s"],
    "cloudflare_2020": ["duration=60s", "load.keys.until=55s", "faults.switch.for=25s"],
    "disk_faults": [
        "duration=50s",
        *(f"load.{name}.until=44s" for name in ("keys", "transfers", "totals", "inserts", "readbacks")),
        "faults.blackout.at=8s",
        "faults.blackout.every=4s",
        "faults.blackout.until=18s",
        "faults.rot.at=25s",
        "faults.rot.until=32s",
        "faults.full.at=35s",
        "faults.full.for=4s",
    ],
}

TASK_QUEUE: dict[str, list[str]] = {
    "steady": ["duration=5min", "load.resize.until=3min"],
    "slow_is_not_dead": ["duration=6min", "load.resize.until=4min", "faults.gc.at=1min"],
    "worker_crashes": [
        "duration=8min",
        "load.resize.until=4min",
        "faults.losses.until=4min",
        "faults.losses.every=exp(40s)",
    ],
    "broker_power_cut": [
        "duration=5min",
        "load.resize.until=150s",
        "faults.outage.at=60s",
        "faults.again.at=100s",
    ],
    "priorities": [
        "duration=3min",
        "load.urgent.until=2min",
        "load.normal.until=2min",
        "load.batch.until=2min",
    ],
    "erlang": ["duration=3min", "load.resize.until=2min"],
    "bad_network": ["duration=4min", "load.resize.until=130s"],
    "rerouted": ["duration=4min"],
    "restarts": ["duration=10min", "load.render.until=60s", "faults.losses.until=9min"],
}

SMALLER = {
    f"{system}/{name}": changes
    for system, scenarios in (("database", DATABASE), ("task_queue", TASK_QUEUE))
    for name, changes in scenarios.items()
} | {
    # Played whole, or smaller still, where their verdicts count; here every fault and kind of load has to take part.
    "task_queue/everything": ["load.resize.rate=1/s total", "load.burst.count=50"],
    "task_queue/wrong_clocks": ["load.resize.rate=1/s total"],
    "task_queue/rollout": ["load.resize.rate=1/s total"],
    "task_queue/dial": ["load.resize.rate=1/s total", "duration=3min", "load.resize.until=2min"],
    "database/online_index": [
        "duration=25s",
        "load.items.until=22s",
        "load.index.until=18s",
        "load.checks.until=24s",
        "faults.restart.every=exp(8s)",
        "faults.restart.until=20s",
    ],
    "database/sql_oracle": [
        "duration=25s",
        "load.statements.until=22s",
        "faults.gateway.every=exp(6s)",
        "faults.gateway.until=20s",
        "faults.outage.every=exp(8s)",
        "faults.outage.until=20s",
    ],
    "database/backup_restore": ["load.transfers.rate=6/s total"],
}
