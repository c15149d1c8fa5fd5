"""All works, by name, in the order in which `make bench` does them."""

from benchmarks import messages, mm1, timers
from benchmarks.work import Work

WORKS: dict[str, Work] = {work.name: work for work in (timers.WORK, messages.WORK, mm1.WORK)}
