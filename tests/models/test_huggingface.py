"""A tiny GPT-2: what stands before the first symbol, the cache as a value, and the limits."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.models.adapters import NextSymbolLogits
from autoreg.models.huggingface import CausalLM
from autoreg.queries.likelihood import log_prob
from autoreg.queries.posterior import posterior
from autoreg.queries.sampling import complete, sample
from autoreg.scoring import log_factors
from autoreg.testing import check_sequence_model
from tests.laws.recipes import CausalLMRecipe
from tests.oracles import assert_drawn_from, every, index_of

transformers = pytest.importorskip("transformers")

# Symbols 0..3, and 4 before them.
PLAIN = CausalLMRecipe(num_symbols=4, extra=1, prompts=0, width=1, room=6, seed=0)
PROMPTS = replace(PLAIN, extra=0, prompts=3, width=2)
GPT2 = PLAIN.gpt2()
BOS = 4


def plain(**options):
    return CausalLM(GPT2, bos=BOS, **options)


def rotary():
    """Return a Mistral: relative positions, shared keys, a window of three inputs."""
    config = transformers.MistralConfig(
        vocab_size=4,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=12,
        sliding_window=3,
        initializer_range=0.7,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return transformers.MistralForCausalLM(config).double().eval()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("recipe", [PLAIN, PROMPTS], ids=["start symbol", "prompts"])
def test_a_gpt2_of_either_precision_obeys_the_laws(recipe, dtype):
    model = CausalLM(recipe.gpt2().to(dtype), bos=recipe.bos(), num_symbols=4)
    check_sequence_model(model)
    assert model.start(torch.tensor([0])).next.dtype == dtype
    assert log_factors(model, every(4, 2), torch.zeros(16).long()).dtype == torch.float64


def test_a_window_of_rotary_attention_obeys_the_laws():
    model = CausalLM(rotary(), bos=0)
    assert model.length == 12
    check_sequence_model(model, length=9)


@pytest.mark.parametrize("recipe", [PLAIN, PROMPTS], ids=["start symbol", "prompts"])
def test_the_generic_adapter_obeys_the_laws_and_agrees(recipe):
    gpt2, model = recipe.gpt2(), recipe.build()
    prompts = model.prompts

    def logits(symbols, condition=None):
        if condition is None:
            return gpt2(symbols).logits[..., :4]
        return gpt2(torch.cat([prompts[condition], symbols], 1)).logits[
            :, prompts.shape[1] - 1 : -1
        ]

    generic = NextSymbolLogits(
        logits,
        num_symbols=4,
        num_conditions=model.num_conditions,
        start=None if recipe.prompts else BOS,
        length=5,
    )
    check_sequence_model(generic)
    symbols = every(4, 4)
    condition = torch.arange(len(symbols)) % model.num_conditions
    for ask in (log_factors, lambda model, *asked: model.log_probs(*asked)):
        with torch.no_grad():
            one, other = ask(model, symbols, condition), ask(generic, symbols, condition)
        assert torch.allclose(one, other, rtol=0, atol=1e-12)


def test_factors_are_the_loss_of_transformers_with_the_start_symbol_before():
    model, symbols = CausalLM(GPT2, bos=BOS), every(5, 3)[::7]
    row = torch.cat([symbols.new_full((len(symbols), 1), BOS), symbols], 1)
    with torch.no_grad():
        # Labels are shifted inside the model: the start symbol is an input, and no label.
        loss = GPT2(row, labels=row).loss
        logits = GPT2(row).logits
        factors = log_factors(model, symbols, torch.zeros(len(symbols)).long())
    assert -float(factors.mean()) == pytest.approx(float(loss), rel=1e-6)  # it is float32
    wanted = logits.log_softmax(-1)[:, :-1].gather(-1, symbols[..., None])[..., 0]
    assert torch.allclose(factors, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("recipe", [PLAIN, PROMPTS], ids=["start symbol", "prompts"])
def test_the_mass_of_all_sequences_is_one(recipe):
    model = recipe.build()
    for index in range(model.num_conditions):
        value = log_prob(
            model, every(4, 5), given={"condition": index} if recipe.prompts else None
        )
        assert float(value.value.logsumexp(0)) == pytest.approx(0, abs=1e-10)


def test_symbols_left_out_of_the_alphabet_are_conditioned_away():
    symbols, model = every(3, 3), plain(num_symbols=3)
    whole = log_factors(plain(), symbols, torch.zeros(27).long()).detach()
    rows = plain().log_probs(symbols, torch.zeros(27).long()).detach()
    wanted = whole - rows[..., :3].logsumexp(-1)
    found = log_factors(model, symbols, torch.zeros(27).long()).detach()
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)


def test_a_posterior_over_prompts_is_bayes_rule_with_the_models_own_loss():
    model, gpt2 = PROMPTS.build(), PROMPTS.gpt2()
    space = ConditionSpace({"author": ("ann", "bob", "eve")})
    text = torch.tensor([[2, 0, 1, 1]])
    joint = []
    for prompt in PROMPTS.bos():
        row = torch.cat([torch.tensor([prompt]), text], 1)
        labels = row.clone()
        labels[:, :2] = -100  # not counted
        with torch.no_grad():
            joint.append(-4 * float(gpt2(row, labels=labels).loss))
    wanted = torch.tensor(joint, dtype=torch.float64).log_softmax(0)
    # The loss is float32, whatever the model is.
    assert torch.allclose(posterior(model, text, space).value[0], wanted, rtol=0, atol=1e-5)


def test_memory_is_position_condition_and_the_keys_and_values_of_each_layer():
    model = PROMPTS.build()
    with torch.no_grad():
        state = model.start(torch.tensor([2, 0]))
        _, state = model.read(state, torch.tensor([[1, 0, 3]] * 2))
    position, condition, *cache = state.memory
    assert position.tolist() == [3, 3]
    assert condition.tolist() == [2, 0]
    # Two layers; two heads of width 2; the prompt and three symbols.
    assert [tuple(tensor.shape) for tensor in cache] == [(2, 2, 5, 2)] * 4


def test_forks_of_a_state_do_not_disturb_it_or_each_other():
    model = plain()
    with torch.no_grad():
        _, state = model.read(model.start(torch.tensor([0, 0])), torch.tensor([[1, 2], [0, 3]]))
        before = [tensor.clone() for tensor in (state.next, *state.memory)]
        forked = state.at(torch.tensor([1, 0, 1, 1]))
        tails = torch.tensor([[0, 1], [2, 3], [3, 3], [4, 0]])
        for column in tails.unbind(1):
            forked = model.step(forked, column)
        again, _ = model.read(state.at(torch.tensor([1, 0, 1, 1])), tails)
        heads = torch.tensor([[0, 3], [1, 2], [0, 3], [0, 3]])
        wanted = log_factors(model, torch.cat([heads, tails], 1), torch.zeros(4).long())
        alone, _ = model.read(model.start(torch.tensor([0])), torch.tensor([[0, 3, 3, 3]]))
    assert torch.allclose(again, wanted[:, 2:], rtol=0, atol=1e-12)
    assert torch.allclose(wanted[2:3], alone, rtol=0, atol=1e-12)
    for kept, tensor in zip(before, (state.next, *state.memory), strict=True):
        assert torch.equal(kept, tensor)


def test_a_prompt_is_read_once_however_many_rows_follow_it():
    model, rows = PROMPTS.build(), []
    model.model.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    condition = torch.tensor([2, 0, 2, 2, 0])
    state = model.start(condition)
    assert rows == [2]
    for row, index in enumerate(condition.tolist()):
        alone = model.start(torch.tensor([index]))
        assert torch.allclose(state.next[row], alone.next[0], rtol=0, atol=1e-12)


def test_positions_limit_the_length_and_the_last_symbol_needs_none():
    model = plain()
    assert model.length == GPT2.config.n_positions == 6
    assert PROMPTS.build().length == PROMPTS.gpt2().config.n_positions - 1
    full = torch.tensor([[0, 1, 2, 3, 2, 1]])
    with torch.no_grad():
        factors, state = model.read(model.start(torch.tensor([0])), full)
        assert factors.isfinite().all()
        message = "the model knows sequences of 6 symbols; got 7"
        with pytest.raises(ValueError, match=message):
            model.step(state, torch.tensor([0]))
        with pytest.raises(ValueError, match=message):
            model.read(model.start(torch.tensor([0])), torch.zeros(1, 7).long())
    with pytest.raises(ValueError, match="the model knows sequences of 6 symbols; got 7"):
        log_prob(model, torch.zeros(1, 7).long())
    assert plain(length=3).length == 3
    for length in (0, 7):
        with pytest.raises(ValueError, match=rf"length needs to lie within 1\.\.6; got {length}"):
            plain(length=length)


def test_draws_and_completions_follow_the_law():
    count = 4_000
    model = plain(num_symbols=3)
    law = log_prob(model, every(3, 3)).value.exp()
    draws = sample(model, count, length=3, generator=torch.Generator().manual_seed(0))
    assert_drawn_from(index_of(draws.symbols, 3).bincount(minlength=27), law)
    beginning = torch.tensor([2])
    draws = complete(model, beginning, count, length=3, generator=torch.Generator().manual_seed(0))
    law = law.reshape(3, 9)[2]
    assert_drawn_from(index_of(draws.symbols[:, 1:], 3).bincount(minlength=9), law / law.sum())


def test_a_large_vocabulary_has_masses_and_draws_but_is_not_written_out():
    recipe = CausalLMRecipe(num_symbols=5_000, extra=0, prompts=0, width=1, room=3, seed=0)
    model = recipe.build()
    symbols = torch.tensor([[7, 4_998]])
    with torch.no_grad():
        params = model.start(torch.tensor([0])).next
        factors = log_factors(model, symbols, torch.tensor([0]))
    halves = torch.arange(5_000) < 2_500
    masses = model.head.log_mass(params.expand(2, -1), torch.stack([halves, ~halves]))
    assert float(masses.exp().sum()) == pytest.approx(1)
    assert float(factors[0, 0]) == pytest.approx(float(params.log_softmax(-1)[0, 7]))
    drawn = sample(model, 8, generator=torch.Generator().manual_seed(0)).symbols
    assert drawn.shape == (8, 3)
    with pytest.raises(ValueError, match=r"at most 4096 symbols; this head has 5000"):
        model.log_probs(symbols, torch.tensor([0]))


def test_a_model_that_trains_is_refused():
    gpt2 = PLAIN.gpt2()
    model = CausalLM(gpt2, bos=BOS)
    gpt2.train()
    with pytest.raises(ValueError, match=r"evaluation mode: call module\.eval\(\) first"):
        model.start(torch.tensor([0]))


def test_a_model_that_keeps_no_keys_and_values_is_refused():
    gpt2 = PLAIN.gpt2()
    model = CausalLM(gpt2, bos=BOS)
    gpt2.config.n_layer = 3  # as if the third were recurrent
    message = r"keys and values in each of its 3 layers; GPT2LMHeadModel does so in 2\. NextSymb"
    with pytest.raises(ValueError, match=message):
        model.start(torch.tensor([0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bos": 5}, r"bos needs to lie within 0\.\.4; got 5"),
        ({"bos": [[0, 1], [0, -1]]}, r"bos needs to lie within 0\.\.4; got -1"),
        ({"bos": [[0, 1], [0]]}, r"prompts of one length, at least 1; got lengths \[1, 2\]"),
        ({"bos": [[], []]}, r"got lengths \[0\]"),
        ({"bos": []}, r"got lengths \[\]"),
        ({"bos": 0, "num_symbols": 6}, r"num_symbols needs to lie within 1\.\.5; got 6"),
        ({"bos": 0, "num_symbols": 0}, r"num_symbols needs to lie within 1\.\.5; got 0"),
        ({"bos": [[0] * 7]}, r"the length of bos needs to lie within 1\.\.6; got 7"),
    ],
)
def test_start_symbols_and_alphabets_that_the_model_has_not_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CausalLM(GPT2, **options)


def test_conditions_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match=r"condition needs indices 0\.\.2; got 3"):
        PROMPTS.build().start(torch.tensor([0, 3]))


def test_importing_the_adapter_does_not_load_transformers():
    code = "import json, sys, autoreg.models.huggingface; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "transformers" not in json.loads(done.stdout)
