"""Memory a vector, the size of a snapshot, and opening one; each in a process of its own."""

import os
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .engines import Engine, shown
from .measure import Bench, Built, Point, Question, first_pass, say
from .report import Section, three, time
from .workers import Failed

# What our compact form has to find, and where a peer's efforts end.
BAR = 0.98
# What takes fewer bytes a vector is compact.
COMPACT = 1000
HEAD = [
    "engine", "recall@10", "built", "snapshot", "saved in", "opened in", "GB/s",
    "GB/s in memory", "first search", "opened",
]  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """What one engine took."""

    found: Point
    memory: float
    reported: float | None
    file: float
    saving: float
    opening: float
    reading: float
    speed: float
    first: float
    opened: float


def measure(bench: Bench) -> Section:
    count = bench.settings.rows
    section = Section(f"Memory and snapshots, {count:,} x 384")
    section.text(
        "Bytes a vector, of 1,536 that its floats are: memory that no file backs, more than before "
        "in a fresh process, once built and once opened from the snapshot; and the snapshot "
        "itself, which stays in the page cache. Ours and sqlite-vec hold three fields of metadata "
        "a vector, and ours ids of text; the others hold none. `GB/s` is from a file, `in memory` "
        "without reading it. `first search` is the first one after opening: what is made late is "
        "in it. The recall is the default's for ours, and for a peer that of the first effort to "
        f"find {BAR} or else its best.",
    )
    programs = bench.programs
    rows, queries = bench.data.real(), bench.settings.queries
    question = Question(bench.data.truth(rows, count, queries))
    compact = [programs.faiss(it) for it in ("RaBitQ,Refine(SQ8)", "HNSW32,SQ8", "SQ8")]
    ours = [replace(it, efforts=[None]) for it in programs.ours()]
    body, taken = [], {}
    for engine in [*ours, *programs.approximate(), *compact, programs.faiss("Flat")]:
        try:
            taken[engine.title] = found = _taken(bench, engine, question)
            body.append(_row(engine, found))
            section.figures[engine.title] = vars(found) | {"found": vars(found.found)}
        except Failed as error:
            body.append([engine.title, f"failed: {error}", *[""] * (len(HEAD) - 2)])
    section.table(HEAD, body)
    _compact(section, ours[-1].title, taken)
    _losses(section, ours[0].title, ours[-1].title, taken)
    return section


def _compact(section: Section, own: str, taken: dict[str, Taken]) -> None:
    """What our compact form comes to, and whether it finds what is asked of it."""
    if own not in taken:
        return
    mine = taken[own]
    section.text(
        f"{own}: {three(mine.memory)} bytes a vector all told, with metadata, at recall "
        f"{mine.found.recall:.4f} (to be at least {BAR})."
    )
    if mine.found.recall < BAR:
        section.loss(own, f"recall {mine.found.recall:.4f}, to be at least {BAR}")


def _losses(section: Section, plain: str, compact: str, taken: dict[str, Taken]) -> None:
    """Where a peer takes less than we do: a compact one than our compact form."""
    for title, found in taken.items():
        own = compact if found.memory < COMPACT else plain
        if title.startswith("ours") or own not in taken:
            continue
        mine = taken[own]
        for what, theirs, ours in (
            ("memory", found.memory, mine.memory),
            ("snapshot", found.file, mine.file),
        ):
            if theirs < 0.98 * ours:
                section.loss(
                    f"{title}, recall {found.found.recall:.4f}",
                    f"{what} {three(theirs)} bytes a vector, {own} {three(ours)}",
                )
        if found.opening + found.first < mine.opening + mine.first:
            section.loss(
                f"{title}, recall {found.found.recall:.4f}",
                f"opens and answers in {time(found.opening + found.first)}, "
                f"{own} in {time(mine.opening + mine.first)}",
            )


def _row(engine: Engine, found: Taken) -> list[str]:
    reported = f" (index {three(found.reported)})" if found.reported else ""
    point, late = found.found, engine.library == "sqlite"
    unread = found.opening - found.reading
    bytes_a_second = found.speed * found.opening / unread if found.reading else None
    return [
        engine.title,
        f"{point.recall:.4f} ({shown(point.effort)})",
        three(found.memory) + reported,
        three(found.file),
        time(found.saving),
        time(found.opening),
        "as it searches" if late else three(found.speed),
        three(bytes_a_second) if bytes_a_second else "",
        time(found.first),
        three(found.opened),
    ]


def _taken(bench: Bench, engine: Engine, question: Question) -> Taken:
    count = bench.settings.rows
    path = bench.directory / f"{engine.key}.snapshot"
    tags = str(bench.data.tags()) if engine.ours or engine.library == "sqlite" else None
    try:
        path.unlink(missing_ok=True)
        with bench.start(engine) as worker:
            # Not `built`: building again would show the memory of both.
            rows = str(bench.data.real())
            answer = worker.ask("build", rows=rows, count=count, tags=tags, **engine.build)
            memory = worker.ask("memory")
            saved = worker.ask("save", path=str(path))
            swept = first_pass(bench, Built(engine, worker), question, BAR)
        opened = [_opened(bench, engine, path) for _ in range(bench.settings.rounds)]
    finally:
        path.unlink(missing_ok=True)
    point = swept.at(BAR) or swept.best()
    if point is None:
        raise Failed(swept.error)
    seconds = statistics.median(it["seconds"] for it in opened)
    say(f"  {engine.title}: {saved['bytes'] / count:.0f} bytes a vector")
    return Taken(
        found=point,
        memory=(answer["after"] - answer["before"]) / count,
        reported=memory["reported"] and memory["reported"] / count,
        file=saved["bytes"] / count,
        saving=saved["seconds"],
        opening=seconds,
        reading=statistics.median(it.get("reading", 0.0) for it in opened),
        speed=saved["bytes"] / seconds / 1e9,
        first=statistics.median(it["first"] for it in opened),
        opened=statistics.median((it["after"] - it["before"]) / count for it in opened),
    )


def _opened(bench: Bench, engine: Engine, path: Path) -> dict[str, Any]:
    with bench.start(engine) as worker:
        with open(path, "rb") as file:
            # Every engine finds the file in the page cache.
            while os.read(file.fileno(), 1 << 24):
                pass
        answer = worker.ask("open", path=str(path))
        asked = {"queries": str(bench.data.queries()), "count": 1, "k": 10}
        first = worker.ask("search", **asked, effort=None, filter=None, **engine.ask)
        return answer | {"first": first["seconds"]}
