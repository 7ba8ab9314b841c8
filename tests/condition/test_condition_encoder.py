"""The condition encoder: windows, padding, singers, ablations."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_features import CLOCK, frames_of, long_song

from hsing.condition.config import ConditionConfig
from hsing.condition.features import tokens_of
from hsing.condition.model import ConditionEncoder, _pool, batch_of

CONFIG = ConditionConfig(
    channels=16, n_singers=3, token_blocks=2, enhanced_blocks=2, n_curves=2, n_regressed=2,
    latent_dim=5,
)  # fmt: skip


def encoder(**changes):
    torch.manual_seed(0)
    return ConditionEncoder(replace(CONFIG, **changes)).eval()


def curves_of(n_frames, seed=0):
    return np.random.default_rng(seed).normal(size=(n_frames, 2)).astype(np.float32)


def run(model, clips, curves, singers):
    with torch.no_grad():
        return model(batch_of(clips, curves, singers))


def legato(n_notes=60):
    """A song without rests: three phones to a note, two frames to a phone."""
    owners = np.repeat(np.arange(1, n_notes + 1), 6)
    midi = [0, *(50 + (7 * np.arange(n_notes)) % 23)]
    frames = frames_of([2] * (3 * n_notes), owners, midi)
    return replace(frames, phone_ids=np.arange(3 * n_notes) * 5 % 39)


def test_shapes_and_pooling():
    tokens = tokens_of(long_song(), CLOCK)
    n_frames = len(tokens.phone_of_frame)
    fine = run(encoder(), [tokens], curves_of(n_frames)[None], [0])
    coarse = run(encoder(pool=4), [tokens], curves_of(n_frames)[None], [0])
    assert fine.h.shape == (1, n_frames, 16) and fine.prior_mean.shape == (1, n_frames, 5)
    assert fine.regressed.shape == coarse.regressed.shape == (1, n_frames, 2)
    assert coarse.prior_mean.shape == (1, -(-n_frames // 4), 5)
    assert torch.allclose(coarse.h[0, 3], fine.h[0, 12:16].mean(0), atol=1e-5)


def test_pooling_holds_the_last_frame():
    pooled = _pool(torch.arange(5.0)[None, :, None], 3)
    assert pooled.flatten().tolist() == [1.0, pytest.approx((3 + 4 + 4) / 3)]


def test_a_window_equals_the_same_stretch_of_the_whole_song():
    """Given context for every block of attention and convolution, and the frames' reach."""
    model, tokens = encoder(), tokens_of(legato(), CLOCK)
    curves = curves_of(len(tokens.phone_of_frame))
    whole = run(model, [tokens], curves[None], [1])
    context = CONFIG.token_blocks * (CONFIG.token_reach + CONFIG.token_kernel // 2)
    start, end, reach = 150, 230, model.enhanced.reach_frames
    window = tokens.window(start, end, context)
    part = run(model, [window], curves[None, start:end], [1])
    inner = slice(reach, end - start - reach)
    for name in ("h", "prior_mean", "regressed"):
        ours, theirs = getattr(part, name)[0], getattr(whole, name)[0, start:end]
        assert torch.allclose(ours[inner], theirs[inner], atol=1e-5), name
    edge = (part.h[0] - whole.h[0, start:end]).abs().amax(dim=-1)
    assert edge[0] > 1e-3  # and the edge does want its margin
    less = run(model, [tokens.window(start, end, context - 3)], curves[None, start:end], [1])
    assert (less.h[0] - whole.h[0, start:end])[inner].abs().max() > 1e-6


def test_padding_changes_nothing():
    """A clip of many short tokens beside one of few long ones."""
    model = encoder()
    busy = tokens_of(legato(20), CLOCK)
    calm = tokens_of(frames_of([60, 60], [0] * 60 + [1] * 60, [0, 64]), CLOCK)
    curves = np.stack([curves_of(120), curves_of(120, 1)])
    both = run(model, [busy, calm], curves, [0, 2])
    for row, (clip, singer) in enumerate(((busy, 0), (calm, 2))):
        alone = run(model, [clip], curves[row : row + 1], [singer])
        assert torch.allclose(both.h[row], alone.h[0], atol=1e-5)
        assert torch.allclose(both.regressed[row], alone.regressed[0], atol=1e-5)


def test_the_singer_the_notes_the_words_and_the_curves_all_matter():
    model, frames = encoder(), legato(20)
    tokens, curves = tokens_of(frames, CLOCK), curves_of(120)
    base = run(model, [tokens], curves[None], [0]).h

    def moved(clip=tokens, given=curves, singer=0):
        return (run(model, [clip], given[None], [singer]).h - base).abs().amax(dim=-1)[0]

    assert moved().max() == 0
    assert moved(singer=1).min() > 1e-3
    assert moved(given=curves + 1).min() > 1e-3
    for name in ("note_midi", "note_beats64", "note_bpm", "phone_ids"):
        other = getattr(tokens, name).copy()
        other[10] += 3
        change = moved(replace(tokens, **{name: other}))
        assert 0 < (change > 1e-4).float().mean() < 0.9, name  # near the change, and there only


def test_tempo_and_length_outside_the_tables_are_held_at_their_ends():
    model, tokens = encoder(), tokens_of(legato(5), CLOCK)

    def sung(bpm, beats64, midi=60):
        clip = replace(
            tokens,
            note_bpm=np.full_like(tokens.note_bpm, bpm),
            note_beats64=np.full_like(tokens.note_beats64, beats64),
            note_midi=np.full_like(tokens.note_midi, midi),
        )
        return run(model, [clip], curves_of(30)[None], [0]).h

    assert torch.equal(sung(1000, 9999), sung(256, 256))
    assert torch.equal(sung(1, 1), sung(16, 1))
    assert torch.equal(sung(90, 1, 300), sung(90, 1, 127))


def test_neighbouring_pitches_start_out_alike_and_far_ones_do_not():
    table = encoder(channels=64).melody.pitch.weight.detach()
    near = (table[60] - table[61]).square().mean()
    far = (table[60] - table[72]).square().mean()
    assert near < 0.15 * far


def test_without_the_enhanced_encoder_frames_stand_alone():
    model, tokens = encoder(enhanced=False), tokens_of(legato(20), CLOCK)
    curves = curves_of(120)
    other = curves.copy()
    other[60] += 1.0
    moved = run(model, [tokens], curves[None], [0]).h - run(model, [tokens], other[None], [0]).h
    assert moved[0].abs().amax(dim=-1).nonzero().flatten().tolist() == [60]
    assert not any(key.startswith("enhanced") for key in model.state_dict())


def test_the_standard_prior_is_zero_and_the_rest_stays():
    tokens, curves = tokens_of(legato(5), CLOCK), curves_of(30)
    data = run(encoder(), [tokens], curves[None], [0])
    standard = run(encoder(prior="standard"), [tokens], curves[None], [0])
    assert (standard.prior_mean == 0).all() and data.prior_mean.abs().min() > 0
    assert torch.equal(standard.h, data.h)


def test_without_curves_to_regress_the_weights_are_empty_and_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = encoder(n_regressed=0)
    state = model.state_dict()
    assert state["regress.weight"].shape == (0, 16) and state["regress.bias"].shape == (0,)
    model.load_state_dict(state)
    tokens = tokens_of(legato(5), CLOCK)
    assert run(model, [tokens], curves_of(30)[None], [0]).regressed.shape == (1, 30, 0)


def test_no_curves_given_are_zeros():
    tokens = tokens_of(legato(5), CLOCK)
    assert (batch_of([tokens], None, [0], n_curves=2).curves == 0).all()
    assert batch_of([tokens], None, [0]).curves.shape == (1, 30, 0)
