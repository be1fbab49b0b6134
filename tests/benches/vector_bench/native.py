"""Fifty thousand vectors in this process: queries a second at equal recall, and exact search."""

from .engines import shown
from .measure import TARGETS, Bench, Built, Question, Swept, built, calls, sweep
from .report import Section, three, time, times
from .workers import Failed


def measure(bench: Bench) -> Section:
    rows, count = bench.data.real(), bench.settings.rows
    section = Section(f"Native, {count:,} x 384: queries a second at equal recall")
    question = Question(bench.data.truth(rows, count, bench.settings.queries))
    programs = bench.programs
    engines = [*programs.ours(), *programs.approximate()]
    with built(bench, engines, rows, count) as live:
        swept = sweep(bench, live, question)
    section.text(
        "Each engine at its fastest effort whose recall is at or above the bar; the efforts are "
        "its own: vectors scanned by their codes and then compared (ours), ef, factors of "
        "refinement, lists probed. Over 1 x of our time we are faster.",
    )
    equal_recall(section, live, swept)
    against_best(section, live, swept)
    curve(section, live, swept)
    exact = [programs.ours_exact(), programs.faiss("Flat"), programs.sqlite("float")]
    with built(bench, exact, rows, count) as live:
        swept = sweep(bench, live, question, targets=(0.0,))
    _exact(section, live, swept)
    representatives = [programs.ours()[0], programs.hnswlib(16), programs.usearch("f32")]
    representatives += [programs.faiss("Flat"), programs.sqlite("float")]
    took = ", ".join(
        f"{title.split()[0].rstrip(',')} {time(s)}"
        for title, s in calls(bench, representatives).items()
    )
    section.text(
        "What a call costs by itself, searching ten rows (ours from Rust, the peers' from Python, "
        f"as their users call them; it is in the figures above): {took}."
    )
    return section


def equal_recall(
    section: Section, live: list[Built], swept: dict[str, Swept], where: str = ""
) -> None:
    """One row an engine; ratios are to the first of ours.

    Raises Failed where that one is not there: a table without it would only mislead.
    """
    if not swept[live[0].engine.key].points:
        first = live[0]
        raise Failed(f"{first.engine.title}{where}: {first.error or swept[first.engine.key].error}")
    own = swept[live[0].engine.key]
    head = ["engine", "build"]
    for target in TARGETS:
        head += [f"recall >= {target}", "a query", "queries/s", "of our time"]
    body = []
    for one in live:
        found = swept[one.engine.key]
        section.figures[f"{one.engine.title}{where}"] = [
            [shown(point.effort), point.recall, point.seconds] for point in found.points
        ]
        if error := one.error or ("" if found.points else found.error):
            body.append([one.engine.title, f"failed: {error}", *[""] * (4 * len(TARGETS))])
            continue
        row = [one.engine.title, time(one.answer["seconds"])]
        for target in TARGETS:
            row += _cells(section, one, found, own, target, where)
        body.append(row)
        ahead = one.answer["seconds"] < live[0].answer.get("seconds", 0)
        if ahead and not one.engine.ours:
            section.loss(
                f"{one.engine.title}{where}",
                f"builds in {time(one.answer['seconds'])}, "
                f"ours in {time(live[0].answer['seconds'])}",
            )
    section.table(head, body)


def _cells(
    section: Section, one: Built, found: Swept, own: Swept, target: float, where: str
) -> list[str]:
    point, ours = found.at(target), own.at(target)
    if point is None:
        best = found.best()
        return [f"never over {best.recall:.4f}" if best else "", "-", "-", "-"]
    ratio = ""
    if not one.engine.ours:
        ratio = times(point.seconds / ours.seconds) if ours else "not reached"
        if ours is None or point.seconds < ours.seconds:
            section.loss(
                f"{one.engine.title}{where}",
                f"at recall >= {target} a query takes {time(point.seconds)}, "
                f"ours {time(ours.seconds) if ours else 'never gets there'}",
            )
    effort = f" ({shown(point.effort)})" if one.engine.ours or point.effort is not None else ""
    return [f"{point.recall:.4f}{effort}", time(point.seconds), three(1 / point.seconds), ratio]


def against_best(section: Section, live: list[Built], swept: dict[str, Swept]) -> None:
    """The first of ours against the best peer at each recall, and the fastest to build a graph."""
    first = live[0]
    body = []
    for target in TARGETS:
        ours = swept[first.engine.key].at(target)
        reached = [
            (point.seconds, one.engine.title)
            for one in live
            if not one.engine.ours and (point := swept[one.engine.key].at(target))
        ]
        if ours and reached:
            seconds, title = min(reached)
            body.append(
                [
                    f"recall >= {target}, queries/s",
                    three(1 / ours.seconds),
                    f"{three(1 / seconds)}, {title}",
                    times(seconds / ours.seconds),
                ]
            )
    graphs = [
        (one.answer["seconds"], one.engine.title)
        for one in live
        if one.engine.graph and not one.error
    ]
    if graphs and not first.error:
        seconds, title = min(graphs)
        own = first.answer["seconds"]
        body.append(
            ["build, against graphs", time(own), f"{time(seconds)}, {title}", times(seconds / own)]
        )
    section.table(["", first.engine.title, "the best peer", "we are faster by"], body)


def curve(section: Section, live: list[Built], swept: dict[str, Swept]) -> None:
    """What each effort of ours finds and takes, each form in a column."""
    ours = [one for one in live if one.engine.ours and swept[one.engine.key].points]
    efforts = dict.fromkeys(
        repr(point.effort) for one in ours for point in swept[one.engine.key].points
    )
    points = {
        (one.engine.key, repr(point.effort)): point
        for one in ours
        for point in swept[one.engine.key].points
    }
    body = []
    for effort in efforts:
        row = [points.get((one.engine.key, effort)) for one in ours]
        named = next(point.effort for point in row if point)
        cells = [f"{point.recall:.4f}, {time(point.seconds)}" if point else "-" for point in row]
        body.append([shown(named), *cells])
    section.table(["effort", *(one.engine.title for one in ours)], body)


def _exact(section: Section, live: list[Built], swept: dict[str, Swept]) -> None:
    own = swept[live[0].engine.key].best()
    body = []
    for one in live:
        found = swept[one.engine.key]
        best = found.best()
        if best is None or own is None:
            body.append([one.engine.title, f"failed: {found.error}", "", ""])
            continue
        ratio = "" if one.engine.ours else times(best.seconds / own.seconds)
        body.append([one.engine.title, f"{best.recall:.4f}", time(best.seconds), ratio])
        if best.seconds < own.seconds:
            section.loss(
                f"{one.engine.title}, exact search",
                f"{time(best.seconds)}, ours {time(own.seconds)}",
            )
    section.table(["exact search", "recall@10", "a query", "of our time"], body)
