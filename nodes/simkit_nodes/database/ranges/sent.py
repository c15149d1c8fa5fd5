"""What came of requests that were sent: their answers in order, put together where one request went in several parts.

It deliberately knows neither ranges nor stores: the sender does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simkit_nodes.database.messages import Request, ResolvedTimestamp, Response


@dataclass(slots=True)
class Sent:
    """The answers to requests, in order, and the greatest timestamps at which they were carried out.

    `elsewhere` counts batches that another replica than the nearest one has answered, of those sent there first.
    """

    responses: list[Response]
    read_timestamp: int = 0
    write_timestamp: int = 0
    elsewhere: int = 0


def joined(requests: Sequence[Request], parts: list[tuple[int, Request]], sent: Sent) -> Sent:
    """Return one response for each request, where one was cut into several."""
    if len(parts) == len(requests):
        return sent
    responses: list[Response] = [None] * len(requests)  # type: ignore[list-item]
    for (place, _), response in zip(parts, sent.responses, strict=True):
        responses[place] = both(responses[place], response)
    return Sent(responses, sent.read_timestamp, sent.write_timestamp, sent.elsewhere)


def both(known: Response | None, response: Response) -> Response:
    """Return the answer to a request of which one part was answered by what is known."""
    if isinstance(known, ResolvedTimestamp) and isinstance(response, ResolvedTimestamp):
        return min(known, response, key=lambda each: each.timestamp)
    return response
