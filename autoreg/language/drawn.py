"""What may be, symbol by symbol: sample, argmax, marginal, hitting."""

from autoreg.language.answered import pick
from autoreg.language.case import Case, Job, positions
from autoreg.language.errors import QuestionError
from autoreg.language.regions import union
from autoreg.language.terms import Hit


def sample(case: Case) -> Job:
    """Draw whole signals that keep what is given, with their labels."""
    form = case.question.form
    case.factors(form.asked)  # labels come with every draw
    case.areas(form.asked)
    count = form.count or 1
    if not case.given.of_signal and case.effort is None:
        return Job(
            what=f"{count} draws of {case.whole} symbols",
            run=lambda: case.density.sample(
                count, length=case.whole, generator=case.generator, **case.labels
            ),
        )
    evidence = case.evidence()
    return Job(
        what=f"{count} draws of {len(evidence.hidden)} hidden symbols",
        run=lambda: case.density.infill(draws=count, evidence=evidence, **case.chance),
        parts=[("what is known", evidence, None)],
        besides=f"{count} draws of what is hidden",
    )


def best(case: Case) -> Job:
    """Find the most likely labels and symbols together, of all that is open."""
    form = case.question.form
    of, areas = case.factors(form.asked), case.areas(form.asked)
    if not areas:
        evidence = case.evidence(stop=0)
        return Job(
            what=f"the most likely {', '.join(of)}",
            run=lambda: case.density.posterior(of=of, evidence=evidence, **case.chance),
            parts=[("what is known", evidence, None)],
        )
    where = union(areas, case.whole)
    evidence = case.evidence(stop=int(where.nonzero().max()) + 1 if bool(where.any()) else 0)
    open_ = [name for name in case.scope.space.names if name not in (*of, *case.given.given)]
    if open_:
        raise QuestionError(
            f"argmax is of all that is open: ask for {', '.join(open_)} too, as in "
            f"argmax({open_[0]}, x[...] | ...), or give a label",
            form.at,
        )
    if rest := sorted(set(evidence.hidden.tolist()) - set(positions(where))):
        raise QuestionError(
            f"argmax is of all that is open; {len(rest)} hidden positions are left out, position "
            f"{rest[0]} the first",
            areas[0].place.at,
        )
    return Job(
        what=f"the most likely of {len(evidence.hidden)} hidden symbols"
        + "".join(f", {name}" for name in of),
        run=lambda: case.density.argmax(evidence, effort=case.effort),
        parts=[("what is known", evidence, None)],
        positions=evidence.hidden.tolist(),
        besides="a search among what is hidden",
    )


def marginal(case: Case) -> Job:
    """Find log p of each symbol at each position that is asked for."""
    form = case.question.form
    areas = case.areas(form.asked)
    if case.factors(form.asked):
        raise QuestionError("marginal is of positions; of factors ask P(digit | ...)", form.at)
    where = union(areas, case.whole)
    last = positions(where)[-1:]
    evidence = case.evidence(stop=last[0] + 1 if last else 0)
    rows = where[evidence.hidden]
    return Job(
        what=f"the marginals of {int(rows.sum())} hidden positions",
        run=lambda: pick(case.density.marginals(evidence, **case.chance), rows),
        parts=[("what is known", evidence, None)],
        besides="what is hidden, summed over or drawn",
        positions=evidence.hidden[rows].tolist(),
    )


def hitting(case: Case) -> Job:
    """Find the law of the first hit after what is seen."""
    (asked,) = case.question.form.asked
    if not isinstance(asked, Hit):
        raise TypeError(f"the grammar makes a hit of {asked}")
    (area,) = case.areas([asked.place]) if asked.place.index else (None,)
    symbols = case.scope.symbols(asked.symbols)
    whole = case.evidence()
    unseen = positions(~whole.observed)
    start = unseen[0] if unseen else case.whole
    stop = case.whole
    if area is not None:
        where = positions(area.mask)
        if where != list(range(start, start + len(where))):
            raise QuestionError(
                f"hitting is of what follows the beginning that is seen: x[{start}:...]",
                asked.place.at,
            )
        stop = start + len(where)
    evidence = case.evidence(stop=stop)
    if evidence.length > stop:
        raise QuestionError(f"something is known after {asked.place}", asked.place.at)
    return Job(
        what=f"the law of the first hit among {stop - start} positions; the last entry is none",
        run=lambda: case.density.hitting(symbols, evidence, **case.chance),
        parts=[("what is known", evidence, None)],
        besides=f"the {stop - start} positions, summed over or drawn",
        positions=list(range(start, stop)),
    )
