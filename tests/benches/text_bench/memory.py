"""What 100,000 messages take, and how long it takes to open them again without indexing anew."""

import shutil
from statistics import median
from typing import Any

from vector_bench.report import Section, three, time, times
from vector_bench.workers import Failed, Worker

from .bench import ENGINES, K, PLACES, Bench, say

CORPUS = "messages"
# What was asked of ours, in a browser, beyond the image.
MEMORY_GOAL = 64e6
OPEN_GOAL = 0.1
KEPT_ROUNDS = 9
# By place, and where in it: a page has no files that are read in place.
KEPT_IN = {
    ("node", "kept"): "a directory, Node",
    ("chromium", "page"): "the origin's files, a page in headless Chromium",
    ("chromium", "worker"): "the origin's files, a Worker in headless Chromium",
}
QUERY = {"kind": "term", "terms": ["system"]}


def measure(bench: Bench) -> Section:
    section = Section("100,000 messages, in memory")
    section.text(
        f"{bench.corpus.about()[CORPUS]}. Beyond what it was before, after collecting garbage, once "
        "built and once opened from what was saved. The documents are held beside the engine while "
        "it is built; a reopened Orama has its own copy of them, MiniSearch keeps none, and of "
        "SQLite they are in the database image, which is in wasm memory, and so is a 64 MiB cache."
    )
    rows = []
    for place, title in PLACES.items():
        for engine, name in ENGINES.items():
            say(f"  {place}: {engine}")
            try:
                with bench.start(place, engine) as worker:
                    built = worker.ask("build", docs=str(bench.corpus.docs(CORPUS)))
                    if engine == "ours":
                        for where in (it for it in KEPT_IN if it[0] == place):
                            section.figures[" ".join(where)] = _kept(bench, worker, where)
                    opened = worker.ask("reopen", query=QUERY, k=K)
            except Failed as error:
                rows.append([f"{name}, {title}", f"failed: {error}", *[""] * 7])
                continue
            section.figures[f"{place} {engine}"] = {"built": built, "opened": opened}
            rows.append(
                [
                    f"{name}, {title}",
                    time(built["seconds"]),
                    _more(built["before"]["heap"], built["after"]["heap"]),
                    _bytes(built["after"].get("wasm")),
                    _bytes(opened["bytes"]),
                    time(opened["opening"]),
                    time(opened["with_first_query"]),
                    _more(opened["before"]["heap"], opened["after"]["heap"]),
                    _bytes(opened["after"].get("wasm")),
                ]
            )
    head = ["engine", "index", "heap", "wasm memory", "saved", "open", "open and answer"]
    section.table([*head, "heap, opened", "wasm memory, opened"], rows)
    _kept_table(section)
    for place, title in PLACES.items():
        _losses(section, title, section.figures, place)
    return section


def _kept(bench: Bench, worker: Worker, where: tuple[str, str]) -> list[dict[str, Any]]:
    place = bench.directory / "-".join(where)
    shutil.rmtree(place, ignore_errors=True)
    asked = {"where": where[1], "query": QUERY, "k": K, "rounds": KEPT_ROUNDS}
    return list(worker.ask("kept", place=str(place), **asked)["times"])


def _kept_table(section: Section) -> None:
    section.text(
        "The same store where the host keeps it, opened, asked and closed "
        f"{KEPT_ROUNDS} times in the process that made it: the first time, the median, the worst."
    )
    rows = []
    for where, title in KEPT_IN.items():
        times = section.figures.get(" ".join(where), [])
        for what, key in (("open", "opening"), ("open and answer", "with_first_query")):
            if taken := [it[key] for it in times]:
                figures = [taken[0], median(taken), max(taken)]
                rows.append([f"{title}, {what}", *map(time, figures)])
                if median(taken) > OPEN_GOAL:
                    figure = f"{time(median(taken))}; the goal is {time(OPEN_GOAL)}"
                    section.loss(f"{title}, {what}", figure)
    section.table(["", "first", "p50", "worst"], rows)


def _losses(section: Section, title: str, figures: dict[str, Any], place: str) -> None:
    """What ours takes more of than a peer, or than the goal."""
    ours = figures.get(f"{place} ours")
    if ours is None:
        section.loss(title, "ours failed")
        return
    for engine, name in ENGINES.items():
        it = figures.get(f"{place} {engine}")
        if it is None:
            continue
        for what, part, key in (
            ("index", "built", "seconds"),
            ("open", "opened", "opening"),
            ("open and answer", "opened", "with_first_query"),
            ("saved", "opened", "bytes"),
        ):
            ratio = ours[part][key] / it[part][key]
            if ratio > 1:
                section.loss(f"{title}, {what}", f"{times(ratio)} of {name}")
    if ours["opened"]["opening"] > OPEN_GOAL:
        figure = f"{time(ours['opened']['opening'])}; the goal is {time(OPEN_GOAL)}"
        section.loss(f"{title}, open", figure)
    for part in ("built", "opened"):
        beyond = ours[part]["after"]["wasm"] - ours["opened"]["bytes"]
        if beyond > MEMORY_GOAL:
            section.loss(
                f"{title}, memory, {part}",
                f"{_bytes(beyond)} beyond the image; the goal is {_bytes(MEMORY_GOAL)}",
            )


def _more(before: int, after: int) -> str:
    return _bytes(after - before)


def _bytes(count: float | None) -> str:
    return "" if count is None else f"{three(count / 1e6)} MB"
