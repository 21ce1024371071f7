import pytest
import torch

from autoreg.models import stored
from autoreg.models.wavenet import WaveNet

PARAMETERS = {
    "num_symbols": 3,
    "conditions": [2],
    "residual": 4,
    "gate": None,
    "skip": 4,
    "hidden": 4,
    "kernel_size": 2,
    "dilations": [1, 2],
    "input_kernel": 2,
    "condition_width": 4,
    "num_features": 0,
    "dropout": 0.0,
}


def wavenet(**changes):
    """Return a WaveNet whose parameters are all random."""
    generator = torch.Generator().manual_seed(1)
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(**{**PARAMETERS, **changes})
    for parameter in model.parameters():
        parameter.data.normal_(generator=generator)
    if count := changes.get("num_features"):
        model = model.with_features(torch.randn(2, 5, count, generator=generator))
    return model


def rebuild(tensors, length=None, **changes):
    description = {"kind": "wavenet", "parameters": {**PARAMETERS, **changes}}
    return stored.rebuild(description, tensors, length=length)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"conditions": []},
        {"num_features": 3, "gate": 5},
        {"mixtures": 2, "scalar": True, "input_kernel": 3},
    ],
)
def test_a_rebuilt_model_computes_the_same_bits(changes):
    model = wavenet(**changes)
    copy = stored.rebuild(stored.describe(model), model.state_dict())
    symbols, condition = torch.tensor([[0, 2, 1, 1]]), torch.tensor([model.num_conditions - 1])
    assert torch.equal(copy.log_probs(symbols, condition), model.log_probs(symbols, condition))
    assert copy.config() == model.config()
    assert copy.order == model.order
    assert copy.length == model.length
    assert all(parameter.requires_grad for parameter in copy.parameters())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_rebuilt_model_has_the_type_of_its_tensors(dtype):
    model = wavenet().to(dtype)
    copy = rebuild(model.state_dict())
    assert {tensor.dtype for tensor in copy.state_dict().values()} == {dtype}


def test_a_description_from_before_there_were_levels_means_none():
    copy = rebuild(wavenet().state_dict())
    assert (copy.config()["mixtures"], copy.config()["scalar"]) == (0, False)
    with pytest.raises(ValueError, match="changed     embedding"):
        rebuild(wavenet().state_dict(), scalar=True)


def test_rebuilding_leaves_the_tensors_as_they_were():
    tensors = wavenet().state_dict()
    tensors["embedding.weight"] = tensors["embedding.weight"].double()
    copy = rebuild(tensors)
    assert {tensor.dtype for tensor in copy.state_dict().values()} == {torch.float64}
    assert tensors["stack.skip.bias"].dtype == torch.float32


def test_every_difference_of_the_tensors_is_shown():
    tensors = wavenet().state_dict()
    del tensors["stack.output.bias"]
    tensors["stack.layers.7.bias"] = torch.zeros(8)
    tensors["embedding.weight"] = torch.zeros(257, 4)
    tensors["stack.skip.bias"] = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ValueError, match="not this model's:\n") as refused:
        rebuild(tensors)
    assert str(refused.value).splitlines()[1:] == [
        "  missing     stack.output.bias (3,) float32",
        "  unexpected  stack.layers.7.bias (8,) float32",
        "  changed     embedding.weight (4, 4) float32 is (257, 4) float32",
        "  changed     stack.skip.bias (4,) float32 is (4,) int64",
    ]


def test_a_long_difference_is_cut_short():
    with pytest.raises(ValueError, match=r"\n  \.\.\. and \d+ more$") as refused:
        rebuild(wavenet().state_dict(), hidden=5, residual=8, skip=7, condition_width=1)
    assert len(str(refused.value).splitlines()) == 14


def test_missing_and_foreign_features_are_shown():
    tensors = wavenet(num_features=3).state_dict()
    with pytest.raises(ValueError, match=r"unexpected  features \(2, 5, 3\)"):
        rebuild(tensors)
    tensors["features"] = torch.zeros(2, 5, 4)
    with pytest.raises(ValueError, match=r"features \(2, 5, 3\) float32 is \(2, 5, 4\)"):
        rebuild(tensors, num_features=3)
    tensors["features"] = torch.zeros(5)
    with pytest.raises(ValueError, match=r"features \(1, 7, 3\) float32 is \(5,\)"):
        rebuild(tensors, num_features=3, length=7)
    del tensors["features"]
    with pytest.raises(ValueError, match=r"missing     features \(1, 7, 3\)"):
        rebuild(tensors, num_features=3, length=7)


def test_features_at_a_hop_are_neither_described_nor_taken():
    model = wavenet(num_features=3, hop=2)
    with pytest.raises(ValueError, match="the model that with_features was asked of"):
        stored.describe(model)
    with pytest.raises(ValueError, match=r"unexpected  features \(2, 5, 3\)"):
        rebuild(model.state_dict(), num_features=3, hop=2)
    weights = {name: one for name, one in model.state_dict().items() if name != "features"}
    assert rebuild(weights, num_features=3, hop=2).features is None


@pytest.mark.parametrize("levels", [{"scalar": True}, {"mixtures": 2}])
def test_levels_are_not_rebuilt_from_tensors_that_cannot_tell_them_apart(levels):
    with pytest.raises(ValueError, match=r"needs dtype float32 or float64.*got bfloat16"):
        rebuild(wavenet(**levels).to(torch.bfloat16).state_dict(), **levels)


def test_sizes_that_nothing_could_hold_are_refused_without_being_tried():
    with pytest.raises(ValueError, match=r"embedding.weight \(4, 10000000\) float32 is \(4, 4\)"):
        rebuild(wavenet().state_dict(), residual=10**7)  # would be 800 TB
    with pytest.raises(ValueError, match=r"dilations has 1,000,000 entries for \d\d tensors"):
        rebuild(wavenet().state_dict(), dilations=[1] * 10**6)


def test_tensors_that_are_not_finite_are_named_and_counted():
    tensors = wavenet().state_dict()
    tensors["stack.skip.bias"] = torch.tensor([0.0, float("nan"), float("inf"), 1.0])
    with pytest.raises(ValueError, match=r"2 of the 4 values of stack\.skip\.bias are not finite"):
        rebuild(tensors)


def test_unknown_kinds_and_parameters_are_named():
    tensors = wavenet().state_dict()
    with pytest.raises(ValueError, match=r"needs to be of kind wavenet; got 'os\.system'"):
        stored.rebuild({"kind": "os.system", "parameters": {}}, tensors)
    with pytest.raises(ValueError, match="unexpected  num_heads"):
        rebuild(tensors, num_heads=2)
    with pytest.raises(ValueError, match="missing     dilations"):
        stored.rebuild({"kind": "wavenet", "parameters": {"num_symbols": 3}}, tensors)


def test_a_model_without_a_name_on_disk_is_refused():
    class Another(WaveNet):
        pass

    with torch.random.fork_rng(devices=[]), pytest.raises(TypeError, match="got Another"):
        stored.describe(Another(2, dilations=[1]))


def test_a_model_whose_config_does_not_describe_it_is_refused():
    model = wavenet().with_conditions(torch.zeros(5, 4))
    with pytest.raises(ValueError, match=r"unexpected  conditions\.vectors \(5, 4\)"):
        stored.rebuild(stored.describe(model), model.state_dict())


def scanned():
    model = wavenet(num_features=3, conditions=[2, 2])
    return model.with_features(model.features, rows=torch.tensor([0, 1, 1, 0]))


def test_a_rebuilt_model_knows_which_row_of_features_each_condition_has():
    model = scanned()
    copy = stored.rebuild(stored.describe(model), model.state_dict())
    assert torch.equal(copy.rows, model.rows)
    assert copy.start(torch.arange(4)).memory[2].tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("rows", [[0, 1, 1, 2], [0, -1, 1, 0]])
def test_rows_that_a_bank_does_not_have_are_refused(rows):
    model = scanned()
    forged = {**model.state_dict(), "rows": torch.tensor(rows)}
    with pytest.raises(ValueError, match=r"rows needs indices 0\.\.1"):
        stored.rebuild(stored.describe(model), forged)


def test_rows_of_another_number_of_conditions_are_shown():
    model = scanned()
    forged = {**model.state_dict(), "rows": torch.tensor([0, 1])}
    with pytest.raises(ValueError, match=r"changed     rows \(4,\) int64 is \(2,\) int64"):
        stored.rebuild(stored.describe(model), forged)
