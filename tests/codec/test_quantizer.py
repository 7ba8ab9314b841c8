"""The residual quantiser: planted codes, gradients, dropout, dead codes."""

import torch

from hsing.codec.quantizer import ResidualQuantizer


def trained(n_books=4, size=16, dim=3, n=2000) -> tuple[ResidualQuantizer, torch.Tensor]:
    latents = torch.randn(n, dim, generator=torch.Generator().manual_seed(1))
    quantizer = ResidualQuantizer(n_books, size, dim)
    quantizer.initialise(latents)
    return quantizer.eval(), latents


def test_passes_through_until_initialised():
    latent = torch.randn(2, 5, 3)
    quantised, loss = ResidualQuantizer(4, 16, 3)(latent)
    assert torch.equal(quantised, latent) and loss == 0


def test_more_books_copy_better():
    quantizer, latents = trained()
    errors = [
        (quantizer(latents[None], books)[0] - latents).square().mean().item() for books in (1, 2, 4)
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_codes_decode_to_what_forward_gives():
    quantizer, latents = trained()
    clip = latents[:50].view(2, 25, 3)
    decoded = quantizer.decode(quantizer.encode(clip, 3))
    assert torch.allclose(decoded, quantizer(clip, 3)[0], atol=1e-5)


def test_finds_planted_codes():
    quantizer = ResidualQuantizer(2, 4, 2).eval()
    quantizer.codebooks[0] = torch.tensor([[10.0, 0], [-10, 0], [0, 10], [0, -10]])
    quantizer.codebooks[1] = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    quantizer.ready.fill_(1)
    codes = quantizer.encode(torch.tensor([[[0.0, 9.0], [-10.0, 1.0]]]))
    assert codes.tolist() == [[[2, 1], [3, 2]]]


def test_gradient_passes_straight_through():
    quantizer, latents = trained()
    latent = latents[None, :20].clone().requires_grad_()
    quantizer(latent)[0].sum().backward()
    assert torch.equal(latent.grad, torch.ones_like(latent))


def test_commitment_is_equation_3():
    quantizer, latents = trained(n_books=2)
    clip = latents[None, :30]
    first = quantizer.decode(quantizer.encode(clip, 1))
    second = quantizer.decode(quantizer.encode(clip, 2))
    by_hand = (clip - first).square().sum(-1).mean() + (clip - second).square().sum(-1).mean()
    assert torch.allclose(quantizer(clip)[1], by_hand, rtol=1e-4)


def test_books_per_clip_equal_books_one_by_one():
    quantizer, latents = trained()
    clips = latents[:40].view(2, 20, 3)
    both = quantizer(clips, torch.tensor([1, 3]))[0]
    assert torch.allclose(both[0], quantizer(clips[:1], 1)[0][0], atol=1e-6)
    assert torch.allclose(both[1], quantizer(clips[1:], 3)[0][0], atol=1e-6)


def test_dead_codes_are_restarted_and_the_books_follow_the_data():
    torch.manual_seed(0)
    quantizer, latents = trained(n_books=1)
    quantizer.codebooks[0, :8] = 100.0  # nothing is near them
    quantizer.train()
    for _ in range(600):
        quantizer(latents[None, torch.randint(len(latents), (200,))])
    assert quantizer.codebooks[0].abs().max() < 10
    assert (quantizer.eval()(latents[None])[0] - latents).square().mean() < 0.35
