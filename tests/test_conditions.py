"""Names of conditions, and priors over them."""

import itertools
import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.conditions import ConditionSpace, check_prior

SPACE = ConditionSpace(
    {"speaker": ("ann", "bob"), "digit": ("0", "1", "2")}, counts=[1, 2, 3, 0, 0, 4]
)


@st.composite
def spaces(draw):
    sizes = draw(st.lists(st.integers(1, 4), max_size=3))
    factors = {f"f{n}": [f"{n}{label}" for label in range(size)] for n, size in enumerate(sizes)}
    return ConditionSpace(factors)


@given(space=spaces())
def test_index_and_describe_are_inverse_and_row_major(space):
    rows = list(itertools.product(*space.factors.values()))
    assert space.size == len(rows)
    for index, labels in enumerate(rows):
        named = dict(zip(space.names, labels, strict=True))
        assert space.index(**named) == index
        assert space.describe(index) == named
        assert list(space.describe(index)) == list(space.names)
        codes = [space.code(name, label) for name, label in named.items()]
        assert space.codes()[index].tolist() == codes


@given(space=spaces(), data=st.data())
def test_select_returns_exactly_the_conditions_that_agree(space, data):
    known = {
        name: data.draw(st.sampled_from(labels))
        for name, labels in space.factors.items()
        if data.draw(st.booleans())
    }
    agreeing = [
        index for index in range(space.size) if known.items() <= space.describe(index).items()
    ]
    assert space.select(known).tolist() == agreeing


@given(space=spaces())
def test_joint_labels_run_as_the_conditions_do(space):
    joint = ["/".join(space.describe(index).values()) for index in range(space.size)]
    assert list(space.joint_labels(space.names)) == joint


@given(space=spaces())
def test_a_space_survives_json(space):
    copy = ConditionSpace.from_config(json.loads(json.dumps(space.config())))
    assert copy == space
    assert hash(copy) == hash(space)


def test_counts_survive_json_and_tell_spaces_apart():
    copy = ConditionSpace.from_config(json.loads(json.dumps(SPACE.config())))
    assert copy.counts == (1, 2, 3, 0, 0, 4)
    assert copy == SPACE != ConditionSpace(SPACE.factors)


def test_no_factors_are_one_condition():
    space = ConditionSpace({})
    assert (space.size, space.index(), space.describe(0)) == (1, 0, {})
    assert space.codes().shape == (1, 0)
    assert space.select().tolist() == [0]
    assert space.log_prior().tolist() == [0]
    assert space.joint_labels(()) == ("",)
    assert repr(space) == "ConditionSpace(unconditional)"


def test_labels_may_be_numbers():
    space = ConditionSpace({"digit": range(3)})
    assert space.labels("digit") == ("0", "1", "2")
    assert space.index(digit=2) == space.index(digit="2") == 2
    assert space.select({"digit": 1}).tolist() == [1]
    assert space.log_prior({0: 0.5, 1: 0.25, 2: 0.25}).exp().tolist() == [0.5, 0.25, 0.25]


def test_a_space_prints_its_factors():
    assert repr(SPACE) == "ConditionSpace(speaker(2) x digit(3))"


@pytest.mark.parametrize("prior", [None, "uniform"])
def test_uniform_prior_is_renormalised_over_what_is_given(prior):
    log_prior = SPACE.log_prior(prior, {"digit": "1"})
    assert log_prior.dtype == torch.float64
    assert log_prior.exp().tolist() == [0, 0.5, 0, 0, 0.5, 0]


def test_training_prior_is_the_frequencies():
    assert SPACE.log_prior("training").exp().tolist() == pytest.approx([0.1, 0.2, 0.3, 0, 0, 0.4])
    given_bob = SPACE.log_prior("training", {"speaker": "bob"})
    assert given_bob.tolist() == [-math.inf] * 5 + [0.0]


def test_prior_of_one_factor_leaves_the_others_uniform():
    expected = [1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 4, 1 / 4]
    for prior in ({"speaker": {"ann": 0.25, "bob": 0.75}}, {"speaker": [0.25, 0.75]}):
        assert SPACE.log_prior(prior).exp().tolist() == pytest.approx(expected, abs=1e-15)


def test_prior_of_two_factors_is_their_product():
    prior = {"digit": [0.5, 0.5, 0.0], "speaker": torch.tensor([0.25, 0.75])}
    expected = [0.125, 0.125, 0, 0.375, 0.375, 0]
    assert SPACE.log_prior(prior).exp().tolist() == pytest.approx(expected, abs=1e-15)


def test_prior_of_labels_will_do_for_a_single_factor():
    space = ConditionSpace({"digit": ("0", "1")})
    for prior in ({"0": 0.25, "1": 0.75}, {"digit": {"0": 0.25, "1": 0.75}}, [0.25, 0.75]):
        assert space.log_prior(prior).exp().tolist() == pytest.approx([0.25, 0.75])
    assert space.log_prior({}).exp().tolist() == [0.5, 0.5]


def test_zero_entries_are_allowed():
    prior = torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0, 0.0])
    assert SPACE.log_prior(prior).tolist()[0] == -math.inf
    assert SPACE.log_prior(prior).exp().sum() == 1


def test_a_sum_within_a_millionth_of_one_is_normalised():
    log_prior = ConditionSpace({"a": "xy"}).log_prior([0.5, 0.5 + 9e-7])
    assert abs(float(log_prior.exp().sum()) - 1) < 1e-15


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ([0.5, 0.5], r"one probability per condition, shape \(6,\); got \(2,\)"),
        ([-0.1, 0.1, 0.25, 0.25, 0.25, 0.25], r"at least 0; got \[-0\.1"),
        ([math.nan] * 6, "finite probabilities"),
        ([math.inf, 0, 0, 0, 0, 0], "finite probabilities"),
        ([0.0] * 6, "needs to sum to 1; got a sum of 0"),
        ([0.2] * 6, r"needs to sum to 1; got a sum of 1\.2"),
        ({"digit": [0.5, 0.6, -0.1]}, "at least 0"),
        ({"digit": [0.5, 0.5]}, r"one probability per digit, shape \(3,\); got \(2,\)"),
        ({"digit": 0.5}, r"one probability per digit, shape \(3,\); got \(\)"),
        ({"digit": {"0": 0.5, "1": 0.5}}, "a probability for each of 0, 1, 2; got 0, 1"),
        ({"colour": [1.0]}, "no factor 'colour'; it has speaker, digit"),
        ("flat", "prior needs 'uniform', 'training' or probabilities; got 'flat'"),
    ],
)
def test_what_is_no_prior_is_refused(prior, message):
    with pytest.raises(ValueError, match=message):
        SPACE.log_prior(prior)


def test_a_prior_that_rules_out_what_is_given_is_refused():
    with pytest.raises(ValueError, match=r"no probability to \{'speaker': 'ann'\}"):
        SPACE.log_prior({"speaker": [0.0, 1.0]}, {"speaker": "ann"})


@pytest.mark.parametrize("counts", [None, [0] * 6])
def test_training_prior_needs_training_frequencies(counts):
    with pytest.raises(ValueError, match="stored with its training frequencies"):
        ConditionSpace(SPACE.factors, counts).log_prior("training")


def test_a_prior_is_returned_as_probabilities():
    assert check_prior([1, 3 - 3, 0], 3).tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: SPACE.labels("colour"), "no factor 'colour'; it has speaker, digit"),
        (lambda: ConditionSpace({}).labels("digit"), "none: the model is unconditional"),
        (lambda: SPACE.code("speaker", "cid"), "no speaker 'cid'; it knows ann, bob"),
        (lambda: SPACE.index(speaker="ann"), r"a label for each of \['digit'\]"),
        (lambda: SPACE.index(speaker="ann", digit=0, hue=1), "no factor 'hue'"),
        (lambda: SPACE.describe(6), r"condition 6 is not within 0\.\.5"),
        (lambda: SPACE.describe(-1), r"condition -1 is not within 0\.\.5"),
        (lambda: SPACE.select({"digit": 7}), "no digit '7'; it knows 0, 1, 2"),
        (lambda: SPACE.joint_labels(["digit", "digit"]), "all different; got digit, digit"),
        (lambda: ConditionSpace({"a": ("x", "x")}), r"labels, all different; got \('x', 'x'\)"),
        (lambda: ConditionSpace({"a": ()}), "'a' needs one or more labels"),
        (lambda: ConditionSpace({"a": "xy"}, [1]), "entry for each of 2 conditions; got"),
        (lambda: ConditionSpace({"a": "xy"}, [1, -1]), "non-negative entry"),
    ],
)
def test_unknown_names_and_labels_are_refused_with_those_there_are(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"factors": []}, r"keys factors and counts; got \['factors'\]"),
        ({"factors": {}, "counts": None}, r"list of \[name, \[label, \.\.\.\]\]"),
        ({"factors": [["a", [1]]], "counts": None}, "of text"),
        (
            {"factors": [["a", ["x"]], ["a", ["y"]]], "counts": None},
            "names that are all different",
        ),
        ({"factors": [], "counts": "1"}, "list of whole numbers or null"),
        ({"factors": [], "counts": [1.5]}, "list of whole numbers or null"),
        ({"factors": [["a", []]], "counts": None}, "'a' needs one or more labels"),
    ],
)
def test_what_is_no_space_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        ConditionSpace.from_config(config)
