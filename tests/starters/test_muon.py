"""The optimizer of the starters' recipes."""

import pytest
import torch

from studio.starters._muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 8), (8, 20), (20, 8)])
def test_a_step_has_singular_values_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.min() > 0.4 and values.max() < 1.4


def test_it_finds_the_matrix_of_a_linear_map():
    torch.manual_seed(0)
    wanted, found = torch.randn(6, 4), torch.nn.Parameter(torch.zeros(6, 4))
    optimizer = Muon([found], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        (found - wanted).square().sum().backward()
        optimizer.step()
    assert (found - wanted).abs().max() < 0.3


def test_kernels_of_convolutions_keep_their_shape():
    kernel = torch.nn.Parameter(torch.randn(1, 6, 4, 3, 3))
    kernel.grad = torch.randn_like(kernel)
    before = kernel.detach().clone()
    Muon([kernel], lr=0.1).step()
    assert kernel.shape == before.shape and not torch.equal(kernel, before)
