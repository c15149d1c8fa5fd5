"""SQLite through the standard library, in memory, each statement a transaction of its own."""

from benchmarks.sql import Statements, answer, loaded, wrong
from benchmarks.work import Outcome, Timed


def prepare(given: Statements) -> Timed:
    """Load the tables."""
    connection = loaded(given)

    def run() -> Outcome:
        answers = [answer(connection, text, parameters) for text, parameters in given.asked]
        return Outcome(len(answers), None, (), {"wrong": wrong(given, answers)})

    return run
