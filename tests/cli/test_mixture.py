"""The verbs that are asked of a model of several scans."""

import math

import pytest

from autoreg import modeldir
from autoreg.data.source import read_corpus
from tests.cli.test_train import TINY

KINDS = ("raster", "column", "reversed")


@pytest.fixture(scope="module")
def mixture(run, tmp_path_factory):
    """A model of the digits in three orders, as it is trained in two steps."""
    out = tmp_path_factory.mktemp("mixture") / "run"
    done = run("train", "digits", "--scan", ",".join(KINDS), "--out", out, *TINY, "--quiet")
    assert done.exit_code == 0, done.output
    return out


def mean(values):
    return math.log(sum(map(math.exp, values)) / len(values))


def test_training_leaves_all_scans_with_the_model(mixture):
    card = modeldir.load(mixture).card
    assert [scan["kind"] for scan in card["signal"]["scans"]] == list(KINDS)
    source = card["training"]["data"]
    assert source == {"kind": "digits", "scan": list(KINDS)}
    assert read_corpus(source).space.names == ("digit", "scan")


def test_one_command_judges_the_mixture_and_each_order(lines, mixture):
    (whole,) = lines("evaluate", mixture, "--limit", 1)
    assert "the mixture over them" in whole["protocol"]
    assert "as put aside in training" in whole["protocol"]
    alone = []
    for kind in KINDS:
        (found,) = lines("evaluate", mixture, "--limit", 1, "--given", f"scan={kind}")
        assert f"{kind} alone" in found["protocol"]
        alone.append(found)
    for figure in ("nats_given_label", "nats_per_sequence"):
        assert len({one[figure] for one in alone}) == len(KINDS)
        assert whole[figure] == pytest.approx(-mean([-one[figure] for one in alone]), rel=1e-6)


def test_files_are_scored_by_the_mean_over_orders(lines, mixture, image):
    (whole,) = lines("score", mixture, image, "--given", "digit=3")
    each = [
        lines("score", mixture, image, "--given", "digit=3", "--given", f"scan={kind}")[0]["value"]
        for kind in KINDS
    ]
    assert whole["value"] == pytest.approx(mean(each), rel=1e-6)
    (told,) = lines("classify", mixture, image)
    assert told["of"] == ["digit"]


def test_little_memory_is_enough(lines, mixture, image):
    for asked in (("score", mixture, image), ("classify", mixture, image)):
        (found,), (wanted,) = lines(*asked, "--memory", "1KB"), lines(*asked)
        name = "value" if "value" in wanted else "log_evidence"
        assert found[name] == pytest.approx(wanted[name], rel=1e-6)


def test_what_goes_along_a_scan_asks_for_one(lines, refused, mixture, image, tmp_path):
    fix = "--given scan=raster"
    assert fix in refused("complete", mixture, image, "--keep", 32, "--out", tmp_path / "x.png")
    assert fix in refused("rolling", mixture, "--horizon", 2)
    told = refused("classify", mixture, image, "--animate", tmp_path / "x.gif")
    assert "--animate needs one order" in told
    assert fix in told
    assert fix in refused("ask", mixture, "P(digit | x[:32])", "--bind", f"x={image}")
    question = ("ask", mixture, "P(digit | x[:32])", "--bind", f"x={image}", "--given")
    assert lines(*question, "scan=column")[0]["kind"] == "exact"
    assert "fixes the scan" in refused(*question, "digit=3")
