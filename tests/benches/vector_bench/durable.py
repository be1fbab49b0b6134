"""Storing one vector so that it is there after a crash, in stores of two sizes."""

import os
import shutil
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from .measure import Bench, say
from .report import Section, times
from .report import time as shown
from .workers import Failed, Worker

# The title of an engine and the size of its store.
Key = tuple[str, int]

# Inserts a round and store.
INSERTS = 40
# What a row and its metadata come to with the pages around them.
APPENDED = 24 << 10
ALONE = (f"append {APPENDED >> 10} KiB to a file and sync", 0)


def measure(bench: Bench) -> Section:
    settings, directory = bench.settings, bench.directory / "stores"
    section = Section("One durable insert of 384 elements")
    section.text(
        f"Medians of {settings.rounds * INSERTS} inserts, each its own commit and on the disk when "
        "it returns; the stores take turns. sqlite-vec is its float form in a WAL database with "
        "synchronous=FULL, through apsw, under integer keys and without metadata; ours has ids of "
        "text and two fields of metadata, and its index is up.",
    )
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    rows = str(bench.data.mixture(settings.mixture))
    found: dict[Key, list[float]] = {}
    failed: dict[str, str] = {}
    try:
        with ExitStack() as stack:
            live = _fill(bench, stack, directory, rows, failed)
            descriptor = os.open(directory / "append", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            stack.callback(os.close, descriptor)
            for turn in range(settings.rounds * INSERTS):
                _turn(live, rows, max(settings.stores), turn, found, failed)
                found.setdefault(ALONE, []).append(_append(descriptor))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    _table(section, bench, found, failed)
    return section


def _fill(
    bench: Bench, stack: ExitStack, directory: Path, rows: str, failed: dict[str, str]
) -> dict[Key, Worker]:
    """A store of each size in a process of its own."""
    live: dict[Key, Worker] = {}
    for size in bench.settings.stores:
        for engine in (bench.programs.ours()[0], bench.programs.sqlite("float")):
            path = directory / f"{engine.key}-{size}"
            try:
                worker = stack.enter_context(bench.start(engine))
                took = worker.ask("fill", path=str(path), rows=rows, count=size)
                live[engine.title, size] = worker
                say(f"  {engine.title}: {size:,} in {took['seconds']:.1f} s")
            except Failed as error:
                failed[engine.title] = str(error)
    return live


def _turn(
    live: dict[Key, Worker],
    rows: str,
    first: int,
    turn: int,
    found: dict[Key, list[float]],
    failed: dict[str, str],
) -> None:
    """One insert into each store, under an id that none of them has."""
    keys = list(live)
    # The order turns, because a sync also pays for what the one before it left behind.
    for i in range(len(keys)):
        key = keys[(turn + i) % len(keys)]
        try:
            answer = live[key].ask("store", rows=rows, first=first + turn, count=1)
            found.setdefault(key, []).extend(answer["ms"])
        except Failed as error:
            failed[key[0]] = str(error)
            del live[key]


def _append(descriptor: int) -> float:
    """Milliseconds of what the disk alone takes."""
    began = time.perf_counter()
    os.write(descriptor, bytes(APPENDED))
    os.fdatasync(descriptor)
    return (time.perf_counter() - began) * 1e3


def _table(
    section: Section,
    bench: Bench,
    found: dict[Key, list[float]],
    failed: dict[str, str],
) -> None:
    stores = bench.settings.stores
    own = bench.programs.ours()[0].title
    medians = {key: statistics.median(ms) / 1e3 for key, ms in found.items()}
    body = []
    for title in dict.fromkeys(title for title, _ in medians if title != ALONE[0]):
        row = [title]
        for size in stores:
            seconds, ours = medians.get((title, size)), medians.get((own, size))
            ratio = ""
            if seconds and ours and title != own:
                ratio = f", {times(seconds / ours)} ours"
                if seconds < ours:
                    section.loss(title, f"into {size:,} {shown(seconds)}, ours {shown(ours)}")
            row.append(f"{shown(seconds)}{ratio}")
        first, last = medians.get((title, stores[0])), medians.get((title, stores[-1]))
        row.append(times(last / first) if first and last else "")
        body.append(row)
    body += [[title, f"failed: {error}", "", ""] for title, error in failed.items()]
    body.append([ALONE[0], shown(medians.get(ALONE)), "", ""])
    section.table(["", *(f"into {size:,}" for size in stores), "grows by"], body)
