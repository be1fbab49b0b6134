"""The vectors that all sides read, made once and kept as files under target/.

Every file holds rows of 384 little-endian 32-bit floats of unit length, so that cosine, inner
product and Euclidean distance rank alike. `real` is WordNet as it is; `queries` are held out of it.

The mixture grows the real vectors to a million: x = normalise(v_i + 0.5 (v_j - v_l)). In each
round i goes through a permutation of the real vectors, j and l are drawn at random. The real ones
themselves are among the million, and all are shuffled, so that any prefix is a fair sample.
"""

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DIMENSIONS = 384
REAL = 50_000
QUERIES = 1_000
K = 10
SEED = 384
BLOCK = 20_000
SOURCES = ("wordnet-50k.f16", "queries-1k.f16", "wordnet-50k.jsonl")

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Condition:
    """A filter: `{"field", "op", "value"}` to the workers."""

    name: str
    field: str
    op: str
    value: int | str

    def asked(self) -> dict[str, Any]:
        return {"field": self.field, "op": self.op, "value": self.value}

    def matches(self, tags: dict[str, Any]) -> bool:
        if self.op == "$lt":
            return bool(tags[self.field] < self.value)
        return bool(tags[self.field] == self.value)


@dataclass(frozen=True)
class Data:
    """The directory that was given and the one that files are made in."""

    source: Path
    made: Path

    def check(self) -> None:
        """Says which file is missing, if one is; what was made of other files is made anew."""
        known = ""
        for name in SOURCES:
            if not (self.source / name).is_file():
                raise SystemExit(f"SIGIL_BENCH_DATA={self.source}: {name} is missing there")
            known += f"{zlib.crc32((self.source / name).read_bytes()):08x} {name}\n"
        self.made.mkdir(parents=True, exist_ok=True)
        sums = self.made / "sources"
        if not sums.exists() or sums.read_text(encoding="ascii") != known:
            for path in self.made.iterdir():
                path.unlink()
            sums.write_text(known, encoding="ascii")

    def real(self) -> Path:
        return self._file("real.f32", lambda: [self._halves("wordnet-50k.f16")])

    def queries(self) -> Path:
        return self._file("queries.f32", lambda: [self._halves("queries-1k.f16")])

    def mixture(self, rows: int) -> Path:
        """`rows` vectors, the real ones among them, shuffled."""
        return self._file(f"mixture-{rows}.f32", lambda: _mixture(load(self.real()), rows))

    def stale(self, which: Numbers) -> Path:
        """The real rows, with vectors of another round of the mixture in the rows of `which`."""

        def rows() -> list[Floats]:
            real = load(self.real())
            found = np.array(real)
            found[which] = next(_rounds(real, SEED + 1))[: len(which)]
            return [found]

        return self._file(f"stale-{len(which)}.f32", rows)

    def subset(self, which: Numbers) -> Path:
        """Only those of the real rows."""
        return self._file(f"subset-{len(which)}.f32", lambda: [load(self.real())[which]])

    def tags(self) -> Path:
        """The metadata of the real rows, a line of JSON each: pos, lex, and n drawn at random."""
        path = self.made / "tags.jsonl"
        if not path.exists():
            numbers = np.random.default_rng(SEED).integers(0, 1000, REAL)
            with open(self.source / "wordnet-50k.jsonl", encoding="utf-8") as lines:
                records = [json.loads(line) for line in lines]
            text = "".join(
                json.dumps({"n": int(n), "pos": record["pos"], "lex": record["lex"]}) + "\n"
                for n, record in zip(numbers, records, strict=True)
            )
            _publish(path, [text.encode()])
        return path

    def truth(self, rows: Path, count: int, queries: int, among: Numbers | None = None) -> Numbers:
        """The exact ids for each query: of the first `count` rows, or of those `among` them."""
        if among is not None:
            return exact(load(rows)[:count], load(self.queries())[:queries], among)
        path = self.made / f"truth-{rows.stem}-{count}-{queries}.npy"
        if not path.exists():
            np.save(path, exact(load(rows)[:count], load(self.queries())[:queries]))
        return np.asarray(np.load(path))

    def _halves(self, name: str) -> Floats:
        halves = np.fromfile(self.source / name, dtype="<f2").reshape(-1, DIMENSIONS)
        return _unit(halves.astype(np.float32))

    def _file(self, name: str, make: Any) -> Path:
        path = self.made / name
        if not path.exists():
            _publish(path, (block.astype("<f4").tobytes() for block in make()))
        return path


def load(path: Path) -> Floats:
    """The rows of a file, in memory that the file backs."""
    return np.memmap(path, dtype="<f4", mode="r").reshape(-1, DIMENSIONS)


def exact(rows: Floats, queries: Floats, among: Numbers | None = None) -> Numbers:
    """The numbers of the nearest rows of each query, best first, -1 where there are too few."""
    numbers = np.arange(len(rows)) if among is None else np.sort(among)
    best = np.full((len(queries), K), -np.inf, dtype=np.float32)
    ids = np.full((len(queries), K), -1, dtype=np.int64)
    for first in range(0, len(numbers), BLOCK):
        some = numbers[first : first + BLOCK]
        scores = np.hstack([best, queries @ np.asarray(rows[some]).T])
        named = np.hstack([ids, np.broadcast_to(some, (len(queries), len(some)))])
        nearest = np.argpartition(-scores, K - 1, axis=1)[:, :K]
        best = np.take_along_axis(scores, nearest, axis=1)
        ids = np.take_along_axis(named, nearest, axis=1)
    return np.take_along_axis(ids, np.argsort(-best, axis=1), axis=1)


def recall(found: list[list[int]], truth: Numbers) -> float:
    """The share of the exact ids that were found; what does not exist need not be found."""
    wanted = [{int(i) for i in row if i >= 0} for row in truth[: len(found)]]
    total = sum(len(row) for row in wanted)
    hits = sum(len(row & set(ids)) for row, ids in zip(wanted, found, strict=True))
    return hits / total if total else 1.0


def fewer(found: list[list[int]], matching: int) -> int:
    """How many queries got fewer results than they could."""
    return sum(len(set(ids)) < min(K, matching) for ids in found)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _rounds(real: Floats, seed: int) -> Iterator[Floats]:
    random = np.random.default_rng(seed)
    while True:
        i = random.permutation(len(real))
        j, second = random.integers(0, len(real), (2, len(real)))
        yield _unit(real[i] + np.float32(0.5) * (real[j] - real[second]))


def _mixture(real: Floats, rows: int) -> Iterator[Floats]:
    made = np.empty((rows, DIMENSIONS), dtype=np.float32)
    made[: len(real)] = real[:rows]
    rounds = _rounds(np.asarray(real), SEED)
    for first in range(len(real), rows, len(real)):
        made[first : first + len(real)] = next(rounds)[: rows - first]
    order = np.random.default_rng(SEED + 2).permutation(rows)
    for first in range(0, rows, BLOCK):
        yield made[order[first : first + BLOCK]]


def _publish(path: Path, blocks: Any) -> None:
    """Writes a file so that it is whole or not there."""
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        for block in blocks:
            file.write(block)
    os.replace(partial, path)
