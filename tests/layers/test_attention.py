"""Relative attention against the definition, written out; what padding and distance may not do."""

import pytest
import torch

from hsing.layers.attention import FFTBlock, FFTStack, RelativeAttention

REACH = 3


def made(model):
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture
def attention():
    torch.manual_seed(1)
    return made(RelativeAttention(8, 2, REACH))


def naive(attention, x, mask):
    """Shaw et al. 2018, Eqs. 3–4: every pair of tokens, one head and one query at a time."""
    n_tokens, channels = x.shape
    width = channels // attention.n_heads
    query, key, value = attention.query_key_value(x).chunk(3, dim=-1)
    out = torch.zeros(n_tokens, channels)
    for head in range(attention.n_heads):
        own = slice(head * width, (head + 1) * width)
        for i in range(n_tokens):
            js = [j for j in range(n_tokens) if abs(j - i) <= REACH and (mask[j] or i == j)]
            offsets = [j - i + REACH for j in js]
            keys = key[js][:, own] + attention.relative_key[head, offsets]
            values = value[js][:, own] + attention.relative_value[head, offsets]
            weights = (keys @ query[i, own] / width**0.5).softmax(dim=0)
            out[i, own] = weights @ values
    return attention.out(out)


def test_it_is_the_definition(attention):
    x = torch.randn(2, 11, 8)
    mask = torch.ones(2, 11, dtype=torch.bool)
    mask[1, 7:] = False
    output = attention(x, mask)
    for row in range(2):
        expected = naive(attention, x[row], mask[row])
        assert torch.allclose(output[row][mask[row]], expected[mask[row]], atol=1e-5)


def test_one_token_alone_is_finite(attention):
    assert torch.isfinite(attention(torch.randn(1, 1, 8), torch.ones(1, 1, dtype=torch.bool))).all()


def stack(n_blocks=2):
    return made(FFTStack(8, n_blocks, n_heads=2, kernel=3, reach=REACH, dropout=0.5))


def test_what_stands_in_the_padding_changes_nothing():
    model, x = stack(), torch.randn(1, 9, 8)
    padded = torch.cat([x, 100 * torch.randn(1, 4, 8)], dim=1)
    mask = torch.arange(13)[None] < 9
    together = model(padded, mask)
    assert torch.allclose(together[:, :9], model(x, mask[:, :9]), atol=1e-5)
    assert (together[:, 9:] == 0).all()


def test_a_change_beyond_the_reach_leaves_an_output_exactly_as_it_was():
    model, x = stack(), torch.randn(1, 40, 8)
    mask = torch.ones(1, 40, dtype=torch.bool)
    changed = x.clone()
    changed[0, 20] += 3.0 * torch.randn(8)
    moved = (model(x, mask) - model(changed, mask)).abs().amax(dim=-1)[0]
    reach = 2 * (REACH + 1)  # of each block: attention, and a convolution of 3
    assert (moved[: 20 - reach] == 0).all() and (moved[20 + reach + 1 :] == 0).all()
    assert moved[20 - reach] > 0 and moved[20 + reach] > 0


def test_blocks_do_not_share_weights():
    def count(n_blocks):
        return sum(p.numel() for p in stack(n_blocks).parameters())

    block = FFTBlock(8, n_heads=2, kernel=3, reach=REACH, dropout=0.0)
    assert count(3) - count(2) == sum(p.numel() for p in block.parameters())
