"""Filters of several selectivities: an attribute drawn at random, and the natural ones."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from .data import Condition, K
from .engines import OURS, Engine, shown
from .measure import Bench, Built, Question, Swept, built, say, sweep
from .report import Section, time, times
from .workers import Failed

# What a peer has to find to be compared; higher efforts are then not tried.
TARGET = 0.95
# Each candidate costs hnswlib a call of a Python function: fewer steps, and further.
WIDE = [10, 20, 40, 80, 160, 320, 640, 1280, 2560]


def measure(bench: Bench) -> Section:
    settings = bench.settings
    rows, count = bench.data.real(), settings.rows
    with open(bench.data.tags(), encoding="ascii") as lines:
        tags = [json.loads(line) for line, _ in zip(lines, range(count), strict=False)]
    section = Section(f"Filtered, {count:,} x 384")
    section.text(
        "`n` is drawn at random from 0 to 999; `pos` and `lex` are WordNet's own, and go with what "
        "the vectors mean. Ours is asked as it comes, with no effort given. A peer's cell is its "
        f"fastest effort with a recall of at least {TARGET}, or its best recall where none has it. "
        "faiss is handed the matching rows as a bitmap made beforehand, hnswlib a Python function "
        "that looks into a list made beforehand; sqlite-vec has them as metadata columns. usearch "
        "has no filter in its Python API.",
    )
    programs = bench.programs
    ours = [replace(it, efforts=[None]) for it in programs.ours(OURS[:1])]
    engines = [*ours, *_peers(bench)]
    with built(bench, engines, rows, count, bench.data.tags()) as live:
        truth = bench.data.truth(rows, count, settings.queries)
        plain = sweep(bench, live, Question(truth), (TARGET,), stop_at=0.99)
        found = []
        for condition in conditions(tags):
            matching = np.array([i for i, it in enumerate(tags) if condition.matches(it)])
            say(f"  {condition.name}: {len(matching):,} match")
            truth = bench.data.truth(rows, count, settings.queries, matching)
            question = Question(truth, condition, len(matching))
            found.append((question, sweep(bench, live, question, (TARGET,), stop_at=TARGET)))
        explained = [_explained(bench, live[0], question) for question, _ in found]
    _tables(section, count, live, plain, found)
    section.text("How the first query is answered, by `explain`:")
    section.table(
        ["filter", live[0].engine.title],
        (
            [question.condition.name, how]
            for (question, _), how in zip(found, explained, strict=True)
            if question.condition
        ),
    )
    return section


def _explained(bench: Bench, one: Built, question: Question) -> str:
    if one.worker is None:
        return one.error
    try:
        answer = one.worker.ask("explain", **bench.queries(), **question.asked(), effort=None)
    except Failed as error:
        return str(error)
    return str(answer["text"])


def conditions(tags: list[dict[str, Any]]) -> list[Condition]:
    """Half, a tenth, a hundredth, a thousandth at random; then natural ones of falling shares."""
    found = [
        Condition(f"n < {most}: {share} %", "n", "$lt", most)
        for most, share in ((500, 50), (100, 10), (10, 1), (1, 0.1))
    ]
    for name in ("pos", "lex"):
        shares = Counter(it[name] for it in tags).most_common()
        for value, number in (shares[0], shares[len(shares) // 2], shares[-1]):
            share = f"{100 * number / len(tags):.2g} %"
            found.append(Condition(f"{name} = {value}: {share}", name, "$eq", value))
    return found


def _peers(bench: Bench) -> list[Engine]:
    programs = bench.programs
    return [
        replace(programs.hnswlib(16), efforts=WIDE),
        programs.faiss("Flat"),
        replace(programs.faiss("HNSW32"), efforts=[{"ef": ef} for ef in WIDE]),
        programs.faiss("RaBitQ,Refine(Flat)"),
        programs.faiss("RaBitQfs,Refine(Flat)"),
        programs.faiss("IVF256,PQ192x4fs,RFlat"),
        programs.sqlite("float"),
    ]


def _tables(
    section: Section,
    count: int,
    live: list[Built],
    plain: dict[str, Swept],
    found: list[tuple[Question, dict[str, Swept]]],
) -> None:
    ours = [one for one in live if one.engine.ours]
    peers = [one for one in live if not one.engine.ours]
    for one in ours:
        _own_table(section, count, one, plain, found)
    head = ["filter", *(one.engine.title for one in (ours[0], *peers))]
    body = []
    unfiltered = Question(found[0][0].truth)
    for question, swept in [(unfiltered, plain), *found]:
        name = question.condition.name if question.condition else "none"
        own = swept[ours[0].engine.key]
        first = own.of(None)
        row = [name, f"{time(first.seconds)}, {first.recall:.3f}" if first else own.error]
        for one in peers:
            row.append(_cell(one, swept[one.engine.key]))
            point = swept[one.engine.key].at(TARGET)
            if point and first and point.seconds < first.seconds:
                section.loss(
                    one.engine.title, f"{name} {time(point.seconds)}, ours {time(first.seconds)}"
                )
        body.append(row)
    section.table(head, body)


def _own_table(
    section: Section,
    count: int,
    one: Built,
    plain: dict[str, Swept],
    found: list[tuple[Question, dict[str, Swept]]],
) -> None:
    base = plain[one.engine.key].of(None)
    head = [one.engine.title, "rows", "a query", "of unfiltered", "recall@10", "too few results"]
    body = []
    if base is None:
        section.text(f"{one.engine.title}: failed: {one.error or plain[one.engine.key].error}")
        return
    body.append(["no filter", f"{count:,}", time(base.seconds), "", f"{base.recall:.4f}", ""])
    for question, swept in found:
        assert question.condition is not None
        point = swept[one.engine.key].of(None)
        name = question.condition.name
        if point is None:
            body.append([name, "", f"failed: {swept[one.engine.key].error}", "", "", ""])
            continue
        body.append(
            [
                name,
                f"{question.matching:,}",
                time(point.seconds),
                times(point.seconds / base.seconds),
                f"{point.recall:.4f}",
                f"{point.fewer} queries" if point.fewer else "never",
            ]
        )
        if point.fewer:
            least = min(K, question.matching)
            section.loss("too few results", f"{name} fewer than {least}")
        if point.recall < TARGET:
            section.loss("recall", f"{name} {point.recall:.4f}")
        if point.seconds > base.seconds:
            section.loss(
                "slower than without a filter", f"{name} {times(point.seconds / base.seconds)}"
            )
    section.table(head, body)


def _cell(one: Built, swept: Swept) -> str:
    point = swept.at(TARGET) or swept.best()
    if point is None:
        error = one.error or swept.error
        return f"refused: {error.rpartition('Error: ')[2][:120]}"
    effort = f" ({shown(point.effort)})" if point.effort is not None else ""
    few = f", too few for {point.fewer}" if point.fewer else ""
    only = "" if point.recall >= TARGET else "only "
    return f"{time(point.seconds)}, {only}{point.recall:.3f}{effort}{few}"
