"""sqlite-vec: config {"form": "float", "int8" or "bit", "path", "durable"}.

The bit form ranks by the signs of the elements and compares the best anew with the floats, which
its table keeps beside them; the effort is how many for each result. The others have none.
Rows are one virtual table; apsw is used because not every Python lets sqlite3 load extensions.
"""

from typing import Any

import apsw
import numpy as np
import sqlite_vec

from .data import DIMENSIONS, Floats
from .peer import Peer, Search

COLUMNS = {
    "float": f"embedding float[{DIMENSIONS}] distance_metric=cosine",
    "int8": f"embedding int8[{DIMENSIONS}] distance_metric=cosine",
    "bit": f"embedding bit[{DIMENSIONS}], +exact blob",
}
VALUES = {
    "float": "?2",
    "int8": "vec_quantize_int8(?2, 'unit')",
    "bit": "vec_quantize_binary(?2), ?2",
}


class SqliteVec(Peer):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._form = config["form"]
        self._database = _connect(config.get("path", ":memory:"))
        self._tagged = False
        if config.get("path"):
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._create(tagged=False)

    def _create(self, tagged: bool) -> None:
        self._tagged = tagged
        metadata = ", n integer, pos text, lex integer" if tagged else ""
        self._database.execute(
            f"CREATE VIRTUAL TABLE v USING vec0(row integer primary key, "
            f"{COLUMNS[self._form]}{metadata})"
        )
        columns = "row, embedding" + (", exact" if self._form == "bit" else "")
        values = f"?1, {VALUES[self._form]}"
        if tagged:
            columns, values = columns + ", n, pos, lex", values + ", ?3, ?4, ?5"
        self._insert = f"INSERT INTO v ({columns}) VALUES ({values})"

    def prepare(self, rows: Floats, tags: list[dict[str, Any]]) -> None:
        self._create(tagged=bool(tags))

    def add(self, first: int, rows: Floats, tags: list[dict[str, Any]]) -> None:
        def bindings() -> Any:
            for i, row in enumerate(np.asarray(rows)):
                more = (tags[i]["n"], tags[i]["pos"], tags[i]["lex"]) if self._tagged else ()
                yield (first + i, row.tobytes(), *more)

        if len(rows) == 1:
            self._database.execute(self._insert, next(bindings()))
            return
        self._database.execute("BEGIN")
        self._database.executemany(self._insert, bindings())
        self._database.execute("COMMIT")

    def searcher(self, k: int, effort: Any, condition: dict[str, Any] | None) -> Search:
        database = self._database
        where, bound = "", []
        if condition is not None:
            operator = "<" if condition["op"] == "$lt" else "="
            where, bound = f" AND {condition['field']} {operator} ?3", [condition["value"]]
        if self._form == "bit":
            sql = (
                "SELECT row FROM (SELECT row, exact FROM v WHERE embedding MATCH "
                f"vec_quantize_binary(?1) AND k = ?2{where}) "
                f"ORDER BY vec_distance_cosine(exact, ?1) LIMIT {k}"
            )
            count = min(4096, k * int(effort or 8))
        else:
            query = "?1" if self._form == "float" else VALUES["int8"].replace("?2", "?1")
            sql = (
                f"SELECT row FROM v WHERE embedding MATCH {query} AND k = ?2{where} "
                "ORDER BY distance"
            )
            count = k
        return lambda query: database.execute(sql, (query.tobytes(), count, *bound)).fetchall()

    def ids(self, found: Any) -> list[int]:
        return [int(row) for (row,) in found]

    def replace(self, which: list[int], rows: Floats) -> None:
        for row in which:
            self._database.execute(
                "UPDATE v SET embedding = ?2 WHERE row = ?1", (row, rows[row].tobytes())
            )

    def remove(self, which: list[int]) -> None:
        for row in which:
            self._database.execute("DELETE FROM v WHERE row = ?1", (row,))

    def save(self, path: str) -> None:
        self._database.execute("VACUUM INTO ?1", (path,))

    def open(self, path: str) -> None:
        self._database = _connect(path)


def _connect(path: str) -> apsw.Connection:
    database = apsw.Connection(path)
    database.enable_load_extension(True)
    database.load_extension(sqlite_vec.loadable_path())
    database.enable_load_extension(False)
    return database


def make(config: dict[str, Any]) -> Peer:
    return SqliteVec(config)
