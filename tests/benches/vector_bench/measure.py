"""Measuring engines beside each other: they are built one after another and then take turns."""

import statistics
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import data
from .data import Condition, Data, Numbers
from .engines import Engine, Programs
from .workers import Failed, Worker

# The recalls that engines are compared at.
TARGETS = (0.95, 0.99)

# What takes more seconds a query than this is asked fewer of them.
SLOW = 0.005
SLOW_QUERIES = 200
# So many queries begin each turn without being timed.
WARM = 100


@dataclass(frozen=True)
class Settings:
    """How much is measured."""

    quick: bool
    rows: int
    queries: int
    rounds: int
    sizes: tuple[int, ...]
    peer_sizes: tuple[int, ...]
    mixture: int
    stores: tuple[int, ...]
    seconds_max: float = 3600.0


@dataclass(frozen=True)
class Bench:
    """All that a section needs."""

    settings: Settings
    data: Data
    programs: Programs
    directory: Path
    missing: dict[str, str]

    def start(self, engine: Engine) -> Worker:
        """A process for an engine; raises Failed where it could not even be installed."""
        if engine.library in self.missing:
            raise Failed(f"not installed: {self.missing[engine.library]}")
        logs = self.directory / "logs"
        return Worker(engine.command, engine.key, logs, self.settings.seconds_max)

    def queries(self) -> dict[str, Any]:
        return {"queries": str(self.data.queries()), "count": self.settings.queries}


@dataclass
class Built:
    """An engine that holds its rows, or what it said instead."""

    engine: Engine
    worker: Worker | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Point:
    """What one effort costs and finds."""

    effort: Any
    recall: float
    seconds: float
    fewer: int = 0


@dataclass
class Swept:
    """The points of one engine that matter, by median; or its error."""

    points: list[Point] = field(default_factory=list)
    error: str = ""

    def at(self, target: float) -> Point | None:
        """The fastest point at or above a recall."""
        enough = [point for point in self.points if point.recall >= target]
        return min(enough, key=lambda point: point.seconds, default=None)

    def best(self) -> Point | None:
        """The point of the best recall, and of those the fastest."""
        return max(self.points, key=lambda point: (point.recall, -point.seconds), default=None)

    def of(self, effort: Any) -> Point | None:
        return next((point for point in self.points if point.effort == effort), None)


@dataclass(frozen=True)
class Question:
    """What is asked: the queries' exact answers, and a filter."""

    truth: Numbers
    condition: Condition | None = None
    matching: int = 0

    def asked(self) -> dict[str, Any]:
        return {"filter": self.condition.asked() if self.condition else None, "k": data.K}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def built(
    bench: Bench,
    engines: Iterable[Engine],
    rows: Path,
    count: int,
    tags: Path | None = None,
    repeat: bool = True,
) -> Iterator[list[Built]]:
    """The engines with the first `count` rows each; what takes under two seconds is repeated."""
    found: list[Built] = []
    arguments = {"rows": str(rows), "count": count, "tags": str(tags) if tags else None}
    try:
        for engine in engines:
            one = Built(engine)
            found.append(one)
            try:
                one.worker = bench.start(engine)
                one.answer = one.worker.ask("build", **arguments, **engine.build)
                if repeat and one.answer["seconds"] < 2:
                    times = [one.answer["seconds"]]
                    for _ in range(bench.settings.rounds - 1):
                        again = one.worker.ask("build", **arguments, **engine.build)
                        times.append(again["seconds"])
                    one.answer["seconds"] = statistics.median(times)
                say(f"  {engine.title}: built {count:,} in {one.answer['seconds']:.2f} s")
            except Failed as error:
                one.error = str(error)
                say(f"  {engine.title}: {error}")
        yield found
    finally:
        for one in found:
            if one.worker is not None:
                one.worker.close()


def sweep(
    bench: Bench,
    live: list[Built],
    question: Question,
    targets: tuple[float, ...] = TARGETS,
    stop_at: float = 2.0,
) -> dict[str, Swept]:
    """Every effort once, then the ones that may win in rounds, the engines taking turns.

    `stop_at` is a recall from which higher efforts are not tried.
    """
    found = {one.engine.key: first_pass(bench, one, question, stop_at) for one in live}
    chosen = [
        (one, point)
        for one in live
        for point in _promising(found[one.engine.key].points, targets, one.engine)
    ]
    times: dict[tuple[str, str], list[float]] = {}
    for round_number in range(bench.settings.rounds):
        say(f"  round {round_number + 1} of {bench.settings.rounds}, {len(chosen)} efforts")
        for one, point in chosen:
            key = (one.engine.key, repr(point.effort))
            try:
                times.setdefault(key, []).append(_timed(bench, one, question, point))
            except Failed as error:
                found[one.engine.key].error = str(error)
    for one in live:
        swept = found[one.engine.key]
        swept.points = [
            Point(
                point.effort,
                point.recall,
                statistics.median(times[one.engine.key, repr(point.effort)]),
                point.fewer,
            )
            for other, point in chosen
            if other is one and (one.engine.key, repr(point.effort)) in times
        ]
    return found


def first_pass(bench: Bench, one: Built, question: Question, stop_at: float) -> Swept:
    """Every effort once, up to one that finds so much."""
    swept = Swept(error=one.error)
    if one.worker is None or one.error:
        return swept
    asked = {"queries": str(bench.data.queries()), **question.asked(), **one.engine.ask}
    for effort in one.engine.efforts:
        try:
            count = bench.settings.queries
            # Also warms up what is compiled late or read for the first time.
            probe = one.worker.ask("search", **asked, effort=effort, count=min(20, count))
            if probe["seconds"] / min(20, count) > SLOW:
                count = min(SLOW_QUERIES, count)
            answer = one.worker.ask("search", **asked, effort=effort, count=count)
        except Failed as error:
            swept.error = str(error)
            break
        recall = data.recall(answer["ids"], question.truth)
        fewer = data.fewer(answer["ids"], question.matching) if question.condition else 0
        seconds = answer["seconds"] / count
        swept.points.append(Point(effort, recall, seconds, fewer))
        if recall >= stop_at:
            break
    best = max((point.recall for point in swept.points), default=0)
    say(f"  {one.engine.title}: recall up to {best:.4f} {swept.error}")
    return swept


def _promising(points: list[Point], targets: tuple[float, ...], engine: Engine) -> list[Point]:
    """For each target the least effort that reaches it and the two fastest of the first pass.

    The best if none reaches it; of ours all, as they are shown as a curve.
    """
    chosen: list[Point] = list(points) if engine.ours else []
    for target in targets:
        enough = [point for point in points if point.recall >= target]
        fastest = sorted(enough, key=lambda point: point.seconds)
        best = sorted(points, key=lambda point: (-point.recall, point.seconds))
        chosen += enough[:1] + fastest[:2] + ([] if enough else best[:1])
    return [point for i, point in enumerate(chosen) if point not in chosen[:i]]


def _timed(bench: Bench, one: Built, question: Question, point: Point) -> float:
    """Seconds a query, of as many queries as take about a second."""
    assert one.worker is not None
    fitting = int(1.0 / max(point.seconds, 1e-9))
    count = max(min(bench.settings.queries, 50), min(bench.settings.queries, fitting))
    answer = one.worker.ask(
        "search",
        queries=str(bench.data.queries()),
        count=count,
        # What the engine before it left in the caches is not its own.
        warm=min(WARM, count) if point.seconds < SLOW else 1,
        effort=point.effort,
        **question.asked(),
        **one.engine.ask,
    )
    return float(answer["seconds"]) / count


def calls(bench: Bench, engines: Iterable[Engine]) -> dict[str, float]:
    """By title, seconds a search takes in an index of ten rows: what the call itself costs."""
    found = {}
    for engine in engines:
        try:
            with bench.start(engine) as worker:
                asked = bench.queries()
                times = [worker.ask("call", **asked)["seconds"] for _ in range(5)]
                found[engine.title] = statistics.median(times)
        except Failed:
            continue
    return found
