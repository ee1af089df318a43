"""The masked autoencoder: against mmpretrain's, any shape, its data, and a short training."""
import copy
import math

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS, TRANSFORMS
from mmpretrain.models import MAE
from torch import nn

from udapose.models.utils.position_embedding import sincos_position_embedding

ARCH = dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64)
DECODER = dict(decoder_embed_dim=16, decoder_depth=1, decoder_num_heads=2)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmpose')


def build(img_size=32, patch_size=8, loss=None, neck=None, **backbone):
    return MODELS.build(dict(
        type='WeightedMAE', loss=dict(type='WeightedReconstructionLoss', **loss or {}),
        backbone=dict(dict(type='MaskedViT', arch=ARCH, img_size=img_size, patch_size=patch_size),
                      **backbone), neck=dict(DECODER, **neck or {})))


def mmpretrain_mae(norm_pix):
    return MAE(
        backbone=dict(type='mmpretrain.MAEViT', arch=ARCH, img_size=32, patch_size=8),
        neck=dict(type='mmpretrain.MAEPretrainDecoder', num_patches=16, patch_size=8, embed_dim=32,
                  **DECODER),
        head=dict(type='mmpretrain.MAEPretrainHead', norm_pix=norm_pix, patch_size=8, loss=dict(
            type='mmpretrain.PixelReconstructionLoss', criterion='L2')),
        data_preprocessor=dict(type='mmpretrain.SelfSupDataPreprocessor'))


@pytest.mark.parametrize('norm_pix', [False, True])
def test_equals_mmpretrains_mae(norm_pix):
    """The same state dict, the same loss and gradients from the same random state."""
    theirs = mmpretrain_mae(norm_pix)
    theirs.init_weights()
    ours = build(loss=dict(normalize_pixels=norm_pix))
    ours.load_state_dict(theirs.state_dict())  # strict
    images = torch.randn(3, 3, 32, 32)
    torch.manual_seed(3)
    expected = theirs.loss(images, None)['loss']
    torch.manual_seed(3)
    found = ours(images, mode='loss')['loss_reconstruction']
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    expected.backward()
    found.backward()
    theirs = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        if parameter.requires_grad:
            assert torch.allclose(parameter.grad, theirs[name].grad, atol=1e-6), name
    # and for whole images
    assert torch.equal(ours(images)[0], ours.backbone(images, mask=False)[0])


def test_square_initialisation_is_mmpretrains():
    state = {}
    for name, model in (('ours', build()), ('theirs', mmpretrain_mae(False))):
        torch.manual_seed(0)
        model.init_weights()
        state[name] = model.state_dict()
    for key in ('backbone.pos_embed', 'neck.decoder_pos_embed'):
        assert torch.equal(state['ours'][key], state['theirs'][key])
    for key, theirs in state['theirs'].items():
        if theirs.numel() > 500:  # enough to compare deviations
            assert abs(theirs.std() / state['ours'][key].std() - 1) < 0.1, key


def test_position_embedding_of_a_rectangle():
    """Row by row: token (y, x) has the sines of y in the first quarter, of x in the third."""
    rows, columns, width = 4, 3, 16
    table = sincos_position_embedding((rows, columns), width)
    assert table.shape == (1, 13, width) and table[0, 0].abs().sum() == 0
    for y in range(rows):
        for x in range(columns):
            expected = [f(v / 10000 ** (k / 4)) for v in (y, x) for f in (math.sin, math.cos)
                        for k in range(4)]
            assert table[0, 1 + y * columns + x].tolist() == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match='4 divides, got 18'):
        sincos_position_embedding((2, 2), 18)


@pytest.mark.parametrize('size,patch', [((256, 192), 16), ((24, 40), 8), ((16, 64), 4)])
def test_any_shape(size, patch):
    model = build(size, patch)
    model.init_weights()
    images = torch.randn(2, 3, *size)
    model(images, mode='loss')['loss_reconstruction'].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)  # DDP
    prediction, hidden = model.reconstruct(images)
    assert prediction.shape == images.shape and hidden.shape == (2, 1, *size)
    count = size[0] * size[1] // patch**2
    assert hidden.mean().item() == pytest.approx(1 - int(count / 4) / count)
    blocks = hidden.unflatten(2, (-1, patch)).unflatten(4, (-1, patch))
    assert torch.equal(blocks.amin((3, 5)), blocks.amax((3, 5)))


def test_whole_patches_of_the_image_are_hidden():
    """A picture's hidden pixels are those that the encoder does not see, also on rectangles."""
    model = build((24, 40)).eval()
    model.init_weights()
    images, noise = torch.randn(1, 3, 24, 40), model.fixed_noise(1)
    with torch.no_grad():
        prediction, hidden = model.reconstruct(images, noise)
        changed = torch.where(hidden.bool(), torch.randn_like(images), images)
        assert torch.equal(model.reconstruct(changed, noise)[0], prediction)
        changed = torch.where(hidden.bool(), images, images + 1)
        assert not torch.allclose(model.reconstruct(changed, noise)[0], prediction)


def test_normalised_predictions_come_back_as_pixels():
    model = build(loss=dict(normalize_pixels=True))
    model.init_weights()
    nn.init.zeros_(model.neck.decoder_pred.weight)
    nn.init.zeros_(model.neck.decoder_pred.bias)
    images = torch.randn(1, 3, 32, 32) + 5
    prediction, _ = model.reconstruct(images)
    assert torch.allclose(prediction[0, :, 8:16, 8:16],
                          images[0, :, 8:16, 8:16].mean().expand(3, 8, 8), atol=1e-5)


def test_fixed_noise_hides_the_same_patches():
    model = build()
    model.init_weights()
    images = torch.randn(2, 3, 32, 32)
    masks = [model.reconstruct(images, model.fixed_noise(2, seed))[1] for seed in (1, 1, 2)]
    assert torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])
    assert not torch.equal(masks[0][0], masks[0][1])


def test_pretrained_weights_survive_the_initialisation(tmp_path):
    first = build((24, 16))
    first.init_weights()
    path = str(tmp_path / 'encoder.pth')
    torch.save(first.state_dict(), path)
    second = build((24, 16), init_cfg=dict(type='Pretrained', checkpoint=path, prefix='backbone.'))
    second.init_weights()
    theirs = first.backbone.state_dict()
    assert all(torch.equal(v, theirs[k]) for k, v in second.backbone.state_dict().items())


def test_a_pose_models_encoder_begins_the_pretraining(tmp_path, capfd):
    vit = dict(arch=dict(embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=48),
               img_size=32, patch_size=8)
    donor = MODELS.build(dict(type='AttentionViT', out_type='featmap', **vit))
    donor.init_weights()
    file = tmp_path / 'pose.pth'
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in donor.state_dict().items()}), file)
    encoder = MODELS.build(dict(type='MaskedViT', **vit, init_cfg=dict(
        type='PretrainedViT', checkpoint=str(file))))
    encoder.init_weights()
    torch.testing.assert_close(dict(encoder.state_dict()), dict(donor.state_dict()))
    assert 'overwrite' not in ''.join(capfd.readouterr())


def test_autocast_trains_in_bfloat16():
    model = build()
    model.init_weights()
    images, seen = torch.randn(2, 3, 32, 32), []
    model.neck.decoder_pred.register_forward_hook(lambda m, i, o: seen.append(o.dtype))
    torch.manual_seed(0)
    full = model(images, mode='loss')['loss_reconstruction']
    with torch.autocast('cpu', torch.bfloat16):
        torch.manual_seed(0)
        half = model(images, mode='loss')['loss_reconstruction']
    half.backward()
    assert seen == [torch.float32, torch.bfloat16] and half.dtype == torch.float32
    assert half.item() == pytest.approx(full.item(), rel=0.02)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad)


# --------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize('size', [(250, 192), (256, 190), 100])
def test_indivisible_size(size):
    with pytest.raises(ValueError, match=r'patch_size=16 does not divide img_size=.*for example'):
        build(size, 16)


def test_other_errors():
    model = build((24, 16))
    with pytest.raises(ValueError, match=r'inputs are \(16, 24\).*img_size=\(24, 16\)'):
        model(torch.zeros(1, 3, 16, 24), mode='loss')
    with pytest.raises(ValueError, match='Fine-tune a pose model'):
        model(torch.zeros(1, 3, 24, 16), mode='predict')
    with pytest.raises(ValueError, match='leaves 0 of 16 patches visible'):
        build(mask_ratio=0.97)
    with pytest.raises(TypeError, match='MAEViT: WeightedMAE needs a MaskedViT'):
        build(type='mmpretrain.MAEViT')
    with pytest.raises(TypeError, match='PoseDataPreprocessor, which does not pass'):
        MODELS.build(dict(type='WeightedMAE', backbone=dict(type='MaskedViT'), neck=dict(),
                          data_preprocessor=dict(type='PoseDataPreprocessor')))


# --------------------------------------------------------------------------------- data
def results(mask=True, size=(16, 24), **more):
    rng = np.random.default_rng(0)
    found = dict(img=rng.integers(0, 256, (*size, 3), np.uint8), img_path='a.png', **more)
    if mask:
        found['foreground_mask'] = rng.integers(0, 256, size, np.uint8)
    return found


def pack(domain, found):
    return TRANSFORMS.build(dict(type='PackReconstructionInputs', domain=domain))(found)


def test_packing_and_preprocessing_keep_masks_with_their_images():
    """A batch of both domains; the second sample has no mask."""
    found = [results(keypoints=np.zeros((1, 3, 2))), results(False), results()]
    packed = [pack(d, r) for d, r in zip(('source', 'target', 'target'), found)]
    sample = packed[0]['data_samples']
    assert sample.metainfo == dict(img_path='a.png', domain='source')
    assert 'gt_instances' not in sample
    assert sample.gt_fields.foreground_mask.shape == (1, 16, 24)
    assert 'gt_fields' not in packed[1]['data_samples']

    build_preprocessor = dict(type='ReconstructionDataPreprocessor', bgr_to_rgb=True,
                              mean=[1., 2., 3.], std=[4., 5., 6.])
    batch = MODELS.build(build_preprocessor)(pseudo_collate(packed), training=True)
    rgb = found[2]['img'][..., ::-1].astype(np.float32)
    assert np.allclose(batch['inputs'][2].permute(1, 2, 0).numpy(),
                       (rgb - [1, 2, 3]) / [4, 5, 6], atol=1e-5)
    assert np.allclose(batch['foreground'][2, 0].numpy(), found[2]['foreground_mask'] / 255)
    assert batch['known'].tolist() == [True, False, True]
    assert batch['foreground'][1].abs().sum() == 0
    assert [s.metainfo['domain'] for s in batch['data_samples']] == ['source', 'target', 'target']

    all_known = MODELS.build(build_preprocessor)(pseudo_collate([packed[0], packed[2]]))
    assert all_known['known'] is None and all_known['foreground'].shape == (2, 1, 16, 24)
    none_known = MODELS.build(build_preprocessor)(pseudo_collate([packed[1]]))
    assert none_known['known'] is None and none_known['foreground'] is None


def test_bad_samples():
    with pytest.raises(ValueError, match="domain='train' is neither"):
        pack('train', {})
    wrong = dict(results(), foreground_mask=np.zeros((8, 8), np.uint8))
    with pytest.raises(ValueError, match=r'mask of a.png is \(8, 8\) uint8, the image \(16, 24\)'):
        pack('source', wrong)
    late = results(flip=True, flip_direction='horizontal', input_matrix=np.eye(3))
    with pytest.raises(ValueError, match='put RandomFlip before RecordedTopdownAffine'):
        pack('source', late)
    early = dict(late, input_matrix=np.diag([-1., 1, 1]))
    assert 'foreground_mask' in pack('source', early)['data_samples'].gt_fields
    batch = pseudo_collate([pack('source', results()), pack('target', results(size=(16, 16)))])
    with pytest.raises(ValueError, match='Give both domains the same'):
        MODELS.build(dict(type='ReconstructionDataPreprocessor'))(batch)


def test_the_loss_of_a_step_uses_the_masks():
    """Through train_step's own path: the preprocessor's masks reach the loss."""
    batch = pseudo_collate([pack('source', results()), pack('target', results(False))])
    values = []
    for w_fg in (1., 100.):
        torch.manual_seed(0)
        model = build((16, 24), loss=dict(foreground_weight=w_fg))
        model.init_weights()
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.))
        torch.manual_seed(1)
        values.append(model.train_step(copy.deepcopy(batch), wrapper)['loss_reconstruction'].item())
        data = model.data_preprocessor(batch)
        torch.manual_seed(1)
        prediction, hidden = model._predict(data['inputs'])
        expected = model.loss_module(prediction, data['inputs'], hidden, data['foreground'],
                                     data['known'])
        assert values[-1] == pytest.approx(expected.item(), rel=1e-6)
    assert abs(values[0] - values[1]) > 1e-3 * values[0]


def test_a_short_training_reconstructs_the_foreground_better():
    """Striped discs before noise: more weight in front, less error in front."""
    g, size = torch.Generator().manual_seed(0), 16
    y, x = torch.meshgrid(torch.arange(16.), torch.arange(16.), indexing='ij')
    centre = torch.rand(32, 2, 1, 1, generator=g) * 6.4 + 4.8
    front = (((x - centre[:, 0])**2 + (y - centre[:, 1])**2).sqrt() < 4.5).float()[:, None]
    back = torch.randn(32, 3, 1, 1, generator=g) + 0.3 * torch.randn(32, 3, size, size, generator=g)
    images = front * torch.sin(y / 2)[None, None] + (1 - front) * back

    def error_in_front(steps, **loss):
        torch.manual_seed(0)
        model = build(size, 4, loss=loss)
        model.init_weights()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for _ in range(steps):
            value = model(images, None, front, mode='loss')['loss_reconstruction']
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        with torch.no_grad():
            prediction, hidden = model.reconstruct(images, model.fixed_noise(len(images)))
        weight = front * hidden
        return (((prediction - images).square() * weight).sum() / weight.sum() / 3).item()

    untrained, plain = error_in_front(0), error_in_front(60)
    weighted = error_in_front(60, foreground_weight=1., background_weight=0.02)
    assert plain < 0.9 * untrained
    assert weighted < 0.3 * plain
