"""How much less an answer varies than counting the model's own draws does, at equal cost.

Run: ``python -m tests.benchmarks.variance [--out DIR]``
"""

import time

import torch

import autoreg as ar
from autoreg.data.digits import digits
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.models.markov import MarkovTable
from autoreg.queries.hitting import hitting
from autoreg.queries.information import entropy
from autoreg.queries.probability import probability
from autoreg.queries.sampling import complete
from tests.benchmarks import rows as bench

QUESTIONS = (
    "rare range",
    "late observation",
    "hitting a rare symbol",
    "hitting a frequent symbol",
    "entropy",
)
MODELS = ("chain", "digits")
RESAMPLES = 1000
FULL = Effort(most_contexts=2**14, most_steps=2**24)


def chain():
    """Return a chain whose answers are known by dynamic programming, and the questions.

    It has 12 symbols and order 2. The last symbol is made a rare one.
    """
    generator = torch.Generator().manual_seed(1)
    random = MarkovTable.random(12, 2, concentration=0.5, generator=generator)
    logs = random.table.clone()
    logs[..., 11] -= 3
    model = MarkovTable(logs.log_softmax(-1))
    known = torch.tensor([0, 1])
    sequence = complete(model, known, 1, length=62, generator=generator).symbols[0]
    where = torch.arange(62)
    beginning = Evidence.observe(sequence, 12, where=where < 2)
    late = Evidence.observe(sequence, 12, where=(where < 2) | (where >= 58))
    return model, {
        "rare range": (beginning, beginning.restrict(slice(20, 31), range(4))),
        "late observation": (beginning, late),
        "hitting a rare symbol": (beginning, [11]),
        "hitting a frequent symbol": (beginning, [0]),
        "entropy": (beginning, None),
    }


def pictures():
    """Return the bundled digits, class 3, and the four questions about the rest of a picture."""
    density = ar.load("digits", device="cpu")
    test = digits().parts["test"]
    index = int((test.condition == 3).nonzero()[0])
    symbols, _, _ = test.pad(torch.tensor([index]))
    where = torch.arange(64)
    given = density.space.log_prior(None, {"digit": "3"})
    beginning = Evidence.observe(symbols[0], 17, where=where < 24).given(given)
    late = Evidence.observe(symbols[0], 17, where=(where < 24) | (where >= 58)).given(given)
    return density.model, {
        "rare range": (beginning, beginning.restrict(slice(33, 36), range(10, 17))),
        "late observation": (beginning, late),
        "hitting a rare symbol": (beginning, [9]),
        "hitting a frequent symbol": (beginning, [16]),
        "entropy": (beginning, None),
    }


def forced(islands, particles):
    """Return the effort of filters of a known size, nothing exact tried first."""
    return Effort(
        method="particles",
        islands=islands,
        particles=particles,
        draws=particles,
        growth=1,
        beams=0,
    )


def asked(model, question, known, target, effort, generator):
    """Return one answer as a number, or as a law, and what it cost."""
    if question.startswith("hitting"):
        found = hitting(model, target, known, effort=effort, generator=generator)
        return found.value.exp(), found.cost
    if question == "entropy":
        found = entropy(model, known, effort=effort, generator=generator)
        return found.value[None], found.cost
    found = probability(model, target, known, effort=effort, generator=generator)
    return found.value.exp()[None], found.cost


def counted(model, question, known, target, paths, repeats, generator):
    """Return what ancestral draws say, (repeats, ...), and positions stepped for one repeat.

    A draw is given up where its answer is settled.
    """
    start = int(known.observed.sum())
    given = int(known.log_condition.argmax())
    length = known.length
    results, stepped = [], 0
    for first in range(0, repeats, 16):
        several = min(16, repeats - first)
        drawn = complete(
            model,
            known.low[:start].long(),
            several * paths,
            length=length,
            prior=known.log_condition.exp(),
            generator=generator,
        ).symbols
        rest = drawn[:, start:]
        if question.startswith("hitting"):
            hits = torch.isin(rest, torch.tensor(target))
            when = torch.where(hits.any(1), hits.int().argmax(1), rest.shape[1])
            found = torch.nn.functional.one_hot(when, rest.shape[1] + 1).double()
            stepped += int((when + 1).clamp_max(rest.shape[1]).sum())
        elif question == "entropy":
            condition = torch.full((len(drawn),), given)
            with torch.no_grad():
                state = model.start(condition)
                factors, _ = model.read(state, drawn)
            found = -factors[:, start:].sum(1, keepdim=True).double()
            stepped += rest.numel()
        else:
            fine = target.mask()[torch.arange(length), drawn]
            fails = ~fine
            last = int((target.mask().sum(1) < target.num_symbols).nonzero()[-1])
            when = torch.where(fails.any(1), fails.int().argmax(1), last)
            found = fine.all(1, keepdim=True).double()
            stepped += int((when - start + 1).sum())
        results.append(found.unflatten(0, (several, paths)).mean(1))
    return torch.cat(results), stepped / repeats


def ratio(ours, theirs, generator, exact=None):
    """Return the ratio of variances, theirs to ours, summed over entries; and its error.

    Args:
        ours: Answers, (repeats, entries).
        theirs: Counts, alike; not needed where their variance is known.
        generator: Of the bootstrap.
        exact: The variance of theirs, summed over entries.
    """

    def value(one, two):
        mine = float(one.var(0).sum()) or torch.nan
        return (float(two.var(0).sum()) if exact is None else exact) / mine

    again = []
    for _ in range(RESAMPLES):
        one, two = (
            rows[torch.randint(len(rows), (len(rows),), generator=generator)]
            for rows in (ours, theirs)
        )
        again.append(value(one, two))
    return value(ours, theirs), float(torch.tensor(again).std())


def compare(model, question, known, target, arguments, particles, repeats):
    """Return the facts of one row."""
    seed = bench.chance(arguments.seed, QUESTIONS.index(question))
    effort, paths = forced(arguments.islands, particles), arguments.islands * particles
    begin, ours, costs = time.perf_counter(), [], []
    for _ in range(repeats):
        value, cost = asked(model, question, known, target, effort, seed)
        ours.append(value)
        costs.append((cost.stepped, cost.scored))
    ours = torch.stack(ours)
    stepped, scored = torch.tensor(costs).double().mean(0).tolist()
    seconds = time.perf_counter() - begin
    theirs, walked = counted(model, question, known, target, paths, repeats, seed)
    truth = None
    if isinstance(model, MarkovTable):
        truth, _ = asked(model, question, known, target, FULL, seed)
    probs = ours.mean(0) if truth is None else truth
    exact = None
    if question != "entropy":
        exact = float((probs * (1 - probs)).sum()) / paths
    apart, error = ratio(ours, theirs, seed, exact)
    facts = {
        "repeats": repeats,
        "paths": paths,
        "stepped": stepped,
        "scored": scored,
        "stepped_counting": walked,
        "seconds": round(seconds, 1),
        "variance": float(ours.var(0).sum()),
        "variance_counting": float(theirs.var(0).sum()),
        "variance_counting_exact": exact,
        "equal_paths": apart,
        "ratio": apart * walked / stepped,
        "ratio_error": error * walked / stepped,
        "ratio_all": apart * walked / (stepped + scored),
        "mean": float(ours.mean(0)[0]) if ours.shape[1] == 1 else None,
    }
    if truth is not None:
        off = (ours.mean(0) - truth) / (ours.std(0) / repeats**0.5)
        facts["truth"] = float(truth[0]) if len(truth) == 1 else None
        facts["largest_z"] = float(off[ours.std(0) > 1e-12].abs().max())
        facts["entries"] = len(truth)
    return facts


def measure(arguments, rows):
    """Measure what is missing."""
    for name in arguments.models:
        model, questions = chain() if name == "chain" else pictures()
        cut = 1 if name == "chain" else 4  # a network's step is dear
        for question, (known, target) in questions.items():
            key = name, question
            if key not in rows:
                found = compare(
                    model,
                    question,
                    known,
                    target,
                    arguments,
                    arguments.particles // cut,
                    arguments.repeats // cut,
                )
                rows.add(key, model=name, question=question, **found)


def table(rows):
    """Return what was measured, as Markdown."""
    lines = []
    for row in rows:
        truth = row.get("truth") or row.get("mean")
        lines.append(
            [
                f"{row['question']}, {row['model']}",
                "a law" if truth is None else f"{truth:.3g}",
                row["repeats"],
                row["paths"],
                f"{row['stepped']:.0f} ({row['scored']:.0f})",
                f"{row['stepped_counting']:.0f}",
                f"{row['equal_paths']:.3g}",
                f"{row['ratio']:.3g} ± {row['ratio_error']:.2g}",
                f"{row['ratio_all']:.3g}",
                f"{row['largest_z']:.1f}" if "largest_z" in row else None,
            ]
        )
    return bench.markdown(
        [
            "question, model",
            "answer",
            "repeats",
            "paths",
            "stepped (read), a run",
            "stepped, counting",
            "ratio of variances, equal paths",
            "at equal positions stepped",
            "counting those read too",
            "largest z against the truth",
        ],
        lines,
    )


def main():
    """Run from the command line."""
    parser = bench.parser(__doc__.splitlines()[0], out="variance", islands=4, particles=64)
    parser.add_argument("--repeats", type=int, default=400, help="of each answer of the chain")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    arguments = parser.parse_args()
    bench.run(arguments, "variance", measure, table)


if __name__ == "__main__":
    main()
