"""The npm package beside its peers, in Node and in headless Chromium."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from .measure import Bench, Built, Question, Swept, built, sweep
from .native import against_best, curve, equal_recall
from .report import Section, time, times
from .workers import Failed

PLACES = {"node": "In Node", "chromium": "In headless Chromium"}


def measure(bench: Bench) -> Section:
    section = Section(f"The npm package, {bench.settings.rows:,} x 384")
    module = bench.programs.scripts.parents[2] / "wasm" / "dist" / "bindings" / "sigil.wasm"
    when = datetime.fromtimestamp(module.stat().st_mtime, UTC) if module.exists() else None
    section.text(
        f"`createVectorIndex` of wasm/dist, {f'built {when:%Y-%m-%d %H:%M}' if when else 'absent'}"
        "; edgevec is asked for more results than ten where it is to find more, as its ef is fixed "
        "when it is made, or rescores what the vectors' bits suggest. The native index is the same "
        "code, with the kernels named above.",
    )
    failed = []
    for place, title in PLACES.items():
        try:
            _place(section, bench, place, title)
        except Failed as error:
            section.text(f"{title}: not measured: {error}.")
            section.loss("not measured", f"{title}: {error}")
            failed.append(str(error))
    if len(failed) == len(PLACES):
        raise Failed("; ".join(failed))
    return section


def _place(section: Section, bench: Bench, place: str, title: str) -> None:
    """Ours and the peers in one place, and the native index for scale."""
    rows, count = bench.data.real(), bench.settings.rows
    question = Question(bench.data.truth(rows, count, bench.settings.queries))
    native = replace(bench.programs.ours()[0], title="ours, f32, native")
    with built(bench, [*bench.programs.wasm(place), native], rows, count) as live:
        swept = sweep(bench, live, question)
        same = _same(bench, live[0], live[-1], question)
    section.text(f"{title}:")
    where = f", {title[:1].lower()}{title[1:]}"
    equal_recall(section, live, swept, where)
    against_best(section, live[:-1], swept)
    curve(section, live, swept)
    _native(section, live, swept, same, title)


def _same(bench: Bench, here: Built, native: Built, question: Question) -> int | None:
    """How many queries are answered with the same ids in the same order."""
    if here.worker is None or native.worker is None:
        return None
    asked: dict[str, Any] = {**bench.queries(), **question.asked(), "effort": None}
    try:
        found = here.worker.ask("search", **asked), native.worker.ask("search", **asked)
    except Failed:
        return None
    pairs = zip(found[0]["ids"], found[1]["ids"], strict=True)
    return len([a for a, b in pairs if a == b])


def _native(
    section: Section, live: list[Built], swept: dict[str, Swept], same: int | None, title: str
) -> None:
    here = swept[live[0].engine.key].of(None)
    there = swept[live[-1].engine.key].of(None)
    if here is None or there is None or same is None:
        return
    section.text(
        f"{title}, unasked, a query takes {time(here.seconds)}, natively {time(there.seconds)}: "
        f"{times(here.seconds / there.seconds)} native; {same:,} of the queries get the same ids "
        "in the same order."
    )
