"""What 100,000 messages take, and how long it takes to open them again without indexing anew."""

from vector_bench.report import Section, three, time
from vector_bench.workers import Failed

from .bench import ENGINES, K, PLACES, Bench, say

CORPUS = "messages"
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
    return section


def _more(before: int, after: int) -> str:
    return _bytes(after - before)


def _bytes(count: int | None) -> str:
    return "" if count is None else f"{three(count / 1e6)} MB"
