"""A client of the SQL layer in tests without a world: each statement is run to its end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.prepare import Preparation
from simkit_nodes.database.sql.result import Result
from simkit_nodes.database.sql.schema import Schema
from simkit_nodes.database.sql.session import Session


class Client:
    """A session whose statements are run to their end: nothing of the database in memory waits."""

    def __init__(self, database: Any, schema: Schema | None = None, limits: Limits | None = None) -> None:
        self.schema = schema or Schema(database, "gateway")
        self.session = Session(database, self.schema, Preparation(limits or Limits()))

    def __call__(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return list(self.result(text, *parameters).rows)

    def result(self, text: str, *parameters: Any) -> Result:
        """Run one statement and return its whole answer."""
        return finish(self.session.execute(text, parameters))


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end; one that waits for ever is cancelled."""

    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await coroutine

    return asyncio.run(bounded())
