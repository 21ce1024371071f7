"""What other systems get wrong with sound and speakers, and this one does not."""

import json
import os
import re

import numpy as np
import pytest
import soundfile
import torch

from autoreg import modeldir
from autoreg.conditions import ConditionSpace
from autoreg.data.audio import audio_folder
from autoreg.data.labels import from_name, from_parent, unlabelled
from autoreg.data.sound import Sound, named_codec
from autoreg.data.split import Split
from autoreg.density import Density
from autoreg.models.wavenet import WaveNet
from autoreg.queries.likelihood import log_prob
from autoreg.queries.sampling import complete, sample, state_after
from autoreg.queries.streaming import stream
from tests.laws.recipes import MarkovRecipe, randomise

RATE = 8000
ALL_TRAIN = Split(valid=0.0, test=0.0)
VCTK = from_name(r"(?P<speaker>p\d+)_\d+\.wav")


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def network(conditions=(3,), num_symbols=16):
    """Return an untrained WaveNet of order 17 whose distributions are far from uniform."""
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            num_symbols,
            conditions=conditions,
            residual=8,
            skip=8,
            hidden=8,
            dilations=(1, 2, 4, 8),
        )
    return randomise(model.double(), chance()).requires_grad_(requires_grad=False).eval()


@pytest.fixture
def readers(tmp_path):
    """Return a folder of clips p225 and p300, itself below a folder that looks like a reader."""
    root = tmp_path / "p999_001.wav" / "wav48"
    for number, reader in enumerate(("p225", "p300")):
        for take in ("001", "002"):
            path = root / reader / f"{reader}_{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(number).uniform(-0.5, 0.5, 50 + int(take))
            soundfile.write(path, noise, RATE)
    return root


@pytest.mark.parametrize("labels", [VCTK, from_parent("speaker")])
def test_a_speaker_is_read_off_the_file_or_its_folder_and_nothing_above(readers, labels):
    corpus = audio_folder(readers, labels=labels, split=ALL_TRAIN)
    train = corpus.parts["train"]
    assert corpus.space.labels("speaker") == ("p225", "p300")
    told = [corpus.space.describe(int(index))["speaker"] for index in train.condition]
    assert [name.split("/")[0] for name in train.names] == told


def test_gaps_between_the_numbers_of_speakers_cost_no_conditions(readers):
    corpus = audio_folder(readers, labels=VCTK, split=ALL_TRAIN)
    assert corpus.space.size == 2
    assert sorted(set(corpus.parts["train"].condition.tolist())) == [0, 1]


def test_nobody_repeats_how_many_speakers_there_are(readers, tmp_path):
    corpus = audio_folder(readers, labels=VCTK, split=ALL_TRAIN, levels=16)
    modeldir.save(
        tmp_path / "model",
        model=network(corpus.space.sizes),
        signal=corpus.signal,
        space=corpus.space,
        target="speaker",
    )
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    assert ["p225", "p300"] in _lists(card)
    model, signal, space, target, card = modeldir.load(tmp_path / "model")
    density = Density(model=model, signal=signal, space=space, target=target, card=card)
    drawn = density.sample(3, length=5, given={"speaker": "p300"}, generator=chance())
    assert drawn.labels == ({"speaker": "p300"},) * 3
    with pytest.raises(ValueError, match="knows no speaker 'p226'; it knows p225, p300"):
        density.sample(1, length=5, given={"speaker": "p226"}, generator=chance())


def test_a_speaker_who_was_not_trained_on_is_named_with_the_file(readers):
    split = Split(valid=0.0, test=r"p300_\d+\.wav")
    with pytest.raises(ValueError, match=r"p300_001\.wav: needs a speaker .* p225; got 'p300'"):
        audio_folder(readers, labels=VCTK, split=split)


def test_every_path_of_a_batch_has_a_speaker_of_its_own():
    model = network()
    draws = sample(model, 40, length=6, generator=chance())
    assert set(draws.condition.tolist()) == {0, 1, 2}
    for index in (0, 1, 2):
        rows = draws.condition == index
        alone = sample(model, 40, length=6, given={"condition": index}, generator=chance())
        assert torch.equal(draws.symbols[rows], alone.symbols[rows])


def test_the_first_sample_is_drawn_from_its_own_law_and_not_uniformly():
    chain = MarkovRecipe(num_symbols=3, order=2, num_conditions=1, seed=0).build()
    first = chain.log_probs(torch.zeros(1, 1).long(), torch.zeros(1).long())[0, 0].exp()
    drawn = sample(chain, 4000, length=1, generator=chance()).symbols[:, 0].bincount(minlength=3)
    error = (first * (1 - first) / 4000).sqrt()
    assert ((drawn / 4000 - first).abs() < 4.5 * error).all()
    assert ((torch.full((3,), 1 / 3) - first).abs() > 9 * error).any()


def test_generation_begins_in_the_state_that_training_begins_in():
    model = network()
    for condition in torch.arange(3)[:, None]:
        trained = model.log_probs(torch.zeros(1, 1).long(), condition)[:, 0]
        generated = model.head.log_probs(model.start(condition).next)
        torch.testing.assert_close(generated, trained, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kept", [0, 1, 16, 17, 18, 50])
def test_a_seed_may_be_shorter_or_longer_than_the_receptive_field(kept):
    model, seed = network(), torch.randint(16, (kept,), generator=chance())
    assert model.order == 17
    taught = model.log_probs(torch.cat([seed, seed[:1]])[None], torch.tensor([1]))
    if kept:
        state = state_after(model, seed, torch.tensor([1]))
        primed = model.head.log_probs(state.next)
        torch.testing.assert_close(primed, taught[:, kept], rtol=0, atol=1e-12)
    draws = complete(model, seed, 2, length=kept + 3, generator=chance())
    assert torch.equal(draws.symbols[:, :kept], seed.expand(2, -1))
    assert draws.symbols.shape == (2, kept + 3)


def test_a_clip_shorter_than_the_receptive_field_is_not_dropped_and_has_a_probability(tmp_path):
    model = network((1,))
    for length in (1, 3, 40):
        noise = np.random.default_rng(length).uniform(-0.5, 0.5, length)
        soundfile.write(tmp_path / f"{length}.wav", noise, RATE)
    corpus = audio_folder(tmp_path, labels=unlabelled(), split=ALL_TRAIN, levels=16)
    train = corpus.parts["train"]
    assert sorted(train.lengths.tolist()) == [1, 3, 40]
    symbols, _, lengths = train.pad(range(3))
    together = log_prob(model, symbols, lengths=lengths).value
    assert together.isfinite().all()
    alone = torch.cat([log_prob(model, train[i][None].long()).value for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-10)


def test_a_quiet_corpus_does_not_vanish_when_silence_is_trimmed(tmp_path):
    clip = np.concatenate([np.zeros(100), 0.5 * np.sin(np.arange(300)), np.zeros(100)])
    for name, factor in (("loud", 1.0), ("quiet", 2.0**-10)):
        soundfile.write(tmp_path / f"{name}.wav", factor * clip, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "one.wav", np.eye(1, 500, 250)[0], RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(500), RATE)
    corpus = audio_folder(tmp_path, labels=unlabelled(), split=ALL_TRAIN, trim_db=40)
    train = corpus.parts["train"]
    lengths = dict(zip(train.names, train.lengths.tolist(), strict=True))
    assert lengths["loud.wav"] == lengths["quiet.wav"]
    assert 290 < lengths["loud.wav"] <= 300
    assert (lengths["one.wav"], lengths["silent.wav"]) == (1, 500)


@pytest.mark.parametrize("name", ["mulaw", "linear", "sashimi", "sashimi-linear"])
def test_what_is_decoded_is_encoded_again_to_the_same_through_a_stored_codec(name, tmp_path):
    codec, gain = named_codec(name)
    stored = Sound.from_config(json.loads(json.dumps(Sound(RATE, codec, gain).config())))
    symbols = torch.arange(256)
    heard = stored.decode(symbols)
    assert torch.equal(stored.codec.encode(heard).long(), symbols)
    assert int(stored.codec.encode(torch.ones(1))) == 255
    assert heard.abs().max() <= 1


def test_rounding_stops_no_draw():
    model = network().to(torch.bfloat16)
    for temperature in (1.0, 1e-3):
        draws = sample(model, 4, length=200, temperature=temperature, generator=chance())
        assert draws.symbols.shape == (4, 200)


def test_a_stream_that_is_left_half_way_leaves_nothing_behind():
    model = network()
    before = stream(model, length=30, piece=10, generator=chance())
    left = stream(model, length=30, piece=10, generator=chance(1))
    next(left.pieces)
    pieces = [next(before.pieces)]
    next(left.pieces)
    pieces += list(before.pieces)
    again = stream(model, length=30, piece=30, generator=chance())
    assert torch.equal(torch.cat(pieces), next(again.pieces))


def test_a_bad_path_is_an_error_at_once_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder"):
        audio_folder(tmp_path / "nowhere", labels=unlabelled(), split=ALL_TRAIN)
    (tmp_path / "bad.wav").write_bytes(os.urandom(100))
    with pytest.raises(ValueError, match=r"bad\.wav: needs a sound file"):
        audio_folder(tmp_path, labels=unlabelled(), split=ALL_TRAIN)


def test_every_file_is_in_one_part_of_its_own_speaker(tmp_path):
    for number in range(40):
        path = tmp_path / ("ann", "bob")[number % 2] / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        noise = np.random.default_rng(number).uniform(-0.5, 0.5, 20)
        soundfile.write(path, noise, RATE)
    corpus = audio_folder(tmp_path, labels=from_parent("speaker"), split=Split(0.3, 0.3))
    names = {part: set(sequences.names) for part, sequences in corpus.parts.items()}
    assert sum(len(part) for part in names.values()) == len(set().union(*names.values())) == 40
    for sequences in corpus.parts.values():
        for name, index in zip(sequences.names, sequences.condition.tolist(), strict=True):
            assert corpus.space.describe(index)["speaker"] == re.split("/", name)[0]
    assert all({name.split("/")[0] for name in part} == {"ann", "bob"} for part in names.values())


def test_a_label_is_a_name_even_if_it_looks_like_a_number():
    space = ConditionSpace({"speaker": ("10", "2", "007")})
    assert [space.code("speaker", label) for label in ("10", "2", "007")] == [0, 1, 2]
    assert space.code("speaker", 2) == 1
    with pytest.raises(ValueError, match="knows no speaker '7'"):
        space.code("speaker", 7)


def _lists(value):
    """Return all lists within plain data."""
    if isinstance(value, dict):
        return [found for one in value.values() for found in _lists(one)]
    if isinstance(value, list):
        return [value, *(found for one in value for found in _lists(one))]
    return []
