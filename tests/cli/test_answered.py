import math
from statistics import NormalDist

import pytest
import torch

from autoreg.answers import Answer
from autoreg.cli.answered import print_answered, save, told_of_trust
from autoreg.conditions import ConditionSpace
from autoreg.data.plain import Plain
from autoreg.density import Density
from autoreg.language.answered import Answered
from autoreg.language.parser import parse
from autoreg.models.markov import MarkovTable

DENSITY = Density(
    model=MarkovTable(torch.full((1, 1, 3), 1 / 3).log()),
    signal=Plain(3),
    space=ConditionSpace({}),
    target=None,
    card={},
)


def double(value):
    return torch.tensor(value, dtype=torch.float64)


def printed(capsys, question, headed=False, **parts):
    loop = parts.pop("loop", {})
    positions = parts.pop("positions", None)
    answer = Answer(**{"method": "particles", **parts})
    found = Answered(question=parse(question), answer=answer, loop=loop, positions=positions)
    print_answered(found, DENSITY, headed=headed)
    return capsys.readouterr().out.splitlines()


def test_an_estimate_is_told_with_what_holds_it(capsys):
    reach = math.exp(0.1 * NormalDist().inv_cdf(0.975))
    rows = printed(
        capsys, "P(x)", value=double(math.log(0.25)), kind="unbiased", std_error=double(0.1)
    )
    assert rows[0] == (
        f"  p = 0.25 (95 % within {0.25 / reach:.6g}..{0.25 * reach:.6g}), log p = -1.3863 +- 0.1"
    )
    assert rows[1].startswith("  unbiased: particles; 0 positions stepped")


def test_bounds_are_told_as_such(capsys):
    bounds = {"lower": double(-2.0), "upper": double(-1.0)}
    rows = printed(capsys, "log P(x)", value=double(-2.0), kind="bounds", **bounds)
    assert rows[0] == "  log p = -2.0000..-1.0000 nats"


def test_what_is_not_reliable_says_why(capsys):
    rows = printed(capsys, "H(x)", value=double(0.5), reliable=False, reason="few paths")
    assert rows[-1] == "  not reliable: few paths"
    assert list(told_of_trust(Answer(value=double(0.0), method="m", reason="empty")))[1] == "empty"


def test_a_question_stands_above_where_there_are_several(capsys):
    assert printed(capsys, "H( x )", headed=True, value=double(0.5))[0] == "H(x)"


def test_rows_of_a_loop_are_short_where_nothing_is_in_doubt(capsys):
    rows = printed(capsys, "H(x) for t in 0..1", value=double(0.5), loop={"t": 1})
    assert rows == ["       t = 1   0.5000 nats"]
    (row,) = printed(
        capsys,
        "H(x) for t in 0..1",
        value=double(0.5),
        loop={"t": 1},
        kind="consistent",
        std_error=double(0.1),
        reliable=False,
        reason="few",
    )
    assert "0.5000 +- 0.1 nats   (consistent: particles;" in row
    assert row.endswith("not reliable: few)")


def test_a_law_tells_its_likely_positions_in_order(capsys):
    law = torch.full((20,), 0.01, dtype=torch.float64)
    law[15], law[3], law[19] = 0.5, 0.2, 0.12
    rows = printed(capsys, "hitting(x, 0)", value=law.log(), positions=list(range(5, 24)))
    shown = [row.split()[0] for row in rows]
    assert shown.index("x[8]") < shown.index("x[20]")
    assert "  and 7 less likely positions" in rows
    assert rows[-2].split() == ["never", "0.120000"]


def test_only_signals_are_saved(tmp_path):
    found = Answered(question=parse("H(x)"), answer=Answer(value=double(0.0), method="m"))
    with pytest.raises(ValueError, match=r"--out takes the signals of sample\(...\)"):
        save(found, DENSITY, tmp_path / "x.npy")
