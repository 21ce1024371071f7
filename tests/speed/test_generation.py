import pytest

from autoreg.speed import generation
from autoreg.speed.rows import PLAIN
from autoreg.speed.textbook import textbook_of
from autoreg.speed.trial import elapsed


@pytest.mark.parametrize("batch", [1, 3])
def test_each_type_of_weights_has_its_rows(tiny, brief, batch):
    plain = textbook_of(tiny)
    rows = list(
        generation.generation("tiny", tiny, batch, plain=plain, beside_reference=True, trial=brief)
    )
    assert [(row.job, row.dtype) for row in rows] == [
        (job, dtype) for dtype in ("float32", "bfloat16") for job in ("generation", "walk")
    ]
    assert all(row.ratio.median > 0 and row.ours.turns == 2 for row in rows)
    assert {row.against for row in rows} == {PLAIN, generation.REFERENCE}
    bounds = {row.ceiling for row in rows if row.job == "generation"}
    what = "reading all weights" if batch == 1 else "gemm"
    assert bounds == {f"{what}, float32", f"{what}, bfloat16"}


@pytest.mark.parametrize("by_reference", [False, True])
def test_as_much_is_drawn_as_is_asked_for(tiny, monkeypatch, by_reference):
    lengths = []
    monkeypatch.setattr(generation, "PIECE", 7)
    for name, module in (("walk", generation), ("walk", generation.reference)):
        real = getattr(module, name)

        def counting(*arguments, real=real):
            lengths.append(real(*arguments))
            return lengths[-1]

        monkeypatch.setattr(module, name, counting)
    elapsed(generation.drawing(tiny, 2, by_reference=by_reference), 17)
    assert sum(found.length for found in lengths) in (17, 34)  # a walk may be the reference's
    assert all(found.symbols.shape[0] == 2 for found in lengths)


def test_the_runtime_is_said(tiny, monkeypatch):
    for walked, said in ((None, "reference"), ("something", "compiled")):
        monkeypatch.setattr(type(tiny), "fast_walk", lambda *_, walked=walked: walked)
        assert generation.runtime(tiny, 2) == said
