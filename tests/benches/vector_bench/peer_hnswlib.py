"""hnswlib: config {"m", "ef_construction", "capacity"}; the effort is ef."""

from typing import Any

import hnswlib
import numpy as np

from .data import DIMENSIONS, Floats
from .peer import Peer, Search


class Hnswlib(Peer):
    def prepare(self, rows: Floats, tags: list[dict[str, Any]]) -> None:
        self._tags = tags
        # On vectors of unit length this ranks as cosine does, and saves making them so again.
        self._index = hnswlib.Index(space="ip", dim=DIMENSIONS)
        self._index.init_index(
            max_elements=len(rows),
            M=self.config["m"],
            ef_construction=self.config["ef_construction"],
            random_seed=100,
        )
        self._index.set_num_threads(1)

    def add(self, first: int, rows: Floats, tags: list[dict[str, Any]]) -> None:
        self._index.add_items(rows, np.arange(first, first + len(rows)), num_threads=1)

    def searcher(self, k: int, effort: Any, condition: dict[str, Any] | None) -> Search:
        index = self._index
        index.set_ef(effort or 50)
        if condition is None:
            return lambda query: index.knn_query(query, k, num_threads=1)[0][0]
        # The library asks a function of Python's about every candidate.
        matching = [_matches(condition, tags) for tags in self._tags]

        def search(query: Floats) -> Any:
            try:
                return index.knn_query(query, k, num_threads=1, filter=matching.__getitem__)[0][0]
            except RuntimeError:
                # It found fewer than k, and then gives none.
                return []

        return search

    def replace(self, which: list[int], rows: Floats) -> None:
        for row in which:
            self._index.add_items(rows[row : row + 1], [row], num_threads=1)

    def remove(self, which: list[int]) -> None:
        for row in which:
            self._index.mark_deleted(row)

    def save(self, path: str) -> None:
        self._index.save_index(path)

    def open(self, path: str) -> None:
        self._index = hnswlib.Index(space="ip", dim=DIMENSIONS)
        self._index.load_index(path)
        self._index.set_num_threads(1)


def _matches(condition: dict[str, Any], tags: dict[str, Any]) -> bool:
    found, value = tags[condition["field"]], condition["value"]
    return bool(found < value if condition["op"] == "$lt" else found == value)


def make(config: dict[str, Any]) -> Peer:
    return Hnswlib(config)
