"""The engines on npm, in Node and in headless Chromium, on the short documents."""

import json
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from vector_bench.report import Section, three, time, times
from vector_bench.workers import Failed, Worker

from .bench import ENGINES, K, PLACES, Bench, say, spread
from .native import micros, run
from .queries import CLASSES, KINDS

CORPUS = "wordnet"
# Scores that differ by less, relatively, are ties.
TIE = 1e-6
WARM = 20

Hits = list[tuple[str, float]]


def measure(bench: Bench) -> Section:
    section = Section("On npm, in memory, 50,000 short documents")
    section.text(
        "Indexed 100 at a time; the ten best with keys and scores; a query's time is the median of "
        "its rounds. Orama finds prefixes where a term is asked for, and looks the word up in the "
        "documents afterwards; of two terms, one of which is enough, it finds prefixes. Neither it "
        f"nor MiniSearch knows phrases. A group is cut off after {bench.seconds_max:.0f} s a round: "
        "a star says that not all of its 500 queries, which are in no order, were asked.",
    )
    if not bench.answers(CORPUS).exists():
        run(bench, CORPUS, 1)
    for place, title in PLACES.items():
        section.figures[place] = found = _place(bench, place)
        _tables(section, title, found)
    return section


def _place(bench: Bench, place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    asked = {"queries": str(bench.corpus.queries(CORPUS)), "k": K, "warm": WARM}
    asked["seconds_max"] = bench.seconds_max
    times: dict[str, list[list[float | None]]] = defaultdict(list)
    with ExitStack() as stack:
        live: dict[str, Worker] = {}
        for engine in ENGINES:
            say(f"  {place}: {engine}")
            try:
                worker = stack.enter_context(bench.start(place, engine))
                found[engine] = worker.ask("build", docs=str(bench.corpus.docs(CORPUS)))
                first = worker.ask("search", **asked, answers=True)
                found[engine] |= _checked(bench, first["answers"])
                live[engine] = worker
            except Failed as error:
                found[engine] = {"error": str(error)}
        # They take turns, so that what else the machine does falls on all.
        for number in range(bench.rounds):
            say(f"  {place}: round {number + 1} of {bench.rounds}")
            for engine, worker in live.items():
                times[engine].append(worker.ask("search", **asked)["times"])
    for engine, rounds in times.items():
        found[engine]["queries"] = _groups(bench, rounds)
    return found


def _rows(path: Path) -> list[Any]:
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _groups(bench: Bench, rounds: list[list[float | None]]) -> dict[str, Any]:
    medians: dict[str, list[float]] = defaultdict(list)
    for at, query in enumerate(_rows(bench.corpus.queries(CORPUS))):
        if taken := [it for times in rounds if (it := times[at]) is not None]:
            medians[f"{query['kind']} {query['class']}"].append(median(taken))
    return {group: {"queries": len(it), **spread(it)} for group, it in medians.items()}


def _checked(bench: Bench, answers: list[Hits | None]) -> dict[str, Any]:
    """How the hits compare with those of native FTS5."""
    native: list[Hits] = _rows(bench.answers(CORPUS))
    pairs = [(base, own) for base, own in zip(native, answers, strict=True) if own is not None]
    return {
        "answered": len(pairs),
        "same": sum(_alike(base, own) for base, own in pairs),
        "as_many": sum(len(base) == len(own) for base, own in pairs),
        "found_nothing": sum(bool(base) and not own for base, own in pairs),
    }


def _alike(base: Hits, own: Hits) -> bool:
    """Whether both name the same keys, but for those that tie with the last."""
    if not base:
        return not own
    last = base[-1][1]
    keys = {key for key, _ in own}
    return len(base) == len(own) and all(
        key in keys for key, score in base if score > last + abs(last) * TIE
    )


def _tables(section: Section, title: str, found: dict[str, Any]) -> None:
    section.text(f"In {title}:")
    good = {engine: it for engine, it in found.items() if "error" not in it}
    rows = []
    for engine, it in found.items():
        if engine not in good:
            rows.append([ENGINES[engine], f"failed: {it['error']}", *[""] * 5])
            continue
        heap = it["after"]["heap"] - it["before"]["heap"]
        rows.append(
            [
                ENGINES[engine],
                time(it["seconds"]),
                time(it["seconds"] / it["count"]),
                f"{three(heap / 1e6)} MB",
                f"{three(it['after']['wasm'] / 1e6)} MB" if "wasm" in it["after"] else "",
                f"{it['same']:,} of {it['answered']:,}",
                f"{it['found_nothing']:,}",
            ]
        )
        if engine in ("ours", "sqlite") and it["same"] != it["answered"]:
            section.loss(title, f"{ENGINES[engine]} does not find what native FTS5 finds")
    head = ["engine", "index", "a document", "heap", "wasm memory", "same hits as FTS5, native"]
    section.table([*head, "nothing found though there is"], rows)
    rows = []
    for group in (f"{kind} {of_class}" for kind in KINDS for of_class in CLASSES):
        row = [group]
        for it in good.values():
            own = it["queries"].get(group)
            star = "*" if own and own["queries"] < 500 else ""
            row += [micros(own["p50"]) + star, micros(own["p95"]) + star] if own else ["-", "-"]
        rows.append(row)
    head = ["query"]
    for engine in good:
        head += [f"{ENGINES[engine]} p50", "p95"]
    section.table(head, rows)
    _losses(section, title, good)


def _losses(section: Section, title: str, good: dict[str, Any]) -> None:
    """What a peer does in less time than ours."""
    ours = good.get("ours")
    if ours is None:
        section.loss(title, "ours failed")
        return
    for engine, it in good.items():
        ratio = ours["seconds"] / it["seconds"]
        if ratio > 1:
            section.loss(f"{title}, indexing", f"{times(ratio)} of {ENGINES[engine]}")
        for group, base in it["queries"].items():
            for key in ("p50", "p95"):
                ratio = ours["queries"][group][key] / base[key]
                if ratio > 1:
                    section.loss(f"{title}, {group}", f"{key} {times(ratio)} of {ENGINES[engine]}")
