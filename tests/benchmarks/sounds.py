"""Spoken digits with a gap in the middle: how probable is what is heard, and what was there?

python -m tests.benchmarks.sounds --model DIR --data DIR [--out DIR]
"""

import itertools
import time
from pathlib import Path

import torch

import autoreg as ar
from autoreg import evaluation
from autoreg.answers import Cost
from autoreg.inference.meter import Metered
from autoreg.inference.particles import particle_filter
from autoreg.inference.solution import answer, lay_out, work_out
from autoreg.inference.surrogate import fit_surrogate
from autoreg.inference.twist import surrogate_twist
from tests.benchmarks import common, figures
from tests.benchmarks import rows as bench

GAPS = (0.01, 0.05)
"""Seconds."""
WRITTEN = 4
"""Clips of which sounds are written."""
DRAWS = 4
PIECE = 1000
"""Samples of the pieces that n-grams are counted in."""


def middle(length, width):
    """Return the gap of a width in the middle of a clip."""
    start = (length - width) // 2
    return slice(start, start + width)


def posed(density, path, symbols, speaker, gap):
    """Return the evidence of a clip with a gap, and where that is."""
    hidden = middle(len(symbols), round(gap * density.signal.sample_rate))
    return density.evidence(path, hidden=hidden, given={"speaker": speaker}), hidden


def beside_truth(found, single, hidden):
    """Return what is known of the true samples of a gap, beside the evidence."""
    width = hidden.stop - hidden.start
    return {
        "hidden": width,
        "length": len(single),
        "log_full": float(single.sum()),
        "true_given_seen": (float(single.sum()) - found["log_evidence"]) / width,
        "true_ignoring": float(single[hidden].sum()) / width,
    }


def plain(density, evidence, arguments, generator):
    """Return facts and the solution of a filter that does not look ahead."""
    effort = common.effort(arguments.islands, arguments.particles)
    solution = work_out(density.model, evidence, effort, generator=generator)
    return common.evidence_facts(solution), solution


def looking_ahead(density, evidence, condition, surrogate, arguments, generator):
    """Return facts of a filter that looks ahead by n-grams of the speaker's training clips."""
    begin, metered = time.perf_counter(), Metered(density.model)
    effort = common.effort(arguments.islands, arguments.particles)
    log_z, clouds = evidence.log_condition[condition].expand(arguments.islands), []
    for step in lay_out(metered, evidence, condition, effort):
        log_z = log_z + step.problem.log_before
        if step.method != "particles":
            log_z = log_z + answer(step, effort).log_z
            continue
        cloud = particle_filter(
            step.problem,
            islands=arguments.islands,
            particles=arguments.particles,
            twist=surrogate_twist(step.problem, surrogate),
            generator=generator,
        )
        log_z = log_z + cloud.log_z
        clouds.append(cloud)
    cost = Cost(metered.stepped, metered.scored, time.perf_counter() - begin)
    return common.island_facts(log_z, clouds, cost)


def write(density, folder, name, symbols, hidden, solution, generator):
    """Write what is heard (the gap silent), what was there, and draws of it, as sounds."""
    heard = symbols.clone()
    heard[hidden] = density.signal.encode(torch.zeros(1))[0].long()
    problem = next(
        part.step.problem for part in solution.parts[0] if part.step.method == "particles"
    )
    figures.sounds(
        density.signal,
        folder,
        name,
        heard=heard,
        truth=symbols,
        draws=common.drawn(density.model, solution, DRAWS, generator),
        ignoring=common.pasted(problem, symbols, DRAWS, generator),
    )


def pieces(sequences, condition):
    """Return one condition's sequences, cut into pieces of equal length, (N, PIECE)."""
    cut = []
    for number in (sequences.condition == condition).nonzero()[:, 0].tolist():
        symbols, _, _ = sequences.pad(torch.tensor([number]))
        whole = symbols.shape[1] // PIECE * PIECE
        cut.append(symbols[0, :whole].long().reshape(-1, PIECE))
    return torch.cat(cut)


def chosen(sequences, count, seed):
    """Return some of all clips by chance, (count,)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(len(sequences), generator=generator)[:count].tolist()


class Surrogates:
    """N-grams of each speaker's training clips, counted when they are asked for."""

    def __init__(self, density, data):
        self.density, self.data, self.known, self.train = density, data, {}, None

    def __getitem__(self, condition):
        if condition not in self.known:
            if self.train is None:
                self.train = evaluation.held_out(self.density, self.data, part="train")
            cut = pieces(self.train.parts["train"], condition)
            size = self.density.model.num_symbols
            self.known[condition] = fit_surrogate(cut, size, 1, bandwidth=1.0)
        return self.known[condition]


def one(density, clip, condition, gap, method, surrogates, arguments, number):
    """Return the facts of one clip with one gap."""
    path = Path(arguments.data) / clip
    symbols = density.signal.read(path).long()
    speaker = dict(density.space.factors)["speaker"][condition]
    evidence, hidden = posed(density, path, symbols, speaker, gap)
    generator = bench.chance(arguments.seed, number, round(1000 * gap), len(method))
    if method == "plain":
        found, solution = plain(density, evidence, arguments, generator)
        if number < WRITTEN:
            name = f"{path.stem}-{round(1000 * gap)}ms"
            folder = arguments.out / "sounds"
            write(density, folder, name, symbols, hidden, solution, generator)
    else:
        ahead = surrogates[condition]
        found = looking_ahead(density, evidence, condition, ahead, arguments, generator)
    single = common.factors(density.model, symbols, condition)
    return found | beside_truth(found, single, hidden)


def measure(arguments, rows):
    """Measure what is missing."""
    density = ar.load(arguments.model, device="cpu")
    test = evaluation.held_out(density, arguments.data, part="test").parts["test"]
    surrogates = Surrogates(density, arguments.data)
    clips = chosen(test, arguments.clips, arguments.seed)
    keys = list(itertools.product(arguments.methods, GAPS, range(len(clips))))
    for key in bench.missing(arguments, rows, keys):
        method, gap, number = key
        clip, condition = test.names[clips[number]], int(test.condition[clips[number]])
        facts = one(density, clip, condition, gap, method, surrogates, arguments, number)
        rows.add(
            key,
            method=method,
            gap=gap,
            clip=clip,
            paths=arguments.islands * arguments.particles,
            order=density.model.order,
            weights=common.weights(density),
            **facts,
        )


def table(rows):
    """Return what was measured, as Markdown."""
    header = [
        "gap, filter",
        "clips",
        "paths",
        "log p(heard) above the plain filter's, nats",
        "its standard error, between islands",
        "ESS",
        "unreliable",
        "true samples given all that is heard, nats/sample",
        "ignoring what follows, nats/sample",
        "better",
        "stepped, thousands",
        "read, thousands",
        "read / (paths x order + clip)",
        "seconds",
    ]
    groups = [
        (gap, method, rows.where(method=method, gap=gap))
        for gap in GAPS
        for method in ("plain", "twisted")
    ]
    return bench.markdown(header, [_line(rows, *group) for group in groups if group[2]])


def _line(rows, gap, method, found):
    base = {row["clip"]: row["log_evidence"] for row in rows.where(method="plain", gap=gap)}
    above = [row["log_evidence"] - base[row["clip"]] for row in found if row["clip"] in base]
    local = [
        row["scored"] / (row["paths"] * min(row["order"], row["length"]) + row["length"])
        for row in found
    ]
    return [
        f"{round(1000 * gap)} ms, {method}",
        len(found),
        found[0]["paths"],
        None if method == "plain" else bench.with_error(above),
        common.spread(found),
        bench.mean((row["ess"] for row in found), 1),
        common.flagged(found),
        bench.with_error((row["true_given_seen"] for row in found), 3),
        bench.with_error((row["true_ignoring"] for row in found), 3),
        bench.share(row["true_given_seen"] > row["true_ignoring"] for row in found),
        bench.thousands(found, "stepped"),
        bench.thousands(found, "scored"),
        bench.mean(local),
        bench.mean((row["seconds"] for row in found), 1),
    ]


def main():
    """Run from the command line."""
    parser = bench.parser(__doc__.splitlines()[0], out="sounds", islands=20, particles=4)
    bench.divisible(parser)
    parser.add_argument("--model", required=True, help="a model of FSDD's speakers")
    parser.add_argument("--data", required=True, help="FSDD's recordings")
    parser.add_argument("--clips", type=int, default=20, help="of the official test clips")
    methods = ["plain", "twisted"]
    parser.add_argument("--methods", nargs="+", default=methods, choices=methods)
    arguments = parser.parse_args()
    bench.run(arguments, "sounds", measure, table)


if __name__ == "__main__":
    main()
