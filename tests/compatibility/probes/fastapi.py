"""FastAPI on uvicorn, asked by httpx: routes that are coroutines."""

import asyncio

import httpx
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from probe import Probe, exchanges
from pydantic import BaseModel


class Order(BaseModel):
    number: int


def server():
    app = FastAPI()

    @app.post("/orders")
    async def order(order: Order) -> Order:
        await asyncio.sleep(0.01)
        return order

    @app.get("/stream/{number}")
    async def stream(number: int) -> StreamingResponse:
        async def parts():
            for _ in range(number % 5):
                await asyncio.sleep(0.01)
                yield "." * 1000

        return StreamingResponse(parts())

    return app


async def client(node):
    async with httpx.AsyncClient(base_url="http://server:8080", timeout=5) as session:

        async def exchange(number):
            if number % 2:
                async with session.stream("GET", f"/stream/{number}") as answer:
                    size = sum([len(part) async for part in answer.aiter_bytes()])
                return number if size == number % 5 * 1000 else None
            answer = await session.post("/orders", json={"number": number})
            return answer.raise_for_status().json()["number"]

        await exchanges(node, exchange)


PROBE = Probe(
    "async routes with models, streamed answers, served by uvicorn, asked by httpx with kept connections",
    server,
    client,
    ("fastapi", "uvicorn", "httpx"),
)
