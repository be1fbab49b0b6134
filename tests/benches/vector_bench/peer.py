"""What a peer's process does: the same commands as tests/benches/vector_engine, one a line.

usage: python -m vector_bench.peer LIBRARY CONFIG, where CONFIG is JSON that the library's class
in this package reads.
"""

import importlib
import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .data import Floats, load

Search = Callable[[Floats], Any]


class Peer(ABC):
    """One library in one configuration."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    @abstractmethod
    def prepare(self, rows: Floats, tags: list[dict[str, Any]]) -> None:
        """Whatever is done once before rows are added and not counted as memory."""

    @abstractmethod
    def add(self, first: int, rows: Floats, tags: list[dict[str, Any]]) -> None:
        """Adds rows under the numbers from `first` on; `tags` is empty or has one for each."""

    @abstractmethod
    def searcher(self, k: int, effort: Any, condition: dict[str, Any] | None) -> Search:
        """A search that gives the numbers of the rows found, in whatever shape is cheapest."""

    def ids(self, found: Any) -> list[int]:
        """What a search gave, as numbers of rows."""
        return [int(row) for row in found if row >= 0]

    def replace(self, which: list[int], rows: Floats) -> None:
        raise NotImplementedError("it cannot replace a vector")

    def remove(self, which: list[int]) -> None:
        raise NotImplementedError("it cannot remove a vector")

    def save(self, path: str) -> None:
        raise NotImplementedError("it cannot be saved")

    def open(self, path: str) -> None:
        raise NotImplementedError("it cannot be opened")


def anonymous_memory() -> int:
    """The memory of this process that no file backs, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    raise OSError("no RssAnon in /proc/self/status")


class Commands:
    """Answers the commands for one peer."""

    # The last rows of a build are timed on their own.
    TAIL = 1000

    def __init__(self, make: Callable[[dict[str, Any]], Peer], config: dict[str, Any]) -> None:
        self._make = make
        self._config = config
        self._peer: Peer | None = None

    def _current(self) -> Peer:
        if self._peer is None:
            raise ValueError("nothing is built")
        return self._peer

    def hello(self) -> dict[str, Any]:
        return {}

    def build(self, rows: str, count: int, tags: str | None = None, **_: Any) -> dict[str, Any]:
        vectors = load(Path(rows))[:count]
        records: list[dict[str, Any]] = []
        if tags is not None:
            with open(tags, encoding="ascii") as lines:
                records = [json.loads(line) for line, _ in zip(lines, range(count), strict=False)]
        self._peer = None
        before = anonymous_memory()
        peer = self._make(self._config)
        head = max(0, count - self.TAIL)
        began = time.perf_counter()
        peer.prepare(vectors, records)
        peer.add(0, vectors[:head], records[:head])
        middle = time.perf_counter()
        peer.add(head, vectors[head:], records[head:])
        ended = time.perf_counter()
        self._peer = peer
        return {
            "seconds": ended - began,
            "tail": ended - middle,
            "before": before,
            "after": anonymous_memory(),
        }

    def search(
        self,
        queries: str,
        count: int,
        k: int,
        effort: Any = None,
        filter: dict[str, Any] | None = None,
        warm: int = 0,
        **_: Any,
    ) -> dict[str, Any]:
        peer = self._current()
        search = peer.searcher(k, effort, filter)
        vectors = np.array(load(Path(queries))[:count])
        each = [vectors[i : i + 1] for i in range(len(vectors))]
        for query in each[:warm]:
            search(query)
        began = time.perf_counter()
        found = [search(query) for query in each]
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "ids": [peer.ids(one) for one in found]}

    def call(self, queries: str, count: int) -> dict[str, Any]:
        """Seconds a search takes where there is almost nothing to search."""
        vectors = np.array(load(Path(queries))[:count])
        peer = self._make(self._config)
        peer.prepare(vectors[:10], [])
        peer.add(0, vectors[:10], [])
        search = peer.searcher(10, None, None)
        each = [vectors[i : i + 1] for i in range(len(vectors))]
        search(each[0])
        began = time.perf_counter()
        for query in each:
            search(query)
        return {"seconds": (time.perf_counter() - began) / len(each)}

    def replace(self, rows: str, which: list[int], **_: Any) -> dict[str, Any]:
        vectors = load(Path(rows))
        began = time.perf_counter()
        self._current().replace(which, vectors)
        return {"seconds": time.perf_counter() - began}

    def remove(self, which: list[int]) -> dict[str, Any]:
        began = time.perf_counter()
        self._current().remove(which)
        return {"seconds": time.perf_counter() - began}

    def memory(self) -> dict[str, Any]:
        return {"anonymous": anonymous_memory(), "reported": None}

    def save(self, path: str) -> dict[str, Any]:
        began = time.perf_counter()
        self._current().save(path)
        return {"seconds": time.perf_counter() - began, "bytes": Path(path).stat().st_size}

    def open(self, path: str) -> dict[str, Any]:
        self._peer = None
        before = anonymous_memory()
        began = time.perf_counter()
        peer = self._make(self._config)
        peer.open(path)
        seconds = time.perf_counter() - began
        self._peer = peer
        return {"seconds": seconds, "before": before, "after": anonymous_memory()}

    def fill(self, path: str, rows: str, count: int) -> dict[str, Any]:
        self._peer = self._make(self._config | {"path": path})
        began = time.perf_counter()
        self._peer.add(0, load(Path(rows))[:count], [])
        return {"seconds": time.perf_counter() - began}

    def store(self, rows: str, first: int, count: int) -> dict[str, Any]:
        vectors = np.array(load(Path(rows))[first : first + count])
        times = []
        for i in range(count):
            began = time.perf_counter()
            self._current().add(first + i, vectors[i : i + 1], [])
            times.append((time.perf_counter() - began) * 1e3)
        return {"ms": times}


def main() -> None:
    library, config = sys.argv[1], json.loads(sys.argv[2])
    make = importlib.import_module(f"vector_bench.peer_{library}").make
    commands = Commands(make, config)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"ok": getattr(commands, command.pop("do"))(**command)}
        except Exception as error:  # Whatever a peer raises is its answer.
            words = str(error).strip().splitlines() or [""]
            answer = {"error": f"{type(error).__name__}: {words[-1]}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
