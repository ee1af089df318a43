"""The consistency loss against a slow reference, its gradients and normalisations."""
import pytest
import torch

from udapose.models.losses import HeatmapConsistencyLoss


def inputs(seed=0):
    g = torch.Generator().manual_seed(seed)
    student = torch.rand(3, 4, 5, 6, generator=g, requires_grad=True)
    pseudo = torch.rand(3, 4, 5, 6, generator=g)
    weights = (torch.rand(3, 4, generator=g) > 0.5).float()
    mask = (torch.rand(3, 1, 5, 6, generator=g) > 0.3).float()
    return student, pseudo, weights, mask


def slow(student, pseudo, weights, mask, normalize):
    total, count = 0., 0.
    for b in range(3):
        for k in range(4):
            for y in range(5):
                for x in range(6):
                    w = weights[b, k].item() * mask[b, 0, y, x].item()
                    total += w * (student[b, k, y, x].item() - pseudo[b, k, y, x].item())**2
                    count += w
    return total / (count if normalize == 'kept' else student.numel())


@pytest.mark.parametrize('normalize', ['all', 'kept'])
def test_equals_the_slow_reference(normalize):
    loss = HeatmapConsistencyLoss(loss_weight=2., normalize=normalize)(*inputs())
    assert loss.item() == pytest.approx(2 * slow(*inputs(), normalize), rel=1e-5)


def test_gradient_only_where_accepted_and_towards_the_pseudo_label():
    student, pseudo, weights, mask = inputs()
    HeatmapConsistencyLoss()(student, pseudo, weights, mask).backward()
    counted = (weights[..., None, None] * mask).expand_as(student) > 0
    assert student.grad[~counted].abs().max() == 0
    assert torch.equal(student.grad[counted].sign(), (student - pseudo)[counted].sign())


@pytest.mark.parametrize('normalize', ['all', 'kept'])
def test_nothing_accepted_is_zero_with_zero_gradient(normalize):
    student, pseudo, weights, mask = inputs()
    loss = HeatmapConsistencyLoss(normalize=normalize)(student, pseudo, weights * 0, mask)
    loss.backward()
    assert loss.item() == 0 and student.grad.abs().max() == 0


def test_kept_does_not_depend_on_how_many_are_accepted():
    student, pseudo = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    half = torch.tensor([[1., 1., 1.], [0., 0., 0.]])
    kept, every = HeatmapConsistencyLoss(normalize='kept'), HeatmapConsistencyLoss()
    assert kept(student, pseudo, half).item() == kept(student, pseudo, half * 0 + 1).item() == 1
    assert every(student, pseudo, half).item() == 0.5


def test_half_precision_inputs_give_a_float_loss():
    student, pseudo, weights, mask = inputs()
    loss = HeatmapConsistencyLoss()(student.bfloat16(), pseudo, weights, mask)
    assert loss.dtype == torch.float32 and torch.isfinite(loss)


def test_unknown_normalisation():
    with pytest.raises(ValueError, match="'all' or 'kept'"):
        HeatmapConsistencyLoss(normalize='sum')
