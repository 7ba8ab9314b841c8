"""ConvNeXt blocks: reach, residual path, modulation."""

import pytest
import torch

from hsing.layers.conv import ConvNeXtBlock, ConvNeXtStack


def moved_by_a_change(model, n_in, n_frames=80, at=40):
    x = torch.randn(1, n_frames, n_in)
    changed = x.clone()
    changed[0, at] += 3.0
    with torch.no_grad():
        return (model(x) - model(changed)).abs().amax(dim=-1)[0].nonzero().flatten()


@pytest.mark.parametrize(("kernel", "n_blocks"), [(7, 3), (3, 1)])
def test_the_stack_reaches_exactly_as_far_as_it_says(kernel, n_blocks):
    torch.manual_seed(0)
    model = ConvNeXtStack(4, 8, n_blocks, kernel=kernel).eval()
    moved = moved_by_a_change(model, 4)
    assert (moved[0], moved[-1]) == (40 - model.reach_frames, 40 + model.reach_frames)


def test_without_its_gain_a_block_is_the_identity():
    block = ConvNeXtBlock(4)
    x = torch.randn(2, 9, 4)
    assert not torch.equal(block(x), x)
    torch.nn.init.zeros_(block.gain)
    assert torch.equal(block(x), x)


def test_modulation_scales_and_shifts_after_the_norm():
    torch.manual_seed(0)
    block, x = ConvNeXtBlock(4), torch.randn(2, 9, 4)
    nothing = torch.zeros(2, 1, 4)
    assert torch.equal(block(x, (nothing, nothing)), block(x))
    # scaled to nothing, every frame is told the shift alone
    shifted = block(x, (nothing - 1.0, nothing + 0.7)) - x
    assert torch.allclose(shifted, shifted[:1, :1].expand_as(shifted), atol=1e-6)
    assert shifted.abs().max() > 0


def test_a_batch_is_as_one_by_one():
    torch.manual_seed(0)
    model, x = ConvNeXtStack(4, 8, 2).eval(), torch.randn(3, 20, 4)
    for row, clip in zip(model(x), x):
        assert torch.allclose(row, model(clip[None])[0], atol=1e-6)
