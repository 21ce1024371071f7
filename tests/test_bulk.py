"""Many files at once are answered as each of them alone."""

import itertools
import math

import numpy as np
import pytest
import soundfile
import torch

from autoreg import bulk
from autoreg.bulk import PARCEL, Parcel, log_probs, parcels, posteriors
from autoreg.codecs.mulaw import MuLaw
from autoreg.conditions import ConditionSpace
from autoreg.data.plain import Plain
from autoreg.data.sound import Sound
from autoreg.density import Density
from autoreg.models.wavenet import WaveNet
from tests.laws.recipes import randomise

RATE = 1000
SPACE = ConditionSpace({"speaker": ("ann", "bob"), "digit": ("0", "1", "2")}, [3, 0, 1, 2, 2, 2])


def density(signal, space=SPACE, *, features=None, dtype=torch.float64, **changes):
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            signal.num_symbols,
            conditions=space.sizes,
            residual=4,
            skip=6,
            hidden=5,
            condition_width=3,
            dilations=[1, 2],
            num_features=0 if features is None else features.shape[-1],
        )
    model = randomise(model.to(dtype), torch.Generator().manual_seed(0))
    model = model.requires_grad_(requires_grad=False).eval()
    model = model if features is None else model.with_features(features)
    return Density(model=model, signal=signal, space=space, target="speaker", card={}, **changes)


def sounds(**changes):
    return density(Sound(RATE, MuLaw(16)), **changes)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Sounds of many lengths, in no order of theirs, some far longer than the others."""
    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    files = []
    for number, length in enumerate([30, 7, 90, 1, 30, 55, 130, 12, 31, 29, 3, 70, 8, 8]):
        files.append(folder / f"{number:02d}.wav")
        soundfile.write(files[-1], generator.uniform(-0.9, 0.9, length), RATE, subtype="FLOAT")
    return files


def memory_of(positions, model, conditions=6):
    """Return what a batch of so many symbols takes under so many conditions."""
    return positions * conditions * 4 * model.floats_per_symbol


def flat(answered):
    """Return the files, and the values of those that are not done."""
    files, values = [], []
    for some in answered:
        files += some.files
        values.append(some.answer.value[some.done :])
    return files, torch.cat(values)


# Positions that fit: all clips are too long for a batch, or some are, or they are a few batches,
# or one.
FITTING = [12, 60, 100, 10**6]


@pytest.mark.parametrize("fitting", FITTING)
@pytest.mark.parametrize("asked", [{}, {"given": {"digit": 2}, "prior": "training"}])
def test_each_file_is_as_likely_as_alone(clips, fitting, asked):
    one = sounds()
    conditions = int(one.space.log_prior(asked.get("prior"), asked.get("given")).isfinite().sum())
    one = sounds(memory=memory_of(fitting, one.model, conditions))
    answered = list(log_probs(one, parcels(clips), **asked))
    files, values = flat(answered)
    assert files == clips
    alone = [one.log_prob(file, **asked) for file in clips]
    # Rounding of float64, in sums of up to 130 factors in another order.
    assert values.tolist() == pytest.approx([float(other) for other in alone], rel=1e-12)
    counts = torch.cat([some.answer.num_symbols for some in answered])
    assert counts.tolist() == [int(other.num_symbols) for other in alone]
    scored = sum(some.answer.cost.scored for some in answered)
    assert scored == sum(other.cost.scored for other in alone)
    assert {(some.answer.kind, some.answer.method) for some in answered} == {
        ("exact", alone[0].method)
    }


@pytest.mark.parametrize("fitting", FITTING)
@pytest.mark.parametrize("asked", [{}, {"of": ("speaker", "digit")}, {"of": "digit"}])
def test_each_file_has_the_posterior_it_has_alone(clips, fitting, asked):
    one = sounds()
    one = sounds(memory=memory_of(fitting, one.model))
    answered = list(posteriors(one, parcels(clips), prior="training", **asked))
    files, values = flat(answered)
    assert files == clips
    evidence = torch.cat([some.answer.log_evidence for some in answered])
    for row, file in enumerate(clips):
        alone = one.posterior(file, prior="training", **asked)
        assert values[row].tolist() == pytest.approx(alone.value.tolist(), rel=1e-11)
        assert float(evidence[row]) == pytest.approx(float(alone.log_evidence), rel=1e-12)
        assert answered[0].answer.labels == alone.labels
        assert answered[0].answer.method == alone.method


def test_pieces_of_files_are_answered_as_pieces_of_them_alone(clips):
    one = sounds(memory=memory_of(60, sounds().model))
    reading = {"start": 0.002, "stop": 0.1}
    long_enough = [file for file in clips if soundfile.info(file).frames > 2]
    _, values = flat(log_probs(one, parcels(long_enough), **reading))
    alone = [float(one.log_prob(file, **reading)) for file in long_enough]
    assert values.tolist() == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("fitting", [60, 10**6])
def test_what_is_done_moves_no_bit_of_the_others(clips, fitting):
    one = sounds(dtype=torch.float32, memory=memory_of(fitting, sounds().model))
    _, whole = flat(log_probs(one, [Parcel(clips)]))
    for done in range(len(clips)):
        left = [(some.files[some.done :], some) for some in log_probs(one, [Parcel(clips, done)])]
        assert list(itertools.chain(*(files for files, _ in left))) == clips[done:]
        rest = torch.cat([some.answer.value[some.done :] for _, some in left])
        assert torch.equal(rest, whole[done:])
    assert list(log_probs(one, [Parcel(clips, len(clips))])) == []


@pytest.mark.parametrize("fitting", [12, 60, 10**6])
def test_a_bad_file_is_told_and_the_others_are_answered(clips, tmp_path, fitting):
    (tmp_path / "text.wav").write_text("no sound" * 30)
    soundfile.write(tmp_path / "nan.wav", np.r_[np.zeros(99), math.nan], RATE, subtype="FLOAT")
    bad = {0: tmp_path / "missing.wav", 5: tmp_path / "text.wav", 9: tmp_path / "nan.wav"}
    files = list(clips)
    for place, file in bad.items():
        files.insert(place, file)
    one = sounds(memory=memory_of(fitting, sounds().model))
    told, refused, begin = {}, {}, 0
    for some in log_probs(one, parcels(files)):
        for place, file in enumerate(some.files):
            if place in some.refusals:
                refused[begin + place] = str(some.refusals[place])
            else:
                told[file] = float(some.answer.value[place])
        begin += len(some.files)
    assert begin == len(files)
    assert refused.keys() == bad.keys()
    assert all(refused[place].startswith(str(file)) for place, file in bad.items())
    assert told == pytest.approx({file: float(one.log_prob(file)) for file in clips}, rel=1e-12)


def test_a_file_that_the_model_refuses_does_not_take_its_batch_along(tmp_path):
    features = torch.eye(5, dtype=torch.float64)[None]
    space = ConditionSpace({"speaker": ("ann", "bob")})
    one = density(Plain(3), space, features=features)
    files = [tmp_path / f"{length}.txt" for length in (3, 6, 5, 1)]
    for file in files:
        file.write_text(" ".join("0120120"[: int(file.stem)]))
    (some,) = log_probs(one, parcels(files))
    assert list(some.refusals) == [1]
    assert "knows sequences of 5 symbols; got 6" in str(some.refusals[1])
    for place in (0, 2, 3):
        alone = float(one.log_prob(files[place]))
        assert float(some.answer.value[place]) == pytest.approx(alone, rel=1e-12)


def test_what_is_impossible_has_no_posterior_and_says_so(tmp_path):
    one = density(Plain(3), ConditionSpace({"speaker": ("ann", "bob")}))
    with torch.no_grad():
        one.model.stack.output.weight.zero_()
        one.model.stack.output.bias.copy_(torch.tensor([0.0, 0.0, -torch.inf]))
    for name, text in (("good", "0 1 0"), ("never", "0 2 0")):
        (tmp_path / f"{name}.txt").write_text(text)
    (some,) = posteriors(one, parcels([tmp_path / "good.txt", tmp_path / "never.txt"]))
    assert some.answer.probs[0].tolist() == pytest.approx([0.5, 0.5])
    assert some.answer.value[1].isnan().all()
    assert not some.answer.reliable


def test_files_come_in_parcels_as_they_are_needed(clips):
    taken = 0

    def endless():
        nonlocal taken
        for file in itertools.cycle(clips):
            taken += 1
            yield file

    assert [len(one.files) for one in parcels(clips[:1] * (2 * PARCEL + 1))] == [PARCEL, PARCEL, 1]
    answered = log_probs(sounds(), parcels(endless()))
    assert len(next(answered).files) == PARCEL
    answered.close()
    assert taken <= 2 * PARCEL  # one that is answered, one that is read meanwhile


@pytest.mark.parametrize("fitting", [10, 40])
def test_no_more_symbols_are_held_than_are_said_to_be(clips, fitting):
    files = clips * 20
    shelves = bulk._shelves(sounds(), parcels(files), fitting, {})
    sizes = [[len(codes) for codes in shelf.symbols] for shelf in shelves]
    assert max(map(sum, sizes)) <= bulk._SHELF * fitting
    assert max(map(max, sizes)) <= fitting
