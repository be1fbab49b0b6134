"""What the figures were measured with: the head of the results, and what is not installed."""

import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from .measure import Bench
from .workers import Failed

# The package that each library comes in.
PACKAGES = {
    "hnswlib": "hnswlib",
    "usearch": "usearch",
    "faiss": "faiss-cpu",
    "sqlite": "sqlite-vec",
}


def missing(directory: Path) -> dict[str, str]:
    """What could not be installed, by library, in the installer's words."""
    found = {}
    for library, package in (PACKAGES | {"npm": "npm"}).items():
        words = directory / "missing" / package
        if words.exists():
            lines = words.read_text(errors="replace").strip().splitlines()
            found[library] = lines[-1] if lines else "no message"
    return found


def head(bench: Bench) -> str:
    """How it was measured, on what, and with which versions."""
    settings = bench.settings
    return (
        "`SIGIL_BENCH_DATA=DIR tests/benches/vectors [SECTION...]` installs the peers and writes "
        "these tables; those of a section that did not run stay as they were.\n"
        "Vectors: WordNet glosses by all-MiniLM-L6-v2, 384 elements of unit length; "
        f"{settings.queries:,} queries held out (fewer for what takes over 1 ms); k = 10; "
        "recall@10 against exact ids; one query a call, one thread; medians of "
        f"{settings.rounds} rounds, in which the engines take turns. Ratios to a peer are its "
        "time over ours.\n"
        f"{os.cpu_count()} cores, {_processor()}, {_kernels(bench)}; Python "
        f"{platform.python_version()}, {', '.join(_versions(bench))}.\n"
    )


def commit() -> str:
    changed = _says(["git", "status", "--porcelain", "core", "native", "wasm"])
    return _says(["git", "rev-parse", "--short=9", "HEAD"]) + (" and changes" if changed else "")


def _versions(bench: Bench) -> list[str]:
    found = []
    for package in ["numpy", *PACKAGES.values(), "apsw"]:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"{package} not installed")
    manifest = json.loads((bench.programs.scripts / "package.json").read_text(encoding="utf-8"))
    found += [f"{name} {version}" for name, version in manifest["dependencies"].items()]
    browser = os.environ.get("CHROMIUM", "chromium")
    for command in (["node", "--version"], [browser, "--version"], ["rustc", "--version"]):
        found.append(_says(command))
    return found


def _kernels(bench: Bench) -> str:
    """What our engine says of itself."""
    try:
        with bench.start(bench.programs.ours()[0]) as worker:
            return str(worker.ask("hello")["about"])
    except Failed as error:
        return str(error)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [it.partition(":")[2].strip() for it in lines if it.startswith("model name")]
    except OSError:
        names = []
    return f"{names[0]} ({platform.machine()})" if names else platform.machine()


def _says(command: list[str]) -> str:
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return f"no {command[0]}"
    name = f"{command[0]} " if command[0] == "node" else ""
    return (name + found.stdout.strip().split(" built on")[0]).strip()
