"""What all sections need."""

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from vector_bench.workers import Worker

from .corpus import Corpus

K = 10
PLACES = {"node": "Node", "chromium": "headless Chromium"}
# The engines of text_wasm, with their titles.
ENGINES = {
    "ours": "sigil-store",
    "sqlite": "sqlite-wasm FTS5",
    "minisearch": "MiniSearch",
    "orama": "Orama",
}


@dataclass(frozen=True)
class Bench:
    """How much is measured, on what, and with what."""

    corpus: Corpus
    corpora: tuple[str, ...]
    rounds: int
    # A group of queries is cut off in wasm after so many seconds a round.
    seconds_max: float
    directory: Path
    program: Path
    scripts: Path

    def start(self, place: str, engine: str) -> Worker:
        """A process for an engine of text_wasm."""
        command = ["node", "--expose-gc", str(self.scripts / f"{place}.mjs"), engine]
        return Worker(command, f"{place}-{engine}", self.directory / "logs", 900.0)

    def answers(self, corpus: str) -> Path:
        """What native FTS5 found."""
        return self.directory / "data" / f"{corpus}.answers.jsonl"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def spread(values: list[float]) -> dict[str, float]:
    """Microseconds, as the native program gives them."""
    return {
        "p50": percentile(values, 50),
        "p95": percentile(values, 95),
        "mean": statistics.fmean(values),
    }
