"""FastAPI, routes that are plain functions: each runs in a thread of anyio's, outside of the loop."""

import threading

import httpx
from fastapi import Depends, FastAPI
from probe import Probe, exchanges
from pydantic import BaseModel


class Order(BaseModel):
    number: int


def server():
    app = FastAPI()
    lock = threading.Lock()

    def doubled(number: int) -> int:
        with lock:
            return 2 * number

    @app.get("/orders/{number}")
    def order(number: int, twice: int = Depends(doubled)) -> Order:
        return Order(number=twice - number)

    return app


async def client(node):
    async with httpx.AsyncClient(base_url="http://server:8080", timeout=5) as session:

        async def exchange(number):
            answer = await session.get(f"/orders/{number}")
            return answer.raise_for_status().json()["number"]

        await exchanges(node, exchange)


PROBE = Probe("sync routes and sync dependencies", server, client, ("fastapi", "uvicorn", "httpx", "anyio"))
