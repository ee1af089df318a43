"""Features by name: the right tensors, and messages for wrong names."""
import pytest
import torch
from mmpose.registry import MODELS
from test_mean_teacher import batch, build, plain_config

from udapose.models.utils.feature_taps import check_feature_name, tapped


@MODELS.register_module(force=True)
class _FeatureTerm(torch.nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, batch):
        self.batch = batch
        return dict(loss_features=sum(f.mean() for f in batch.source.features.values()))


@pytest.mark.parametrize('joint', [True, False])
def test_the_tapped_tensors_are_the_modules_outputs(joint):
    names = ['head.deconv_layers', 'backbone', 'backbone.layer2.0']
    model = build(alignments=dict(f=dict(type='_FeatureTerm', features=names)),
                  train_cfg=dict(joint_forward=joint)).train()
    calls = []
    handle = model.student.head.deconv_layers.register_forward_hook(
        lambda m, i, o: calls.append(o))
    losses = model.loss(*batch())
    handle.remove()
    seen = model.alignments['f'].batch
    for domain in (seen.source, seen.target):
        features = domain.features
        assert sorted(features) == sorted(names)
        assert torch.equal(features['backbone'], domain.feats[-1])
        assert features['backbone.layer2.0'].shape == (2, 8, 4, 4)
        # the last layer applied to the last deconvolution gives the very heatmaps
        heatmaps = model.student.head.final_layer(features['head.deconv_layers'])
        torch.testing.assert_close(heatmaps, domain.output)
    assert len(calls) == (1 if joint else 2)
    losses['loss_features'].backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
    # the hooks are gone
    assert not any(m._forward_hooks for m in model.student.modules())


def test_unknown_features_are_listed():
    with pytest.raises(ValueError, match=r"alignments.adv: the pose estimator has no feature "
                                         r"'backbone.layer9'.*backbone.layer4.*head.deconv_layers"):
        build(alignments=dict(adv=dict(type='DomainAdversarialLoss', feature='backbone.layer9')))


def test_a_module_that_does_not_run_is_named():
    """The head's forward is called past its hooks; a loss is no feature either."""
    for name in ('head', 'head.loss_module'):
        model = build(alignments=dict(f=dict(type='_FeatureTerm', features=[name]))).train()
        with pytest.raises(ValueError, match=f"feature '{name}': this module exists"):
            model.loss(*batch())
        assert not any(m._forward_hooks for m in model.student.modules())


def test_taps_are_removed_after_an_error():
    model = MODELS.build(plain_config())
    with pytest.raises(RuntimeError), tapped(model, ['backbone']):
        model.extract_feat(torch.zeros(1, 7, 32, 32))
    assert not model.backbone._forward_hooks


def test_an_input_instead_of_an_output():
    """``name:input`` is what the submodule was given."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    check_feature_name(model, '2:input', 'test')
    with pytest.raises(ValueError, match="no feature '7:input'"):
        check_feature_name(model, '7:input', 'test')
    x = torch.randn(5, 3)
    with tapped(model, ['1', '1:input', '2:input', '2']) as seen:
        y = model(x)
    assert torch.equal(seen['1:input'], model[0](x)) and torch.equal(seen['2'], y)
    assert torch.equal(seen['2:input'], seen['1'])
