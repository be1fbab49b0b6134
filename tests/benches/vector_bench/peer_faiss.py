"""faiss: config {"factory"}, a string of index_factory, or "HNSW32".

The effort is a list of settings by name: ef, k_factor of the refinement, nprobe.
"""

from typing import Any

import faiss as untyped
import numpy as np

from .data import DIMENSIONS, Floats
from .peer import Peer, Search

# Its stubs leave out half of what it has.
faiss: Any = untyped


class Faiss(Peer):
    def prepare(self, rows: Floats, tags: list[dict[str, Any]]) -> None:
        faiss.omp_set_num_threads(1)
        self._tags = tags
        factory = self.config["factory"]
        self._index = faiss.index_factory(DIMENSIONS, factory, faiss.METRIC_L2)
        if factory.startswith("HNSW"):
            self._index.hnsw.efConstruction = 200
        if not self._index.is_trained:
            self._index.train(rows)

    def add(self, first: int, rows: Floats, tags: list[dict[str, Any]]) -> None:
        if len(rows) > 0:
            self._index.add(rows)

    def searcher(self, k: int, effort: Any, condition: dict[str, Any] | None) -> Search:
        index = self._index
        parameters = self._parameters(dict(effort or {}), self._selector(condition))
        if parameters is None:
            return lambda query: index.search(query, k)[1][0]
        return lambda query: index.search(query, k, params=parameters)[1][0]

    def _selector(self, condition: dict[str, Any] | None) -> Any:
        """The rows that match, as one bit each; made before the time is taken."""
        if condition is None:
            return None
        field, value = condition["field"], condition["value"]
        less = condition["op"] == "$lt"
        bits = np.array([(t[field] < value) if less else (t[field] == value) for t in self._tags])
        self._bits = np.packbits(bits, bitorder="little")
        return faiss.IDSelectorBitmap(self._bits)

    def _parameters(self, effort: dict[str, int], selector: Any) -> Any:
        factory = self.config["factory"]
        given = {} if selector is None else {"sel": selector}
        if factory.startswith("HNSW"):
            return faiss.SearchParametersHNSW(efSearch=effort.get("ef", 16), **given)
        if factory.startswith("IVF"):
            base: Any = faiss.SearchParametersIVF(nprobe=effort.get("nprobe", 1), **given)
        else:
            base = faiss.SearchParameters(**given) if given else None
        if "," not in factory:
            return base
        refined = {} if base is None else {"base_index_params": base}
        return faiss.IndexRefineSearchParameters(k_factor=effort.get("k_factor", 1), **refined)

    def save(self, path: str) -> None:
        faiss.write_index(self._index, path)

    def open(self, path: str) -> None:
        faiss.omp_set_num_threads(1)
        self._index = faiss.read_index(path)


def make(config: dict[str, Any]) -> Peer:
    return Faiss(config)
