"""Preconditioning and losses: what the network is asked for, and that it learns it."""

import pytest
import torch

from hsing.latent.config import LatentConfig
from hsing.latent.precondition import LatentGenerator

CONFIG = LatentConfig(latent_dim=2, condition_channels=4, channels=16, n_blocks=1, kernel=3)


def generator():
    torch.manual_seed(0)
    return LatentGenerator(CONFIG)


def data(batch=16, n_frames=64):
    """h tells the prior's mean; the residual has deviations of 0.3 and 1.5."""
    random = torch.Generator().manual_seed(5)
    h = torch.randn(batch, n_frames, 4, generator=random)
    mean = h[..., :2]
    noise = torch.randn(batch, n_frames, 2, generator=random)
    return mean + noise * torch.tensor([0.3, 1.5]), mean, h


def test_normalised_and_back():
    made = generator()
    made.mean.copy_(torch.tensor([1.0, -2.0]))
    made.std.copy_(torch.tensor([0.5, 4.0]))
    z = torch.tensor([[[1.5, 2.0]]])
    assert made.normalise(z).tolist() == [[[1.0, 1.0]]]
    assert torch.equal(made.denormalise(made.normalise(z)), z)


def test_the_fresh_network_answers_0_which_is_best_for_standard_residuals():
    """For x₀ ~ N(0, 1) the posterior mean is α x_t: nothing is left for the network to say."""
    made = generator().eval()
    x, mean, h = torch.randn(2, 9, 2), torch.randn(2, 9, 2), torch.randn(2, 9, 4)
    for t in (0.05, 0.5, 1.0):
        t = torch.tensor(t, dtype=torch.float64)
        alpha = float(made.schedule.alpha_sigma(t)[0])
        assert torch.allclose(made.denoise(mean, h)(x, t), alpha * x)


def test_the_target_of_the_network_has_unit_variance_at_every_time():
    """So a network that answers 0 has a loss of 1, whatever the residual's own scale."""
    made = generator().eval()
    target, mean, h = data(256)
    made.scale.copy_(torch.tensor([0.3, 1.5]))
    losses = made.losses(target, mean, h)
    assert float(losses["diffusion/score"].detach()) == pytest.approx(1.0, abs=0.03)
    made.scale.fill_(1.0)
    assert abs(float(made.losses(target, mean, h)["diffusion/score"].detach()) - 1.0) > 0.06


def test_the_likelihood_in_closed_form_and_the_weights():
    made = generator().eval()
    target = torch.tensor([[[1.0, 3.0], [0.0, 0.0]]])
    zeros, h = torch.zeros_like(target), torch.zeros(1, 2, 4)
    assert float(made.losses(target, zeros, h)["prior/nll"]) == pytest.approx(10 / 8)
    first = torch.tensor([[[1.0], [0.0]]])
    assert float(made.losses(target, zeros, h, first)["prior/nll"]) == pytest.approx(10 / 4)
    nothing = made.losses(target, zeros, h, 0 * first)
    assert all(float(loss.detach()) == 0 for loss in nothing.values())


def test_each_loss_moves_what_it_should():
    made = generator()
    torch.nn.init.normal_(made.denoiser.leave.weight)
    target, mean, h = data(2)
    mean, h = mean.clone().requires_grad_(), h.clone().requires_grad_()
    losses = made.losses(target, mean, h)
    by_nll = torch.autograd.grad(losses["prior/nll"], mean, retain_graph=True)[0]
    assert torch.allclose(by_nll, (mean - target).detach() / mean.numel(), atol=1e-7)
    by_score = torch.autograd.grad(losses["diffusion/score"], (mean, h), allow_unused=True)
    assert by_score[0] is None and by_score[1].abs().max() > 0


def test_the_residuals_scale_is_tracked_in_training_alone():
    made = generator()
    target, mean, h = data()
    made.eval().losses(target, mean, h)
    assert made.scale.tolist() == [1.0, 1.0]
    made.train()
    target, mean, h = target[:2, :8], mean[:2, :8], h[:2, :8]
    for _ in range(100):
        made.losses(target, mean, h)
    left, power = 0.99**100, (target - mean).square().mean(dim=(0, 1))
    assert torch.allclose(made.scale, (left + (1 - left) * power).sqrt(), rtol=1e-4)


def test_the_scale_has_a_floor():
    made = generator()
    _, mean, h = data(1, 2)
    for _ in range(1000):
        made.losses(mean, mean, h)
    assert made.scale.tolist() == pytest.approx([0.02, 0.02])


def test_the_losses_fall():
    """The residual is a function of h: a network can learn to predict it."""
    made = generator()
    random = torch.Generator().manual_seed(1)
    h = torch.randn(8, 32, 4, generator=random)
    target = torch.tanh(2 * h[..., 2:])
    prior = torch.nn.Linear(1, 2)
    optimizer = torch.optim.AdamW([*made.parameters(), *prior.parameters()], 1e-2)
    history = []
    for step in range(150):
        torch.manual_seed(step)
        losses = made.losses(target, prior(h[..., :1]), h)
        sum(losses.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        history.append({name: float(loss.detach()) for name, loss in losses.items()})
    first, last = history[0], history[-1]
    assert last["diffusion/score"] < 0.4 * first["diffusion/score"]
    assert last["prior/nll"] < first["prior/nll"]
    # what was learnt is what the samplers ask for: the clean residual
    made.eval()
    with torch.no_grad():
        mean = prior(h[..., :1])
        clean = (target - mean) / made.scale
        time = made.schedule.time_of_log_snr(torch.tensor(0.0, dtype=torch.float64))
        alpha, sigma = (float(v) for v in made.schedule.alpha_sigma(time))
        noisy = alpha * clean + sigma * torch.randn(clean.shape, generator=random)
        error = (made.denoise(mean, h)(noisy, time) - clean).square().mean()
    # without the condition, half of the variance would remain
    assert float(error / clean.square().mean()) < 0.25
