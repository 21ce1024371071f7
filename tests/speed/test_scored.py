from autoreg.speed.rows import PLAIN
from autoreg.speed.scored import KINDS, scored
from autoreg.speed.textbook import textbook_of


def test_each_kind_of_numbers_has_a_row(tiny, brief):
    effects = {kind: {"mean": 0.1} for kind in KINDS}
    rows = list(scored("tiny", tiny, 2, 16, plain=textbook_of(tiny), effects=effects, trial=brief))
    assert [row.dtype for row in rows] == list(KINDS)
    assert {(row.against, row.batch, row.facts["length"]) for row in rows} == {(PLAIN, 2, 16)}
    assert [row.ceiling for row in rows] == [f"gemm, {dtype}" for dtype in KINDS.values()]
    assert all(row.effect == {"mean": 0.1} for row in rows)


def test_a_model_alone_is_compared_with_nothing(tiny, brief):
    (row, *_) = scored("tiny", tiny, 1, 8, trial=brief)
    assert (row.against, row.other, row.ratio, row.effect) == ("", None, None, None)
    assert row.fraction is not None
