import pytest
import torch

from autoreg.models.heads import Categorical
from autoreg.models.logistics import LogisticMixture
from autoreg.walks import rows


def parameters(head):
    width = getattr(head, "num_parameters", head.num_symbols)
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("head", [Categorical(7), Categorical(6000), LogisticMixture(6000, 2)])
def test_a_row_is_the_probability_of_each_symbol_in_little_memory(head):
    params, every, largest = parameters(head), torch.arange(head.num_symbols), 0
    wanted = [head.log_prob(params[0], symbol) for symbol in every[::500]]

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.numel():
                largest = max(largest, result.untyped_storage().nbytes())
            return result

    with Watch():
        found = rows.log_row(head, params)
    assert (found.shape, found.dtype) == ((1, head.num_symbols), torch.float64)
    assert float(found.logsumexp(1)) == pytest.approx(0, abs=1e-9)
    torch.testing.assert_close(found[0, ::500], torch.stack(wanted), rtol=1e-12, atol=0)
    assert largest <= 100 * head.num_symbols


def test_a_head_that_writes_out_rows_for_itself_is_asked_in_pieces(monkeypatch):
    class Bare:
        num_symbols = 5000
        asked = ()

        def log_prob(self, params, symbols):
            self.asked += (len(symbols),)
            return Categorical(5000).log_prob(params, symbols)

    monkeypatch.setattr(rows, "ENTRIES", 5000 * 1000)
    head, params = Bare(), parameters(Categorical(5000))
    found = rows.log_row(head, params)
    torch.testing.assert_close(found, params.log_softmax(-1), rtol=1e-12, atol=0)
    assert head.asked == (1000,) * 5
