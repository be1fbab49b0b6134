"""What is measured: our index in its settings, and each peer in the forms that suit it.

An effort is what a search may spend to find more; each engine has its own, and all are tried.
"""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The precisions of our index; the first is the default. They are named in vector_engine/ours.rs
# and in vector_wasm/ours.mjs as well.
OURS = ("f32", "f16", "int8")

# How many vectors a search scans by their codes, and how many it then compares; null is what it
# does unasked. "all" is as many as there are.
SCANNED: list[int | str] = [2_000, 4_000, 8_000, 16_000, 32_000, "all"]
CANDIDATES = [60, 120]


def our_efforts(scanned: list[int | str]) -> list[Any]:
    """The default, and each number of scanned with each of candidates."""
    pairs = itertools.product(scanned, CANDIDATES)
    return [None, *({"scanned": many, "candidates": few} for many, few in pairs)]


OUR_EFFORTS = our_efforts(SCANNED)

EF = [10, 15, 20, 25, 30, 35, 40, 50, 60, 70, 80, 100, 120, 140, 170, 200, 240, 300, 400]
EDGEVEC: list[Any] = [10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320]
EDGEVEC += [f"rescore {factor}" for factor in (3, 5, 8, 12, 20, 40, 80)]
FACTORS = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20]


@dataclass(frozen=True)
class Engine:
    """One row of a table."""

    key: str
    title: str
    command: list[str]
    efforts: list[Any] = field(default_factory=lambda: [None])
    ours: bool = False
    # What it is built and asked with beside the rows and the query.
    build: dict[str, Any] = field(default_factory=dict)
    ask: dict[str, Any] = field(default_factory=dict)
    # The library, where it is not ours, and whether it is searched along a graph.
    library: str = ""
    graph: bool = False


@dataclass(frozen=True)
class Programs:
    """What the processes of the engines are started with."""

    program: Path
    python: Path
    node: str
    scripts: Path

    def ours(self, variants: tuple[str, ...] = OURS) -> list[Engine]:
        """Our index in some precisions."""
        command = [str(self.program), "serve"]
        return [
            Engine(
                f"ours-{variant}",
                f"ours, {variant}",
                command,
                OUR_EFFORTS,
                True,
                {"variant": variant},
            )
            for variant in variants
        ]

    def ours_exact(self) -> Engine:
        command = [str(self.program), "serve"]
        build, ask = {"variant": OURS[0]}, {"exact": True}
        return Engine("ours-exact", "ours, exact", command, [None], True, build, ask)

    def _peer(
        self,
        library: str,
        title: str,
        config: dict[str, Any],
        efforts: list[Any] | None = None,
    ) -> Engine:
        package = "vector_bench.peer"
        command = [str(self.python), "-m", package, library, json.dumps(config)]
        key = title.replace(" ", "-").replace(",", "-").replace("(", "-").replace(")", "")
        graph = library in ("hnswlib", "usearch") or "HNSW" in title
        return Engine(key, title, command, efforts or [None], library=library, graph=graph)

    def hnswlib(self, m: int) -> Engine:
        return self._peer("hnswlib", f"hnswlib M={m}", {"m": m, "ef_construction": 200}, EF)

    def usearch(self, dtype: str) -> Engine:
        # On vectors of unit length the inner product ranks as the cosine does, and is faster.
        return self._peer("usearch", f"usearch {dtype}", {"dtype": dtype, "metric": "ip"}, EF)

    def faiss(self, factory: str) -> Engine:
        title, config = f"faiss {factory}", {"factory": factory}
        efforts: list[Any] = [None]
        if factory.startswith("HNSW"):
            efforts = [{"ef": ef} for ef in EF]
        elif factory.startswith("IVF"):
            probes = [16, 24, 32, 48, 64, 96, 128, 192]
            efforts = [
                {"k_factor": factor, "nprobe": probe}
                for probe, factor in itertools.product(probes, [1.5, 2, 3, 5, 10])
            ]
        elif "," in factory:
            efforts = [{"k_factor": factor} for factor in FACTORS]
        return self._peer("faiss", title, config, efforts)

    def sqlite(self, form: str) -> Engine:
        efforts = [4, 8, 16, 24, 40] if form == "bit" else [None]
        title = {"bit": "sqlite-vec bit, rescored"}.get(form, f"sqlite-vec {form}")
        return self._peer("sqlite", title, {"form": form}, efforts)

    def approximate(self) -> list[Engine]:
        """Every peer that does not look at all rows in full."""
        factories = (
            "HNSW32",
            "RaBitQ,Refine(Flat)",
            "RaBitQfs,Refine(Flat)",
            "PQ192x4fs,Refine(Flat)",
            "IVF256,PQ192x4fs,RFlat",
        )
        return [
            self.hnswlib(16),
            self.hnswlib(32),
            self.usearch("f32"),
            self.usearch("i8"),
            *(self.faiss(factory) for factory in factories),
            self.sqlite("int8"),
            self.sqlite("bit"),
        ]

    def wasm(self, place: str) -> list[Engine]:
        """Ours and the peers on npm, in "node" or in "chromium"."""
        found = []
        for name, title, efforts in (
            *((f"ours-{it}", f"ours, {it}", OUR_EFFORTS) for it in (OURS[0], OURS[-1])),
            ("edgevec", "edgevec", EDGEVEC),
            ("hnswlib", "hnswlib-wasm", EF),
            ("voy", "voy-search", [None]),
            ("orama", "@orama/orama", [None]),
        ):
            script = self.scripts / f"{place}.mjs"
            command = [self.node, str(script), name]
            ours = name.startswith("ours")
            library = "" if ours else "npm"
            key = f"{place}-{name}"
            graph = name in ("edgevec", "hnswlib")
            engine = Engine(key, title, command, list(efforts), ours, library=library, graph=graph)
            found.append(engine)
        return found


def shown(effort: Any) -> str:
    """An effort as a table shows it."""
    if effort is None:
        return "default"
    if isinstance(effort, dict):
        return " ".join(f"{name} {value}" for name, value in effort.items())
    return str(effort)
