import pytest
import torch

from autoreg.training.precision import multiplies_in

CPU, CUDA, OTHER = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@pytest.mark.parametrize("device", [CPU, CUDA, OTHER])
def test_a_named_precision_is_taken_everywhere(device):
    assert multiplies_in("float32", device) == torch.float32
    assert multiplies_in("bfloat16", device) == torch.bfloat16


@pytest.mark.parametrize("has", [True, False])
def test_auto_is_bfloat16_where_there_are_matrix_units(monkeypatch, has):
    wanted = torch.bfloat16 if has else torch.float32
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has)
    assert multiplies_in("auto", CPU) == multiplies_in("auto", CUDA) == wanted
    assert multiplies_in("auto", OTHER) == torch.float32


def test_auto_is_float32_on_a_cpu_that_torch_knows_nothing_of(monkeypatch):
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert multiplies_in("auto", CPU) == torch.float32
