"""The same from ten thousand to a million vectors of one distribution."""

from dataclasses import replace

from .engines import OURS, SCANNED, Engine, our_efforts, shown
from .measure import TARGETS, Bench, Built, Question, Swept, built, sweep
from .report import Section, time, times

# The last thousand rows of a build are timed on their own.
TAIL = 1000
# Also scanned where there are more vectors than this.
LARGE = [64_000, 128_000, 256_000]


def measure(bench: Bench) -> Section:
    settings = bench.settings
    rows = bench.data.mixture(settings.mixture)
    sizes = sorted(set(settings.sizes) | set(settings.peer_sizes))
    section = Section(f"Growth, {', '.join(f'{size:,}' for size in sizes)} x 384")
    section.text(
        "Prefixes of one mixture: x = normalise(v_i + 0.5 (v_j - v_l)) of the real vectors, the "
        "real ones among them, all shuffled (vector_bench/data.py); the queries are the held-out "
        "real ones. `insert` is one of the last 1,000.",
    )
    body, medians = [], {}
    for size in sizes:
        engines: list[Engine] = []
        if size in settings.sizes:
            ours = bench.programs.ours((OURS[0], OURS[-1]))
            steps = [*SCANNED[:-1], *(it for it in LARGE if it < size), *SCANNED[-1:]]
            engines += [replace(it, efforts=our_efforts(steps)) for it in ours]
        if size in settings.peer_sizes:
            engines.append(bench.programs.hnswlib(16))
        question = Question(bench.data.truth(rows, size, settings.queries))
        with built(bench, engines, rows, size) as live:
            swept = sweep(bench, live, question)
        for one in live:
            body.append(_row(one, swept[one.engine.key], size))
            medians[one.engine.title, size] = swept[one.engine.key]
            _compare(section, one, live, swept, size)
    head = ["engine", "vectors", "build", "insert", "bytes a vector", "unasked", "recall@10"]
    for target in TARGETS:
        head += [f"recall >= {target}", "a query"]
    section.table(head, body)
    _grown(section, bench, sizes, medians)
    return section


def _row(one: Built, swept: Swept, size: int) -> list[str]:
    row = [one.engine.title, f"{size:,}"]
    if one.error or not swept.points:
        return [*row, f"failed: {one.error or swept.error}", *[""] * (4 + 2 * len(TARGETS))]
    answer = one.answer
    row += [time(answer["seconds"]), time(answer["tail"] / TAIL)]
    row.append(f"{(answer['after'] - answer['before']) / size:,.0f}")
    unasked = swept.of(None) if one.engine.ours else None
    row += [time(unasked.seconds), f"{unasked.recall:.4f}"] if unasked else ["", ""]
    for target in TARGETS:
        point = swept.at(target)
        if point is None:
            best = swept.best()
            row += [f"never over {best.recall:.4f}" if best else "", "-"]
        else:
            row += [f"{point.recall:.4f} ({shown(point.effort)})", time(point.seconds)]
    return row


def _compare(
    section: Section, one: Built, live: list[Built], swept: dict[str, Swept], size: int
) -> None:
    own = swept[live[0].engine.key]
    if one.engine.ours or not live[0].engine.ours:
        return
    for target in TARGETS:
        theirs, ours = swept[one.engine.key].at(target), own.at(target)
        if theirs and (ours is None or theirs.seconds < ours.seconds):
            section.loss(
                one.engine.title,
                f"at {size:,} and recall >= {target} {time(theirs.seconds)}, "
                f"ours {time(ours.seconds) if ours else 'never gets there'}",
            )


def _grown(
    section: Section, bench: Bench, sizes: list[int], medians: dict[tuple[str, int], Swept]
) -> None:
    """How much longer a query takes among the most than among the fewest."""
    first, last = sizes[0], sizes[-1]
    for title in dict.fromkeys(title for title, _ in medians):
        small, large = medians.get((title, first)), medians.get((title, last))
        if small is None or large is None or first == last:
            continue
        said = []
        for target in TARGETS:
            few, many = small.at(target), large.at(target)
            if few and many:
                said.append(f"{times(many.seconds / few.seconds)} at recall >= {target}")
        few, many = small.of(None), large.of(None)
        if title.startswith("ours") and few and many:
            said.append(f"{times(many.seconds / few.seconds)} unasked")
            if many.seconds > 3 * few.seconds:
                ratio = times(many.seconds / few.seconds)
                section.loss(f"{title}: growth of a query", f"{ratio}, and the goal is 3 x")
        section.text(f"{title}, from {first:,} to {last:,}: a query takes {', '.join(said)}.")
