"""Handwritten digits of which a part is hidden: how probable is what is seen, and what was there?

Run: ``python -m tests.benchmarks.pictures --model DIR --data DIR [--out DIR]``
"""

import torch

import autoreg as ar
from autoreg.data.mnist import mnist
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose
from autoreg.inference.sandwich import sandwich
from autoreg.inference.solution import work_out
from autoreg.inference.variance import log_mean
from autoreg.queries.likelihood import log_likelihoods
from tests.benchmarks import common, figures
from tests.benchmarks import rows as bench
from tests.benchmarks.picture_tables import MASKS, table

DRAWS = 6
"""Pictures of each kind in a row of the grid."""
SHOWN = 6
"""Images in a grid."""


def mask(name, size=28):
    """Return where pixels are hidden."""
    hidden = torch.zeros(size, size, dtype=torch.bool)
    if name == "centre":
        hidden[size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = True
    elif name == "lower":
        hidden[size // 2 :] = True
    elif name == "rows":
        hidden[1::2] = True
    else:
        generator = torch.Generator().manual_seed(0)
        hidden = torch.rand(size, size, generator=generator) < 0.5
    return hidden


def given_class(density, symbols, digit, name, arguments, number):
    """Hide a part of one image, its class known: facts of a row, and pictures."""
    generator = bench.chance(arguments.seed, number, list(MASKS).index(name))
    hidden = mask(name, density.signal.scan.height)
    picture = density.signal.decode(symbols)
    evidence = density.evidence(picture, hidden=hidden, given={"digit": str(digit)})
    effort = common.effort(arguments.islands, arguments.particles)
    solution = work_out(density.model, evidence, effort, generator=generator)
    found = common.evidence_facts(solution)
    single = common.factors(density.model, symbols, digit)
    where = density.signal.where(hidden, len(symbols))
    count = int(where.sum())
    facts = found | {
        "hidden": count,
        "paths": arguments.islands * arguments.particles,
        "log_full": float(single.sum()),
        "true_given_seen": (float(single.sum()) - found["log_evidence"]) / count,
        "true_ignoring": float(single[where].sum()) / count,
    }
    if number >= SHOWN:
        return facts, None
    drawn = common.drawn(density.model, solution, DRAWS, generator)
    problem = pose(density.model, evidence, digit, tail=True)
    ignoring = common.pasted(problem, symbols, DRAWS, generator)
    decode = density.signal.decode
    return facts, (picture, hidden, decode(drawn), decode(ignoring))


def averaged(density, symbols, digit, name, arguments, number):
    """Hide a part of one image, its class not known: facts of a row."""
    generator = bench.chance(arguments.seed, number, list(MASKS).index(name), 10)
    hidden = mask(name, density.signal.scan.height)
    evidence = density.evidence(density.signal.decode(symbols), hidden=hidden)
    particles = max(1, arguments.particles // 2)
    effort = common.effort(arguments.islands, particles)
    solution = work_out(density.model, evidence, effort, generator=generator)
    found = common.evidence_facts(solution)
    posterior = log_mean(solution.log_joint.T)[0].log_softmax(0)
    classes = density.space.size
    full = log_likelihoods(density.model, symbols[None], torch.arange(classes))[0]
    full = full + evidence.log_condition
    count = int(hidden.sum())
    return found | {
        "hidden": count,
        "paths": arguments.islands * particles * classes,
        "true_given_seen": (float(full.logsumexp(0)) - found["log_evidence"]) / count,
        "log_posterior": posterior.tolist(),
        "log_score": float(posterior[digit]),
        "right": int(posterior.argmax()) == digit,
        "log_score_full": float(full.log_softmax(0)[digit]),
        "right_full": int(full.argmax()) == digit,
    }


def erased(density, symbols, digit, name, arguments, number):
    """Hide a part of a model's own draw, and have the log evidence between two filters."""
    generator = bench.chance(arguments.seed, number, list(MASKS).index(name), 20)
    hidden = mask(name, density.signal.scan.height)
    picture = density.signal.decode(symbols)
    evidence = density.evidence(picture, hidden=hidden, given={"digit": str(digit)})
    metered = Metered(density.model)
    problem = pose(metered, evidence, digit)
    kept = symbols[problem.start : problem.stop].expand(arguments.islands, -1)
    found = sandwich(problem, kept, particles=arguments.particles, generator=generator)
    return {
        "hidden": int(hidden.sum()),
        "paths": arguments.islands * arguments.particles,
        "stepped": metered.stepped,
        "scored": metered.scored,
        "lower": found.lower,
        "lower_error": found.lower_error,
        "upper": found.upper,
        "upper_error": found.upper_error,
        "pooled_gap": found.gap,
    }


def simulated(density, count, seed):
    """Return a model's own draws, (T,) each, and the class each was drawn under."""
    generator = bench.chance(seed, 77)
    digits = [number % density.space.size for number in range(count)]
    drawn = [
        density.sample(1, given={"digit": str(digit)}, generator=generator).symbols[0]
        for digit in digits
    ]
    return drawn, digits


def with_pictures(density, symbols, digits, arguments, rows):
    """Measure images whose class is known, and write grids of the first ones."""
    keys = [("given", name, i) for i in range(arguments.images) for name in arguments.masks]
    for key in bench.missing(arguments, rows, keys):
        _, name, number = key
        digit = digits[number]
        facts, tiles = given_class(density, symbols[number], digit, name, arguments, number)
        if tiles is not None:
            torch.save(tiles, _kept(arguments, name, number))
        place = {"mask": name, "image": number, "digit": digit}
        rows.add(key, kind="given", **place, weights=common.weights(density), **facts)
    for name in arguments.masks:
        kept = [_kept(arguments, name, number) for number in range(SHOWN)]
        if lines := [torch.load(path) for path in kept if path.is_file()]:
            figures.grid(arguments.out / f"{name}.png", lines)


def _kept(arguments, name, number):
    return arguments.out / f"tiles-{name}-{number}.pt"


def measure(arguments, rows):
    """Measure what is missing."""
    density = ar.load(arguments.model, device="cpu")
    corpus = mnist(arguments.data, levels=2, scan=density.signal.scan.kind)
    count = max(arguments.images, arguments.averaged)
    symbols, labels, _ = corpus.parts["test"].take(range(count)).pad(torch.arange(count))
    images, digits = symbols.long(), labels.tolist()
    with_pictures(density, images, digits, arguments, rows)
    drawn, classes = simulated(density, arguments.simulated, arguments.seed)
    kinds = {"sandwich": (erased, drawn, classes), "averaged": (averaged, images, digits)}
    keys = [
        ("sandwich", name, number)
        for name in arguments.masks
        for number in range(arguments.simulated)
        if name != "lower"
    ] + [
        ("averaged", name, number)
        for number in range(arguments.averaged)
        for name in arguments.masks
    ]
    for key in bench.missing(arguments, rows, keys):
        kind, name, number = key
        task, pictures, truths = kinds[kind]
        facts = task(density, pictures[number], truths[number], name, arguments, number)
        place = {"mask": name, "image": number, "digit": truths[number]}
        rows.add(key, kind=kind, **place, weights=common.weights(density), **facts)


def main():
    """Run from the command line."""
    parser = bench.parser(__doc__.splitlines()[0], out="pictures", islands=8, particles=16)
    bench.divisible(parser)
    parser.add_argument("--model", required=True, help="a model of MNIST in black and white")
    parser.add_argument("--data", required=True, help="the folder that holds MNIST/raw")
    parser.add_argument("--masks", nargs="+", default=list(MASKS), choices=MASKS)
    parser.add_argument("--images", type=int, default=20, help="first test images")
    parser.add_argument("--averaged", type=int, default=5, help="also without the digit")
    parser.add_argument("--simulated", type=int, default=5, help="the model's own draws")
    arguments = parser.parse_args()
    bench.run(arguments, "pictures", measure, table)


if __name__ == "__main__":
    main()
