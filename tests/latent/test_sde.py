"""The noise schedule in closed form."""

import numpy as np
import pytest
import torch

from hsing.latent.sde import NoiseSchedule

SCHEDULE = NoiseSchedule()
T = torch.linspace(0.001, 1.0, 50, dtype=torch.float64)


def test_beta_is_the_papers():
    assert SCHEDULE.beta(torch.tensor([0.0, 0.5, 1.0])).tolist() == pytest.approx(
        [0.05, 10.025, 20]
    )


def test_the_integral_is_that_of_beta():
    for t in (0.1, 0.5, 1.0):
        grid = torch.linspace(0.0, t, 2001, dtype=torch.float64)
        numeric = float(torch.trapezoid(SCHEDULE.beta(grid), grid))
        assert float(SCHEDULE.integral(torch.tensor(t))) == pytest.approx(numeric, rel=1e-6)


def test_variance_is_preserved_and_the_end_is_noise():
    alpha, sigma = SCHEDULE.alpha_sigma(T)
    assert torch.allclose(alpha**2 + sigma**2, torch.ones_like(T))
    assert (alpha.diff() < 0).all() and (sigma.diff() > 0).all()
    assert alpha[-1] < 0.01
    clean, noisy = SCHEDULE.alpha_sigma(torch.zeros((), dtype=torch.float64))
    assert (clean, noisy) == (1, 0)


def test_the_marginal_is_what_the_sde_walks_to():
    """Euler–Maruyama through dx = −½ x β dt + √β dW, from x₀ = 2."""
    generator = torch.Generator().manual_seed(0)
    n_steps, n_paths, end = 400, 20_000, 0.4
    x = torch.full((n_paths,), 2.0, dtype=torch.float64)
    for k in range(n_steps):
        dt = end / n_steps
        beta = SCHEDULE.beta(torch.tensor((k + 0.5) * dt))
        fresh = torch.randn(n_paths, generator=generator, dtype=torch.float64)
        x = x - 0.5 * x * beta * dt + (beta * dt).sqrt() * fresh
    alpha, sigma = (float(v) for v in SCHEDULE.alpha_sigma(torch.tensor(end)))
    assert float(x.mean()) == pytest.approx(2 * alpha, abs=0.02)
    assert float(x.std()) == pytest.approx(sigma, rel=0.02)


def test_log_snr_falls_and_is_inverted():
    log_snr = SCHEDULE.log_snr(T)
    assert (log_snr.diff() < 0).all()
    assert torch.allclose(SCHEDULE.time_of_log_snr(log_snr), T, atol=1e-9)
    alpha, sigma = SCHEDULE.alpha_sigma(T)
    assert torch.allclose(log_snr, torch.log(alpha) - torch.log(sigma))


@pytest.mark.parametrize("n_steps", [1, 2, 3, 8, 50])
def test_times_go_from_1_to_0_in_n_steps(n_steps):
    times = SCHEDULE.times(n_steps)
    assert len(times) == n_steps + 1 and times.dtype == torch.float64
    assert (times[0], times[-1]) == (1, 0) and (times.diff() < 0).all()


def test_times_are_even_in_log_snr_between_the_ends():
    log_snr = SCHEDULE.log_snr(SCHEDULE.times(12, last_log_snr=4.0))[1:-1].numpy()
    assert np.ptp(np.diff(log_snr)) < 1e-6
    assert log_snr[[0, -1]] == pytest.approx([-2.5, 4.0])
