from dataclasses import replace

import numpy as np
import pytest
import torch

from autoreg import scoretable
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.plain import Plain
from autoreg.data.sequences import Sequences
from autoreg.density import Density
from autoreg.models.markov import MarkovTable
from autoreg.models.wavenet import WaveNet
from autoreg.scoretable import score_table

LENGTHS = (3, 7, 0, 5, 7, 2)


def density_of(seed=0, memory=1):
    with torch.random.fork_rng():
        torch.random.manual_seed(seed)
        model = WaveNet(
            num_symbols=3, conditions=(2,), residual=2, skip=2, hidden=2, dilations=(1, 2)
        ).eval()
    space = ConditionSpace({"coin": ("fair", "bent")})
    return Density(
        model=model, signal=Plain(3), space=space, target="coin", card={}, memory=memory
    )


def corpus_of(density, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.randint(3, (length,), generator=generator).byte() for length in LENGTHS]
    parts = dict.fromkeys(("train", "valid"), Sequences.from_list([], []))
    parts["test"] = Sequences.from_list(rows, [0, 1, 1, 0, 0, 1])
    return Corpus(parts, density.signal, density.space, density.target, "made by hand")


def test_each_sequence_has_its_score_under_each_condition():
    density = density_of()
    corpus = corpus_of(density)
    table = score_table(density, corpus)
    for row, condition in ((0, 0), (1, 1), (2, 0), (4, 1)):
        alone = density.model.log_probs(
            corpus.parts["test"][row][None].long(), torch.tensor([condition])
        )
        chosen = corpus.parts["test"][row].long()
        expected = alone[0].gather(1, chosen[:, None]).double().sum()
        torch.testing.assert_close(
            table.log_likelihoods[row, condition], expected, rtol=1e-5, atol=1e-5
        )
    assert table.lengths.tolist() == list(LENGTHS)
    assert table.protocol == "all of 6 test sequences; made by hand"
    assert len(score_table(density, corpus, limit=2)) == 2


def test_scores_that_are_kept_are_not_made_again(tmp_path, monkeypatch):
    density, file = density_of(), tmp_path / "scores.npz"
    corpus, steps = corpus_of(density), []

    def tell(done, total):
        steps.append((done, total))
        if len(steps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(scoretable, "PATIENCE", 0.0)
    with pytest.raises(KeyboardInterrupt):
        score_table(density, corpus, file=file, progress=tell)
    table = score_table(density, corpus, file=file, progress=tell)
    # The longest come first; the empty sequence needs no batch of its own symbols but a turn.
    assert steps == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]
    torch.testing.assert_close(
        table.log_likelihoods, score_table(density, corpus).log_likelihoods, rtol=0, atol=0
    )
    score_table(density, corpus, file=file, progress=tell)
    assert len(steps) == 6


def test_scores_of_other_weights_or_sequences_are_refused(tmp_path):
    density, file = density_of(), tmp_path / "scores.npz"
    corpus = corpus_of(density)
    score_table(density, corpus, file=file)
    with pytest.raises(ValueError, match=r"scores.npz needs scores of these .* Name another"):
        score_table(density_of(seed=1), corpus, file=file)
    with pytest.raises(ValueError, match="needs scores of these sequences by these weights"):
        score_table(density, corpus_of(density, seed=1), file=file)
    with pytest.raises(ValueError, match="needs scores of these sequences by these weights"):
        score_table(density, corpus, file=file, limit=3)


def test_scores_given_features_that_begin_elsewhere_are_refused(tmp_path):
    density, file = density_of(), tmp_path / "scores.npz"
    shape = {"residual": 2, "skip": 2, "hidden": 2, "dilations": (1, 2)}
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(3, conditions=(2,), num_features=1, hop=3, **shape).eval()
    frames = torch.tensor([[[1.0], [2.0], [3.0], [4.0]]])

    def begun(phase):
        return replace(density, model=model.with_features(frames, phase=torch.tensor([phase])))

    corpus = corpus_of(density)
    score_table(begun(1), corpus, file=file)
    score_table(begun(1), corpus, file=file)
    with pytest.raises(ValueError, match="needs scores of these sequences by these weights"):
        score_table(begun(2), corpus, file=file)


def test_file_that_holds_no_scores_is_refused(tmp_path):
    density = density_of()
    corpus = corpus_of(density)
    with pytest.raises(ValueError, match=r"scores are kept in a \.npz file; got .*scores\.csv"):
        score_table(density, corpus, file=tmp_path / "scores.csv")
    (tmp_path / "a.npz").write_bytes(b"no archive")
    np.savez(tmp_path / "b.npz", other=1)
    (tmp_path / "c.npz").write_bytes(b"")
    (tmp_path / "d.npz").mkdir()
    np.save(tmp_path / "whole.npy", np.zeros((6, 2)))
    (tmp_path / "whole.npy").rename(tmp_path / "e.npz")
    score_table(density, corpus, file=tmp_path / "f.npz")
    whole = (tmp_path / "f.npz").read_bytes()
    (tmp_path / "f.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "g.npz").write_bytes(whole[:60] + bytes(40) + whole[100:])
    steps = []
    for name in (f"{letter}.npz" for letter in "abcdefg"):
        with pytest.raises(ValueError, match=f"{name} holds no scores"):
            score_table(
                density, corpus, file=tmp_path / name, progress=lambda *at: steps.append(at)
            )
    with pytest.raises(FileNotFoundError, match=r"none/h\.npz: needs a folder that exists"):
        score_table(density, corpus, file=tmp_path / "none" / "h.npz")
    assert not steps


def test_model_without_weights_keeps_no_scores(tmp_path):
    density = density_of()
    table = MarkovTable(torch.full((2, 1, 3), 1 / 3).log())
    bare = Density(model=table, signal=density.signal, space=density.space, target="coin", card={})
    assert len(score_table(bare, corpus_of(bare))) == 6
    with pytest.raises(TypeError, match=r"by the model's weights.*; got MarkovTable"):
        score_table(bare, corpus_of(bare), file=tmp_path / "scores.npz")
