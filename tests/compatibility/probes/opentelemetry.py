"""The OpenTelemetry SDK: a span on each side of a request, joined by its header; metrics that are collected by hand."""

import aiohttp
from aiohttp import web
from opentelemetry import propagate
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id
from probe import Probe, exchanges

# Without one the SDK looks for what it runs on, in threads.
RESOURCE = Resource({"service.name": "probe"})


def telemetry():
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("probe"), exporter


def server():
    tracer, exporter = telemetry()
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], RESOURCE, shutdown_on_exit=False).get_meter("probe")
    asked = meter.create_counter("asked")

    async def answer(request):
        with tracer.start_as_current_span("answer", context=propagate.extract(request.headers)):
            asked.add(1)
        (span,) = exporter.get_finished_spans()
        exporter.clear()
        (resource,) = reader.get_metrics_data().resource_metrics
        (point,) = resource.scope_metrics[0].metrics[0].data.data_points
        told = {"parent": format_span_id(span.parent.span_id), "asked": point.value, "end": span.end_time}
        return web.json_response(told)

    app = web.Application()
    app.router.add_get("/", answer)
    return app


async def client(node):
    tracer, exporter = telemetry()
    async with aiohttp.ClientSession("http://server:8080") as session:

        async def exchange(number):
            with tracer.start_as_current_span("ask") as span:
                headers = {}
                propagate.inject(headers)
                async with session.get("/", headers=headers) as answer:
                    told = await answer.json()
            mine = format_span_id(span.get_span_context().span_id)
            exporter.clear()
            return number if told["parent"] == mine and span.start_time < told["end"] < span.end_time else None

        await exchanges(node, exchange)


PROBE = Probe(
    "spans with identifiers and times, propagation in headers, counters",
    server,
    client,
    ("opentelemetry-sdk",),
    remedy="a `Resource` of your own, `SimpleSpanProcessor`, readers that are asked (see below)",
)
