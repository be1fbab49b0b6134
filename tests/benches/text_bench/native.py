"""The sides of the native program: ours and FTS5 take turns in one process."""

import json
import subprocess
from statistics import median
from typing import Any

from vector_bench.report import Section, three, time, times

from .bench import Bench, say
from .queries import CLASSES, KINDS


def measure(bench: Bench) -> Section:
    section = Section("Native, against FTS5 through rusqlite")
    section.text(
        "Indexed in transactions of 100, WAL and synchronous=FULL; the ten best by BM25 with keys "
        "and scores; a query's time is the median of its rounds, and p50 and p95 are of 500 queries."
    )
    for corpus in bench.corpora:
        figures = run(bench, corpus, bench.rounds)
        section.figures[corpus] = figures
        _tables(section, corpus, figures, bench.corpus.about()[corpus])
    return section


def run(bench: Bench, corpus: str, rounds: int) -> dict[str, Any]:
    """Measures a corpus, and keeps what FTS5 found."""
    say(f"  native, {corpus}")
    command = [str(bench.program), "--rounds", str(rounds), "--dir", str(bench.directory)]
    command += ["--docs", str(bench.corpus.docs(corpus))]
    command += ["--queries", str(bench.corpus.queries(corpus))]
    command += ["--appended", str(bench.corpus.docs("appended"))]
    command += ["--answers", str(bench.answers(corpus))]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(found.stdout))


def _tables(section: Section, corpus: str, figures: dict[str, Any], about: str) -> None:
    first, *others = figures["sides"]
    if not others:
        section.loss("ours", "not among the sides")
    docs = figures["docs"]
    section.text(f"{corpus}: {about}; SQLite {figures['sqlite']}.")
    lines = {
        f"index {docs:,}": lambda side: median(side["indexing_seconds"]) * 1e6,
        "index, a document": lambda side: median(side["indexing_seconds"]) * 1e6 / docs,
        f"append {figures['appended']:,} singly, p50": lambda side: side["append_us"]["p50"],
        "append, p95": lambda side: side["append_us"]["p95"],
        "append, mean": lambda side: side["append_us"]["mean"],
        "open": lambda side: side["open_us"]["open"],
        "open and answer": lambda side: side["open_us"]["with_first_query"],
    }
    head = ["", first["name"]]
    for side in others:
        head += [side["name"], "of it"]
    rows = []
    for what, figure in lines.items():
        row = [what, time(figure(first) / 1e6)]
        for side in others:
            row += [time(figure(side) / 1e6), times(figure(side) / figure(first))]
        rows.append(row)
    for what, key in (("index size", "index_bytes"), ("all files", "file_bytes")):
        row = [what, f"{three(first[key] / 1e6)} MB"]
        for side in others:
            row += [f"{three(side[key] / 1e6)} MB", times(side[key] / first[key])]
        rows.append(row)
    section.table(head, rows)
    _queries(section, corpus, first, others)


def _queries(
    section: Section, corpus: str, first: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    head = ["query", f"{first['name']} p50", "p95", "hits a query"]
    for side in others:
        head += [f"{side['name']} p50", "of it", "p95", "of it", "same hits"]
    rows = []
    for group in (f"{kind} {of_class}" for kind in KINDS for of_class in CLASSES):
        base = first["queries"][group]
        row = [group, micros(base["p50"]), micros(base["p95"])]
        row.append(f"{base['hits'] / base['queries']:.1f}")
        for side in others:
            own = side["queries"][group]
            for key in ("p50", "p95"):
                ratio = own[key] / base[key]
                row += [micros(own[key]), times(ratio)]
                if ratio > 1:
                    section.loss(f"{corpus}, {group}", f"{key} {times(ratio)} of {first['name']}")
            row.append(f"{own['same_as_first']} of {own['queries']}")
            if missing := own["queries"] - own["as_many_as_first"]:
                section.loss(f"{corpus}, {group}", f"{missing} answers of another length")
        rows.append(row)
    section.table(head, rows)


def micros(microseconds: float) -> str:
    return time(microseconds / 1e6)
