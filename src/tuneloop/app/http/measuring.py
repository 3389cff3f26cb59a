"""Counts and times of one server process, for Prometheus: requests, answers, tokens; runs and loaded bases when asked.

The label `route` is the function that answers (`openai.chat.create`), never a path: what people send makes no labels.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuneloop.serve.exchanges import Exchange

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
PACKAGE = "tuneloop.app.http."


class Meters:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        place: Any = {"registry": self.registry}
        self.requests = Counter("tuneloop_http_requests", "Requests answered", ["route", "method", "status"], **place)
        self.seconds = Histogram(
            "tuneloop_http_seconds", "Seconds to the first byte", ["route"], buckets=SECONDS, **place
        )
        self.in_flight = Gauge("tuneloop_http_in_flight", "Requests being answered", **place)
        self.answers = Counter("tuneloop_answers", "Answers of models", ["model", "outcome"], **place)
        self.tokens = Counter("tuneloop_tokens", "Tokens read and written", ["model", "kind"], **place)
        self.first_token = Histogram(
            "tuneloop_first_token_seconds", "Seconds to the first token", ["model"], buckets=SECONDS, **place
        )
        self.runs = Gauge("tuneloop_runs", "Runs by state", ["state"], **place)


class Noting(Protocol):
    def note(self, exchange: Exchange) -> bool: ...


class CountedExchanges:
    """Counts each exchange, kept or not, on its way to the log."""

    def __init__(self, meters: Meters, log: Noting) -> None:
        self.meters, self.log = meters, log

    def note(self, exchange: Exchange) -> bool:
        meters = self.meters
        meters.answers.labels(exchange.model, exchange.outcome).inc()
        meters.tokens.labels(exchange.model, "prompt").inc(exchange.prompt_tokens)
        meters.tokens.labels(exchange.model, "completion").inc(exchange.completion_tokens)
        if exchange.first_token is not None:
            meters.first_token.labels(exchange.model).observe(exchange.first_token)
        return self.log.note(exchange)


class Measuring:
    """The outermost layer of an application: counts every answer, those of the guards too."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self.app, self.meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, took = time.perf_counter(), 500, 0.0

        async def watched(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status, took = message["status"], time.perf_counter() - began
            await send(message)

        self.meters.in_flight.inc()
        try:
            await self.app(scope, receive, watched)
        finally:
            self.meters.in_flight.dec()
            route = name_of(scope)
            self.meters.requests.labels(route, scope["method"] if route else "", str(status)).inc()
            self.meters.seconds.labels(route).observe(took)


def name_of(scope: Scope) -> str:
    """The function that answered; empty where none did (an unknown address, a guard that refused)."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return ""
    return f"{endpoint.__module__.removeprefix(PACKAGE)}.{endpoint.__name__}"
