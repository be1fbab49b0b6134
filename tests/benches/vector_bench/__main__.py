"""The command behind tests/benches/vectors, which says how it is used."""

import argparse
import datetime
import importlib
import os
import shutil
import sys
import time
import traceback
from dataclasses import asdict, replace
from pathlib import Path

from . import report
from .data import Data
from .engines import Programs
from .machine import commit, head, missing
from .measure import Bench, Settings, say

SECTIONS = ["native", "filtered", "churn", "wasm", "memory", "growth", "durable"]
FULL = Settings(
    quick=False,
    rows=50_000,
    queries=1_000,
    rounds=5,
    sizes=(10_000, 100_000, 1_000_000),
    peer_sizes=(10_000, 100_000),
    mixture=1_000_000,
    stores=(1_000, 100_000),
)
QUICK = Settings(
    quick=True,
    rows=5_000,
    queries=200,
    rounds=2,
    sizes=(2_000, 20_000),
    peer_sizes=(2_000, 20_000),
    mixture=100_000,
    stores=(500, 5_000),
)


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section is named {', '.join(unknown)}: there are {', '.join(SECTIONS)}")
    directory, scripts = Path(arguments.directory), Path(__file__).parent.parent / "vector_wasm"
    data = Data(Path(os.environ["SIGIL_BENCH_DATA"]), directory / "data")
    data.check()
    programs = Programs(Path(arguments.program), Path(sys.executable), "node", scripts)
    bench = Bench(_settings(arguments), data, programs, directory, missing(directory))
    words = head(bench)
    failed = []
    for name in [it for it in SECTIONS if it in (arguments.sections or SECTIONS)]:
        try:
            _measure(bench, name, words)
        except Exception:  # The sections after it are measured all the same.
            traceback.print_exc()
            failed.append(name)
        _write(Path(arguments.results), bench)
    if failed:
        raise SystemExit(f"failed, and can be run again: tests/benches/vectors {' '.join(failed)}")


def _measure(bench: Bench, name: str, words: str) -> None:
    """One section, kept as soon as it is there."""
    load = os.getloadavg()[0]
    say(f"{name}: load average {load:.1f}")
    began = time.monotonic()
    section = importlib.import_module(f"vector_bench.{name}").measure(bench)
    minutes = (time.monotonic() - began) / 60
    today = datetime.datetime.now(datetime.UTC).date()
    when = f"{today}, commit {commit()}, load {load:.1f}, {minutes:.1f} minutes"
    report.Result(name, when, words, asdict(section)).write(_results(bench))
    say(f"{name}: took {minutes:.1f} minutes")


def _results(bench: Bench) -> Path:
    return bench.directory / ("results-quick" if bench.settings.quick else "results")


def _write(results: Path, bench: Bench) -> None:
    """All that was measured so far, in this run or before; quick runs write into a copy."""
    found = report.read(_results(bench), SECTIONS)
    if not found:
        return
    if bench.settings.quick:
        copy = bench.directory / "RESULTS-quick.md"
        if not copy.exists():
            shutil.copyfile(results, copy)
        results = copy
    report.write(results, found, SECTIONS)
    say(f"written: {results}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/benches/vectors")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    quick = os.environ.get("SIGIL_BENCH_QUICK", "") not in ("", "0")
    parser.add_argument(
        "--quick", action="store_true", default=quick, help="few rows, into a copy of RESULTS.md"
    )
    for name in ("program", "directory", "results"):
        parser.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    return parser


def _settings(arguments: argparse.Namespace) -> Settings:
    base = QUICK if arguments.quick else FULL
    sizes = _numbers("SIGIL_BENCH_SIZES") or base.sizes
    peers = _numbers("SIGIL_BENCH_PEER_SIZES") or tuple(it for it in base.peer_sizes if it in sizes)
    return replace(base, sizes=sizes, peer_sizes=peers, mixture=max(base.mixture, *sizes, *peers))


def _numbers(variable: str) -> tuple[int, ...]:
    return tuple(int(number) for number in os.environ.get(variable, "").split(",") if number)


if __name__ == "__main__":
    main()
