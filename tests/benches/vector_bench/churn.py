"""Half of a collection replaced, then half of it removed, in random order."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import data
from .data import Numbers, load
from .engines import OURS, Engine
from .measure import Bench, Built, Question, built, say, sweep
from .report import Section, three, time, times
from .workers import Failed

HEAD = [
    "engine", "after", "a change", "recall@10", "built afresh",
    "a query", "built afresh", "bytes a vector", "built afresh",
]  # fmt: skip


@dataclass(frozen=True)
class State:
    """What a search finds, what it takes, and the memory that is taken."""

    recall: float
    seconds: float
    bytes: float
    reported: float | None

    def memory(self) -> str:
        """What it takes in all, and what the index says of it."""
        said = f" (index {three(self.reported)})" if self.reported else ""
        return three(self.bytes) + said


def measure(bench: Bench) -> Section:
    count = bench.settings.rows
    random = np.random.default_rng(data.SEED + 3)
    replaced = random.permutation(count)[: count // 2]
    removed = random.permutation(count)[: count // 2]
    kept = np.setdiff1d(np.arange(count), removed)
    section = Section(f"Replacing and removing half of {count:,} x 384")
    section.text(
        "Half of the rows are built with other vectors, replaced one by one in random order with "
        "the true ones, and then half of all are removed in random order; beside each state the "
        "same rows built afresh. hnswlib replaces by adding under the same label and marks what is "
        "removed; usearch removes and adds. The effort of a peer is the fastest that reaches "
        "recall .95 when built afresh, ours the default. Bytes are of memory that no file backs, "
        "over the vectors that are left, and for ours what the index itself says it holds.",
    )
    programs = bench.programs
    body: list[list[str]] = []
    for engine in [
        *programs.ours((OURS[0], OURS[-1])),
        programs.hnswlib(16),
        programs.usearch("f32"),
    ]:
        try:
            body += _rows(section, bench, engine, replaced, removed, kept)
        except Failed as error:
            body.append([engine.title, f"failed: {error}", *[""] * (len(HEAD) - 2)])
    section.table(HEAD, body)
    return section


def _rows(
    section: Section,
    bench: Bench,
    engine: Engine,
    replaced: Numbers,
    removed: Numbers,
    kept: Numbers,
) -> list[list[str]]:
    """The two rows of one engine: each state is compared with one that was built so."""
    count, asked = bench.settings.rows, bench.settings.queries
    real, stale = bench.data.real(), bench.data.stale(replaced)
    left = bench.data.subset(kept)
    whole = bench.data.truth(real, count, asked)
    positions = data.exact(load(left), load(bench.data.queries())[:asked])
    with built(bench, [engine], real, count, repeat=False) as live:
        one = _alive(live)
        if engine.ours:
            effort = None
        else:
            point = sweep(bench, live, Question(whole))[engine.key].at(0.95)
            effort = point.effort if point else engine.efforts[-1]
        fresh = _state(bench, one, whole, effort, count)
    with built(bench, [engine], left, len(kept), repeat=False) as live:
        fresh_left = _state(bench, _alive(live), positions, effort, len(kept))
    with built(bench, [engine], stale, count, repeat=False) as live:
        one = _alive(live)
        change = _changed(one, "replace", replaced, rows=str(real))
        after = _state(bench, one, whole, effort, count)
        removal = _changed(one, "remove", removed)
        after_left = _state(bench, one, kept[positions], effort, len(kept))
    say(f"  {engine.title}: {after} {after_left}")
    shown = [
        ("replacing half", change, after, fresh),
        ("then removing half", removal, after_left, fresh_left),
    ]
    for what, _, state, base in shown:
        if engine.ours and state.recall < base.recall - 0.005:
            section.loss(
                f"{engine.title}: recall after {what}",
                f"{state.recall:.4f}, afresh {base.recall:.4f}",
            )
        if engine.ours and state.bytes > 1.2 * base.bytes:
            ratio = times(state.bytes / base.bytes)
            section.loss(f"{engine.title}: memory after {what}", f"{ratio} of afresh")
    return [_row(engine, *it) for it in shown]


def _row(engine: Engine, what: str, seconds: float, state: State, fresh: State) -> list[str]:
    return [
        engine.title,
        what,
        time(seconds),
        f"{state.recall:.4f}",
        f"{fresh.recall:.4f}",
        time(state.seconds),
        time(fresh.seconds),
        state.memory(),
        fresh.memory(),
    ]


def _alive(live: list[Built]) -> Built:
    if live[0].error:
        raise Failed(live[0].error)
    return live[0]


def _changed(one: Built, do: str, which: Numbers, **more: Any) -> float:
    """Seconds a row that is replaced or removed, and then the memory is noted."""
    assert one.worker is not None
    answer = one.worker.ask(do, which=[int(row) for row in which], **more)
    memory = one.worker.ask("memory")
    one.answer["after"] = memory["anonymous"]
    return float(answer["seconds"]) / len(which)


def _state(bench: Bench, one: Built, truth: Numbers, effort: Any, rows: int) -> State:
    assert one.worker is not None
    seconds = []
    for _ in range(bench.settings.rounds):
        asked = {**bench.queries(), **Question(truth).asked(), **one.engine.ask}
        answer = one.worker.ask("search", effort=effort, **asked)
        seconds.append(answer["seconds"] / bench.settings.queries)
    taken = one.answer["after"] - one.answer["before"]
    reported = one.worker.ask("memory")["reported"]
    recall = data.recall(answer["ids"], truth)
    return State(recall, float(np.median(seconds)), taken / rows, reported and reported / rows)
