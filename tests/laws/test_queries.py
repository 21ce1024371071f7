"""Every question agrees with writing out all sequences."""

import math

import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.queries.argmax import argmax
from autoreg.queries.compare import divergence, log_odds
from autoreg.queries.hitting import hitting
from autoreg.queries.infill import infill
from autoreg.queries.information import entropy, information, learning_curve, uncertainty
from autoreg.queries.likelihood import log_prob, surprise
from autoreg.queries.marginals import marginals
from autoreg.queries.partial import posterior_given
from autoreg.queries.posterior import decide, posterior
from autoreg.queries.probability import probability, solve
from tests.laws.asked import asked, probs_of
from tests.oracles import assert_drawn_from, index_of

ROOM = {"most_contexts": 2**20}
ROUTES = {
    "as planned": Effort(most_paths=2**17, **ROOM),
    "dynamic programming": Effort(most_paths=1, **ROOM),
    "all by enumeration": Effort(method="enumeration"),
    "all by dynamic programming": Effort(method="dynamic programming"),
}
routes = st.sampled_from(sorted(ROUTES))


def chance(case):
    return torch.Generator().manual_seed(case.dice.randrange(2**32))


def close(left, right, tolerance=1e-9):
    left, right = (torch.as_tensor(side, dtype=torch.float64) for side in (left, right))
    return left.shape == right.shape and torch.allclose(left, right, rtol=tolerance, atol=1e-9)


def log_close(log_value, value):
    """Whether a log is that of a probability, relatively to 1e-9, and -inf for 0 alone."""
    log_value, value = (torch.as_tensor(s, dtype=torch.float64) for s in (log_value, value))
    gone = torch.equal(log_value == -torch.inf, value == 0)
    return gone and torch.allclose(log_value.exp(), value, rtol=1e-9, atol=1e-300)


def possible(recipe):
    """Return a case whose evidence is possible."""
    case = recipe.build()
    assume(case.z > 0)
    return case


@given(recipe=asked(), route=routes)
def test_the_probability_of_what_is_known_is_the_sum_over_all_that_it_allows(recipe, route):
    case = recipe.build()
    effort = ROUTES[route]
    answer = solve(case.model, case.evidence, effort=effort)
    assert (answer.kind, answer.reliable) == ("exact", True)
    assert log_close(answer.value, case.z)
    answer = solve(case.model, case.evidence, case.event, effort=effort)
    assert (answer.kind, answer.reliable) == ("exact", True)
    assert log_close(answer.value, case.joint[case.happens].sum())


@given(recipe=asked(), route=routes)
def test_the_probability_of_an_event_is_its_share(recipe, route):
    case = possible(recipe)
    effort = ROUTES[route]
    happens = probability(case.model, case.event, case.evidence, effort=effort)
    fails = probability(case.model, ~case.event, case.evidence, effort=effort)
    share = case.joint[case.happens].sum() / case.z
    assert happens.kind == fails.kind == "exact"
    assert log_close(happens.value, share)
    assert close(happens.value.exp() + fails.value.exp(), 1)


@given(recipe=asked(), route=routes)
def test_the_probability_of_evidence_is_its_share(recipe, route):
    case = possible(recipe)
    effort = ROUTES[route]
    target = asked_for(case)
    answer = probability(case.model, target, case.evidence, effort=effort)
    assert answer.kind == "exact"
    assert close(answer.value.exp(), case.joint_of(case.evidence & target).sum() / case.z)


def asked_for(case):
    """Return sets at some positions, and some of the conditions."""
    target = case.evidence.relax()
    for at in range(target.length):
        if case.dice.random() < 0.4:
            size = case.dice.randint(1, target.num_symbols)
            target = target.restrict(at, case.dice.sample(range(target.num_symbols), size))
    if case.dice.random() < 0.3:
        kept = case.dice.randrange(case.model.num_conditions)
        target = target.given(target.log_condition, torch.tensor([kept]))
    return target


@given(recipe=asked(), route=routes)
def test_the_marginals_of_hidden_symbols_are_those_of_the_posterior(recipe, route):
    case = possible(recipe)
    effort = ROUTES[route]
    answer = marginals(case.model, case.evidence, effort=effort)
    assert answer.kind == "exact"
    assert close(answer.value.exp(), case.marginals())
    assert close(answer.value.exp().sum(1), torch.ones(len(case.evidence.hidden)))


@given(recipe=asked(), fast=st.booleans())
def test_the_law_of_the_first_hit_is_that_of_the_posterior(recipe, fast):
    case = possible(recipe)
    count = case.model.num_symbols
    among = case.dice.sample(range(count), case.dice.randint(1, count))
    effort = ROUTES["dynamic programming" if fast else "as planned"]
    answer = hitting(case.model, among, case.evidence, effort=effort)
    assert answer.kind == "exact"
    assert close(answer.value.exp(), case.hitting(among))
    assert close(answer.value.exp().sum(), 1)


@given(recipe=asked(), fast=st.booleans())
def test_the_entropy_is_that_of_the_posterior(recipe, fast):
    case = possible(recipe)
    effort = ROUTES["dynamic programming" if fast else "as planned"]
    answer = entropy(case.model, case.evidence, effort=effort, generator=chance(case))
    if answer.kind == "exact":
        assert close(answer.value, case.entropy())
    else:
        assert fast
        assert case.evidence.log_condition.isfinite().sum() > 1


@given(recipe=asked())
def test_what_each_symbol_would_tell_is_that_of_the_posterior(recipe):
    case = possible(recipe)
    names = case.dice.choice([case.space.names, case.space.names[:1], case.space.names[1:]])
    effort = ROUTES["as planned"]
    answer = information(case.model, case.evidence, case.space, of=names, effort=effort)
    assert answer.kind == "exact"
    assert close(answer.value, case.information(names))
    assert bool((answer.value >= -1e-12).all())


@given(recipe=asked(), fast=st.booleans())
def test_the_entropy_of_a_front_and_of_what_follows_it_add_up(recipe, fast):
    case = possible(recipe)
    assume(case.evidence.length)
    one = int(case.evidence.log_condition.argmax())
    evidence = case.evidence.given(case.evidence.log_condition, torch.tensor([one]))
    assume(float(case.joint_of(evidence).sum()) > 0)
    effort = ROUTES["dynamic programming" if fast else "as planned"]
    whole = entropy(case.model, evidence, effort=effort)
    at = case.dice.randrange(evidence.length)
    law = marginals(case.model, evidence, effort=effort).value.exp()
    here = (evidence.hidden == at).nonzero()[:, 0]
    left = [torch.special.entr(law[row]).sum() for row in here]
    for v in evidence.mask(at, at + 1)[0].nonzero()[:, 0].tolist() if len(here) else []:
        if law[here, v] > 0:
            rest = entropy(case.model, evidence.restrict(at, v), effort=effort)
            left.append(law[here, v][0] * rest.value)
    assert whole.kind == "exact"
    if left:
        assert close(whole.value, torch.stack(left).sum())


@given(recipe=asked(factors=(2, 2)))
def test_the_posterior_of_the_condition_is_that_of_bayes(recipe):
    case = possible(recipe)
    effort = case.dice.choice(list(ROUTES.values()))
    names = case.dice.choice([("a", "b"), ("b",), ("b", "a")])
    answer = posterior_given(case.model, case.evidence, case.space, of=names, effort=effort)
    assert answer.kind == "exact"
    assert close(answer.probs, case.by_label(case.shares.sum(0), names))
    assert log_close(answer.log_evidence, case.z)
    left = uncertainty(answer)
    assert close(left.value, torch.special.entr(answer.probs).sum())


@given(recipe=asked())
def test_the_most_likely_is_found_and_proven_by_dynamic_programming(recipe):
    case = possible(recipe)
    best = argmax(case.model, case.evidence, case.space, effort=ROUTES["dynamic programming"])
    assert best.proven
    assert log_close(best.value, case.joint.max())
    row = index_of(best.symbols[None], case.model.num_symbols)
    assert log_close(best.value, case.joint[row, best.condition][0])
    assert best.labels == case.space.describe(best.condition)


@given(recipe=asked(), budget=st.sampled_from([2**11, 2**14, 2**22]))
def test_the_most_likely_is_never_above_what_a_search_allows(recipe, budget):
    case = possible(recipe)
    effort = Effort(most_contexts=0, most_steps=budget)
    best = argmax(case.model, case.evidence, case.space, effort=effort)
    top = float(case.joint.max().log())
    assert float(best.value) <= top + 1e-9
    if best.proven:
        assert close(best.value, top)
    else:
        assert close(best.lower, best.value)
        assert float(best.upper) >= top - 1e-9
    if float(best.value) > -math.inf:
        row = index_of(best.symbols[None], case.model.num_symbols)
        assert log_close(best.value, case.joint[row, best.condition][0])


@given(recipe=asked(), width=st.integers(1, 8))
def test_what_is_certain_of_beams_holds(recipe, width):
    case = recipe.build()
    answer = solve(
        case.model, case.evidence, case.event, effort=Effort(method="beam", beams=width)
    )
    truth = case.joint[case.happens].sum()
    if answer.kind == "bounds":
        assert float(answer.lower) <= float(truth.log()) + 1e-9
        assert float(answer.upper) >= float(truth.log()) - 1e-9
    else:
        assert answer.kind == "exact"
        assert log_close(answer.value, truth)


@given(recipe=asked(), route=routes)
def test_draws_come_from_the_posterior(recipe, route):
    case = possible(recipe)
    effort = ROUTES[route]
    draws = infill(
        case.model, case.evidence, 200, case.space, effort=effort, generator=chance(case)
    )
    assert (draws.kind, draws.reliable) == ("exact", True)
    assert log_close(draws.log_evidence.value, case.z)
    rows = index_of(draws.symbols, case.model.num_symbols)
    counts = torch.zeros_like(case.joint)
    counts.index_put_((rows, draws.condition), torch.ones(200).double(), accumulate=True)
    assert_drawn_from(counts, case.shares)


@given(recipe=asked())
def test_a_divergence_is_the_sum_over_all_sequences(recipe):
    case = recipe.build()
    prior = torch.rand(case.model.num_conditions, generator=chance(case)).double()
    end = case.dice.randint(0, case.evidence.length)
    seen = torch.arange(case.evidence.length) < end
    beginning = case.paths[case.dice.randrange(len(case.paths))]
    base = Evidence.observe(beginning, case.model.num_symbols, where=seen)
    base = base.given(case.evidence.log_condition)
    other = base.given((prior / prior.sum()).log())
    p, q = case.joint_of(base).sum(1), case.joint_of(other).sum(1)
    assume(float(p.sum()) > 0)
    p, q = p / p.sum(), q / q.sum()
    answer = divergence(case.model, base, other, effort=ROUTES["as planned"])
    wanted = torch.where(p > 0, p * (p.log() - q.log()), 0.0).sum()
    assert answer.kind == "exact"
    assert close(answer.value, wanted)
    assert float(answer.value) >= -1e-12


@given(recipe=asked(factors=(2, 2), known="none"))
def test_the_weight_of_evidence_is_the_ratio_of_likelihoods(recipe):
    case = recipe.build()
    labels = [case.dice.choice("01") for _ in range(2)]
    answer = log_odds(case.model, case.paths, case.space, {"a": labels[0]}, {"a": labels[1]})
    by_label = case.by_label(probs_of(case.model, case.paths), ("a",))
    one, two = by_label[:, int(labels[0])], by_label[:, int(labels[1])]
    assert torch.allclose(answer.value.exp(), one / two, rtol=1e-9, equal_nan=True)


@given(recipe=asked())
def test_what_the_first_symbols_tell_is_the_mutual_information(recipe):
    case = recipe.build()
    assume(len(case.paths) <= 1024)
    names = case.dice.choice([case.space.names, case.space.names[:1]])
    log_condition = case.evidence.log_condition
    log_condition = log_condition - log_condition.logsumexp(0)
    answer = learning_curve(
        case.model, case.evidence.length, case.space, of=names, log_condition=log_condition
    )
    free = case.evidence.relax().given(log_condition)
    joint = case.by_label(case.joint_of(free), names)
    assert answer.kind == "exact"
    assert close(answer.value, case.learning(joint))


@given(recipe=asked())
def test_surprise_adds_up_to_the_probability_of_the_sequence(recipe):
    case = recipe.build()
    symbols = case.paths[case.dice.randrange(len(case.paths))]
    log_condition = case.evidence.log_condition - case.evidence.log_condition.logsumexp(0)
    answer = surprise(case.model, symbols, log_condition)
    whole = probs_of(case.model, symbols[None])[0] @ log_condition.exp()
    sums = answer.value.nan_to_num(0.0, posinf=math.inf).sum()
    assert log_close(-sums, whole)
    prior = log_condition.exp()
    assert close(-sums, log_prob(case.model, symbols[None], prior=prior).value[0])


@given(recipe=asked(), threshold=st.floats(0.05, 1))
def test_a_decision_falls_with_the_first_prefix_that_is_clear_enough(recipe, threshold):
    case = recipe.build()
    symbols = case.paths[case.dice.randrange(len(case.paths))]
    assume(float(probs_of(case.model, symbols[None]).sum()) > 0)
    names = case.dice.choice([case.space.names, case.space.names[:1]])
    early = decide(case.model, symbols, case.space, threshold=threshold, of=names)
    every = posterior(case.model, symbols[None], case.space, of=names, every_prefix=True)
    clear = (every.probs[0].amax(-1) >= threshold).nonzero()[:, 0]
    end = int(clear[0]) if len(clear) else len(symbols)
    assert int(early.num_symbols) == end
    assert close(early.probs, every.probs[0, end])


@given(recipe=asked(), route=routes)
def test_the_probabilities_of_two_sets_add_up_to_that_of_both(recipe, route):
    case = recipe.build()
    effort = ROUTES[route]
    assume(case.evidence.length)
    assume(case.model.num_symbols > 1)
    at = case.dice.randrange(case.evidence.length)
    symbols = list(range(case.model.num_symbols))
    case.dice.shuffle(symbols)
    cut = case.dice.randint(1, len(symbols) - 1)
    base, parts = case.evidence.relax(at), (symbols[:cut], symbols[cut:])
    one, two, both = (
        solve(case.model, base.restrict(at, some), case.event, effort=effort).value.exp()
        for some in (*parts, symbols)
    )
    assert close(one + two, both)
    free = solve(case.model, base, case.event, effort=effort).value.exp()
    assert close(both, free)
