"""The command behind tests/benches/text, which says how it is used."""

import argparse
import datetime
import importlib
import json
import os
import subprocess
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from vector_bench.report import Result

from .bench import Bench, say
from .corpus import CORPORA, Corpus

SECTIONS = ["native", "wasm", "memory"]


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section is named {', '.join(unknown)}: there are {', '.join(SECTIONS)}")
    directory = Path(arguments.directory)
    say("preparing the corpora")
    corpus = Corpus(Path(os.environ["SIGIL_BENCH_DATA"]), directory / "data", directory / "debs")
    corpus.prepare()
    quick = arguments.quick
    bench = Bench(
        corpus=corpus,
        corpora=CORPORA[:1] if quick else CORPORA,
        rounds=1 if quick else 3,
        seconds_max=1.0 if quick else 2.0,
        directory=directory,
        program=Path(arguments.program),
        scripts=Path(__file__).parent.parent / "text_wasm",
    )
    print(f"## Full text\n\n{_head(bench)}\n")
    failed = []
    for name in [it for it in SECTIONS if it in (arguments.sections or SECTIONS)]:
        try:
            _measure(bench, name, directory / ("results-quick" if quick else "results"))
        except Exception:  # The sections after it are measured all the same.
            traceback.print_exc()
            failed.append(name)
    if failed:
        raise SystemExit(f"failed, and can be run again: tests/benches/text {' '.join(failed)}")


def _measure(bench: Bench, name: str, results: Path) -> None:
    """One section, kept as soon as it is there, and printed."""
    load, began = os.getloadavg()[0], time.monotonic()
    say(f"{name}: load average {load:.1f}")
    section = importlib.import_module(f"text_bench.{name}").measure(bench)
    minutes = (time.monotonic() - began) / 60
    today = datetime.datetime.now(datetime.UTC).date()
    when = f"{today}, commit {_says('git', 'rev-parse', '--short=9', 'HEAD')}"
    when += f", load {load:.1f}, {minutes:.1f} minutes"
    result = Result(name, when, _head(bench), asdict(section))
    result.write(results)
    print(result.markdown(), flush=True)


def _head(bench: Bench) -> str:
    manifest = json.loads((bench.scripts / "package.json").read_text(encoding="utf-8"))
    versions = [f"{name} {version}" for name, version in manifest["dependencies"].items()]
    versions.append(f"node {_says('node', '--version')}")
    versions.append(_says(os.environ.get("CHROMIUM", "chromium"), "--version"))
    versions.append(_says("rustc", "--version"))
    return (
        "`SIGIL_BENCH_DATA=DIR tests/benches/text [SECTION...]` installs the peers and prints "
        f"these tables.\n{os.cpu_count()} cores; {', '.join(versions)}."
    )


def _says(*command: str) -> str:
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return f"no {command[0]}"
    return found.stdout.strip().split(" built on")[0].strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/benches/text")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    quick = os.environ.get("SIGIL_BENCH_QUICK", "") not in ("", "0")
    parser.add_argument(
        "--quick", action="store_true", default=quick, help="one round, of the short documents"
    )
    for name in ("program", "directory"):
        parser.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
