"""Closed-form laws: what theory says a system does, for figures and tests to compare with.

One module per subject, imported by name: `from simkit.laws import erlang`. Every function is pure. What the question
asks about comes first by position, the parameters of the system by name with their unit: `_per_s` is a rate, `_s` a
time in seconds, `_erlangs` an offered load (arrival rate times mean service time). A value outside a law's domain is
a ValueError that names it.

| module | law |
|---|---|
| `erlang` | M/M/c: Erlang B and C, wait and response times |
| `single_server` | M/G/1 (Pollaczek-Khinchine), M/M/1, M/D/1 |
| `processor_sharing` | M/G/1 shared by all jobs present |
| `priorities` | Cobham's non-preemptive priorities |
| `finite_buffer` | M/M/1/K and M/M/c/K |
| `loss` | Kaufman-Roberts: sessions of several sizes on one pool |
| `jackson` | open networks of queues |
| `little` | Little's law |
| `restart` | tasks that start over after a failure |
| `checkpoint` | Young's and Daly's checkpoint interval |
| `retries` | amplification, retry budgets, throttling |
| `backoff` | bounds of exponential backoff |
| `balancing` | power of d choices |
| `caching` | Che's approximation, FIFO and random replacement, times to live |
| `availability` | k of n, majorities |
| `order_statistics` | the slowest of n, tail at scale |
| `occupancy` | birthdays, coupons, collisions |
| `bursts` | Gilbert-Elliott loss |
| `tcp` | Mathis, Padhye: throughput under loss |
| `scaling` | Amdahl, Universal Scalability |
| `binomial`, `beta`, `student` | the distributions behind tails and intervals |

These are deliberately not for nodes: they use the machine's `math` and numpy, whose last bits differ between machines,
so nothing that feeds a run may come from here.
"""
