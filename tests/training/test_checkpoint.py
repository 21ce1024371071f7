import pytest
import torch

from autoreg import plaindata
from autoreg.training import checkpoint
from autoreg.training.batches import training_batches
from autoreg.training.checkpoint import Standing
from autoreg.training.learner import Learner

STANDING = Standing(step=3, symbols=7, seconds=1.5, best=0.25, best_step=2, waited=1)


@pytest.fixture
def learners(corpus, config, fresh, accelerator):
    """One that has learned, and one that has not."""
    learned, new = (Learner(fresh(seed), config.training, accelerator) for seed in (0, 1))
    batch = next(
        training_batches(
            corpus.parts["train"], order=learned.model.order, crop=7, columns=64, seed=0
        )
    )
    for step in range(3):
        learned.update(batch, step)
    return learned, new, batch


def test_learner_that_reads_a_checkpoint_goes_on_like_the_one_that_wrote_it(learners, tmp_path):
    learned, new, batch = learners
    checkpoint.write(tmp_path / "state", STANDING, learned, {"config": 1})
    assert checkpoint.settings(tmp_path / "state") == {"config": 1}
    assert checkpoint.read(tmp_path / "state", new) == STANDING
    assert learned.update(batch, 3) == new.update(batch, 3)
    for one, other in [(learned.model, new.model), (learned.average, new.average)]:
        pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_checkpoint_of_an_untrained_model_has_no_moments(learners, tmp_path):
    learned, new, _ = learners
    checkpoint.write(tmp_path / "state", Standing(), new, {})
    assert checkpoint.read(tmp_path / "state", learned) == Standing()
    assert not any(learned.optimizer.state.values())


def test_missing_checkpoint_is_named(learners, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is nothing to resume"):
        checkpoint.read(tmp_path / "state", learners[0])


def test_checkpoint_of_another_model_is_refused_with_the_shapes(learners, config, tmp_path):
    learned, new, _ = learners
    new.model.stack.output.bias = torch.nn.Parameter(torch.zeros(5))
    del new.model.stack.hidden.bias
    checkpoint.write(tmp_path / "state", STANDING, learned, {"config": 1})
    with pytest.raises(ValueError, match="is the state of another model") as error:
        checkpoint.read(tmp_path / "state", new)
    assert "model.stack.output.bias: needs (5,); got (3,)" in str(error.value)
    assert "model.stack.hidden.bias: needs nothing; got (6,)" in str(error.value)


def test_damaged_and_foreign_files_are_refused(learners, tmp_path):
    path = tmp_path / "state"
    checkpoint.write(path, STANDING, learners[0], {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(plaindata.ModelDirError, match="state"):
        checkpoint.read(path, learners[1])
    plaindata.save_tensors(path, {}, {"format": 2, "standing": {}, "settings": {}})
    with pytest.raises(plaindata.ModelDirError, match="needs format 1; got 2"):
        checkpoint.read(path, learners[1])
    plaindata.save_tensors(path, {}, {"format": 1, "standing": {"step": 3}, "settings": {}})
    with pytest.raises(plaindata.ModelDirError, match=r"missing +best"):
        checkpoint.read(path, learners[1])


def test_standing_knows_the_best_validation_and_how_long_ago_it_was():
    standing = Standing()
    for step, (valid, best) in enumerate([(2.0, True), (2.0, False), (3.0, False), (1.0, True)]):
        standing.step = step
        assert standing.judge(valid) is best
        assert (standing.best, standing.waited) == [(2.0, 0), (2.0, 1), (2.0, 2), (1.0, 0)][step]
    assert standing.best_step == 3
