"""usearch: config {"dtype", "metric"}; the effort is expansion_search."""

from typing import Any

import numpy as np
from usearch.index import Index

from .data import DIMENSIONS, Floats
from .peer import Peer, Search


class Usearch(Peer):
    def prepare(self, rows: Floats, tags: list[dict[str, Any]]) -> None:
        self._index: Any = Index(
            ndim=DIMENSIONS,
            metric=self.config["metric"],
            dtype=self.config["dtype"],
            connectivity=16,
            expansion_add=128,
        )

    def add(self, first: int, rows: Floats, tags: list[dict[str, Any]]) -> None:
        if len(rows) > 0:
            self._index.add(np.arange(first, first + len(rows)), rows, threads=1)

    def searcher(self, k: int, effort: Any, condition: dict[str, Any] | None) -> Search:
        if condition is not None:
            raise NotImplementedError("its Python API has no filter")
        index = self._index
        index.expansion_search = effort or 64
        return lambda query: index.search(query[0], k, threads=1).keys

    def replace(self, which: list[int], rows: Floats) -> None:
        for row in which:
            self._index.remove(row)
            self._index.add(row, rows[row], threads=1)

    def remove(self, which: list[int]) -> None:
        for row in which:
            self._index.remove(row)

    def save(self, path: str) -> None:
        self._index.save(path)

    def open(self, path: str) -> None:
        self._index = Index.restore(path)


def make(config: dict[str, Any]) -> Peer:
    return Usearch(config)
