"""What a section found, kept as JSON, and the part of RESULTS.md that is written from it."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HEADING = "## Vectors"


@dataclass
class Section:
    """The figures of one part of the benchmark."""

    title: str
    lines: list[str] = field(default_factory=list)
    losses: dict[str, list[str]] = field(default_factory=dict)
    # The figures as they are, for whoever wants to compare runs.
    figures: dict[str, Any] = field(default_factory=dict)

    def text(self, *paragraphs: str) -> None:
        for paragraph in paragraphs:
            self.lines += [paragraph, ""]

    def table(self, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        names = list(head)
        self.lines += [line(names), line("---" for _ in names)]
        self.lines += [line(row) for row in rows]
        self.lines.append("")

    def loss(self, what: str, figures: str) -> None:
        """Where a peer is better, or a goal is missed."""
        self.losses.setdefault(what, []).append(figures)


@dataclass
class Result:
    """A section as it is kept: what it found, and when and with what."""

    name: str
    when: str
    head: str
    section: dict[str, Any]

    def write(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        partial = directory / f"{self.name}.partial"
        partial.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        os.replace(partial, directory / f"{self.name}.json")

    def markdown(self) -> str:
        section = Section(**self.section)
        text = [f"### {section.title}", "", f"{self.when}.", "", *section.lines]
        if not section.losses:
            return "\n".join([*text, "Where we are behind: in nothing of this.", ""])
        behind = [f"- {what}: {'; '.join(figures)}" for what, figures in section.losses.items()]
        return "\n".join([*text, "Where we are behind:", "", *behind, ""])


def read(directory: Path, order: list[str]) -> list[Result]:
    """The sections that were measured so far, the one that was measured last at the end."""
    paths = [directory / f"{name}.json" for name in order]
    there = sorted((path for path in paths if path.exists()), key=lambda it: it.stat().st_mtime)
    return [Result(**json.loads(path.read_text(encoding="utf-8"))) for path in there]


def write(path: Path, results: list[Result], order: list[str]) -> None:
    """Rewrites the part of the file, keeping the sections that are not among the results."""
    text = path.read_text(encoding="utf-8")
    before, old, after = _split(text)
    kept = dict(re.findall(r"<!-- vectors: (\w+) -->\n(.*?)<!-- end -->\n", old, re.DOTALL))
    kept |= {result.name: f"{result.markdown().rstrip()}\n" for result in results}
    parts = [f"{HEADING}\n\n{results[-1].head.rstrip()}\n"]
    for key in order:
        if key in kept:
            parts.append(f"<!-- vectors: {key} -->\n{kept[key]}<!-- end -->\n")
    path.write_text(f"{before}{chr(10).join(parts)}\n{after}", encoding="utf-8")


def _split(text: str) -> tuple[str, str, str]:
    start = text.find(f"{HEADING}\n")
    if start < 0:
        return text.rstrip() + "\n\n", "", ""
    end = re.compile(r"^## ", re.MULTILINE).search(text, start + len(HEADING))
    stop = end.start() if end else len(text)
    return text[:start], text[start:stop], text[stop:]


def line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{three(seconds * scale)} {unit}"
    return f"{three(seconds * 1e6)} us"


def three(value: float) -> str:
    """A figure to three places, or whole when it is large."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(ratio: float) -> str:
    return f"{three(ratio)} x"
