"""Samplers on a target whose denoiser is known exactly, and the door that leads to them."""

import pytest
import torch

from hsing.errors import InputError
from hsing.latent.config import LatentConfig
from hsing.latent.precondition import LatentGenerator
from hsing.latent.samplers import SAMPLERS, _in_windows, sample
from hsing.latent.sde import NoiseSchedule

SCHEDULE = NoiseSchedule()
MEAN, STD, N = 0.7, 0.4, 40_000


def exact(x, t):
    """E[x₀ | x_t] for x₀ ~ N(MEAN, STD²)."""
    alpha, sigma = (float(v) for v in SCHEDULE.alpha_sigma(t))
    gain = alpha * STD**2 / (alpha**2 * STD**2 + sigma**2)
    return MEAN + gain * (x - alpha * MEAN)


def drawn(name, n_steps, *, even=False, last_log_snr=3.0):
    generator = torch.Generator().manual_seed(0)

    def noise(x):
        return torch.randn(x.shape, generator=generator, dtype=x.dtype)

    times = SCHEDULE.times(n_steps, last_log_snr=last_log_snr)
    if even:
        times = torch.linspace(1, 0, n_steps + 1, dtype=torch.float64)
    start = noise(torch.zeros(N, dtype=torch.float64))
    return start, SAMPLERS[name](exact, start, times, SCHEDULE, noise)


@pytest.mark.parametrize(
    ("name", "n_steps", "even", "tolerance"),
    [
        ("second-order", 30, False, 0.01),
        ("probability-flow", 200, False, 0.01),
        ("reverse-sde", 100, False, 0.02),
        ("euler-maruyama", 1500, True, 0.02),
    ],
)
def test_each_draws_from_the_target(name, n_steps, even, tolerance):
    x = drawn(name, n_steps, even=even)[1]
    assert float(x.mean()) == pytest.approx(MEAN, abs=tolerance)
    assert float(x.std()) == pytest.approx(STD, abs=tolerance)
    assert float((((x - x.mean()) / x.std()) ** 4).mean()) == pytest.approx(3.0, abs=0.12)


def ode_error(name, n_steps, **grid):
    """Distance from the exact flow, which maps the start's quantiles to the target's."""
    start, x = drawn(name, n_steps, **grid)
    alpha, sigma = (float(v) for v in SCHEDULE.alpha_sigma(torch.tensor(1.0)))
    spread = (alpha**2 * STD**2 + sigma**2) ** 0.5
    truth = MEAN + STD * (start - alpha * MEAN) / spread
    return float((x - truth).abs().mean())


@pytest.mark.parametrize("n_steps", [6, 10, 20])
def test_second_order_beats_first_order_at_the_same_cost(n_steps):
    assert ode_error("second-order", n_steps) < 0.6 * ode_error("probability-flow", n_steps)


def test_both_odes_converge_at_their_order():
    """Apart from the last step, which goes to 0 at once: far from the noise it does no harm."""
    for name, power in (("second-order", 1.8), ("probability-flow", 0.9)):
        coarse, fine = (ode_error(name, n, last_log_snr=6.0) for n in (20, 80))
        assert fine < coarse / 4**power
    assert ode_error("second-order", 8) < 0.005


def test_one_noisy_step_is_the_exact_bridge():
    """From x_t = 1 with D = ½ the bridge to s has the mean and variance of Gaussian conditioning."""
    now, then = torch.tensor(0.5, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
    alpha, sigma = (float(v) for v in SCHEDULE.alpha_sigma(now))
    alpha_s, sigma_s = (float(v) for v in SCHEDULE.alpha_sigma(then))
    generator = torch.Generator().manual_seed(0)
    ones = torch.ones(N, dtype=torch.float64)
    x = SAMPLERS["reverse-sde"](
        lambda x, t: torch.full_like(x, 0.5),
        ones,
        torch.stack([now, then]),
        SCHEDULE,
        lambda x: torch.randn(x.shape, generator=generator, dtype=x.dtype),
    )
    # x_s = α_s/2 + σ_s e₁, x_t = (α/α_s) x_s + …: a pair of Gaussians, one of them seen
    covariance = alpha / alpha_s * sigma_s**2
    expected = alpha_s / 2 + covariance / sigma**2 * (1 - alpha / 2)
    assert float(x.mean()) == pytest.approx(expected, abs=0.01)
    assert float(x.var()) == pytest.approx(sigma_s**2 - covariance**2 / sigma**2, rel=0.03)


# --- the door ------------------------------------------------------------------------------------

CONFIG = LatentConfig(latent_dim=3, condition_channels=4, channels=8, n_blocks=2, kernel=3)


@pytest.fixture
def generator():
    torch.manual_seed(0)
    made = LatentGenerator(CONFIG).eval()
    torch.nn.init.normal_(made.denoiser.leave.weight, std=0.3)
    made.scale.copy_(torch.tensor([0.5, 1.0, 2.0]))
    return made


def given(n_frames=50):
    random = torch.Generator().manual_seed(3)
    return (
        torch.randn(1, n_frames, 3, generator=random),
        torch.randn(1, n_frames, 4, generator=random),
    )


def draw(generator, **options):
    settings = {"n_steps": 6, "temperature": 1.0, "seed": 0, **options}
    return sample(generator, *given(), **settings)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_seed_gives_the_same_samples_and_another_others(generator, name):
    first, again = (draw(generator, sampler=name) for _ in range(2))
    assert torch.equal(first, again) and torch.isfinite(first).all()
    assert (draw(generator, sampler=name, seed=1) - first).abs().mean() > 0.05


@pytest.mark.parametrize("name", SAMPLERS)
def test_windows_equal_the_whole(generator, name):
    whole = draw(generator, sampler=name, window_frames=1000)
    for size in (7, 25, 49):
        windows = draw(generator, sampler=name, window_frames=size)
        assert torch.allclose(windows, whole, atol=1e-5)


def test_a_window_without_its_reach_would_leave_a_seam(generator):
    """The reach is needed: one frame less on each side changes the answer."""
    mean, h = given()
    x, t = torch.randn(1, 50, 3), torch.tensor(0.3, dtype=torch.float64)
    with torch.no_grad():
        whole = _in_windows(generator, x, t, mean, h, 1000)
        assert generator.denoiser.reach_frames == 1 + 2 * 1
        generator.denoiser.reach_frames -= 1
        seamed = _in_windows(generator, x, t, mean, h, 25)
    assert (whole - seamed).abs().amax(dim=-1)[0].nonzero().flatten().tolist() == [24, 25]


def test_no_steps_give_the_priors_mean(generator):
    assert torch.equal(draw(generator, n_steps=0), given()[0])


def test_temperature_scales_the_start(generator):
    """With a network that answers 0 a deterministic sampler is linear in its start."""
    torch.nn.init.zeros_(generator.denoiser.leave.weight)
    warm = draw(generator) - given()[0]
    calm = draw(generator, temperature=4.0) - given()[0]
    assert warm.std() > 0.1
    assert torch.allclose(calm, warm / 2, atol=1e-6)


def test_the_residual_is_scaled_back(generator):
    torch.nn.init.zeros_(generator.denoiser.leave.weight)
    one = draw(generator) - given()[0]
    generator.scale.mul_(3.0)
    assert torch.allclose(draw(generator) - given()[0], 3 * one, atol=1e-5)


def test_every_step_costs_one_evaluation_and_is_reported(generator):
    calls = []
    draw(generator, n_steps=9, progress=lambda: calls.append(1))
    assert len(calls) == 9


def test_an_unknown_sampler_lists_the_known():
    with pytest.raises(InputError, match=r"no sampler is called 'ddim'; there are second-order, p"):
        draw(None, sampler="ddim")
