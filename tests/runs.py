"""Small real runs: the shipped configs on a tiny embedded data set."""
import re
from pathlib import Path

import torch
from mmengine.config import Config
from mmpose.registry import MODELS

ROOT = Path(__file__).resolve().parent.parent
PEOPLE = 'synth-people_res18-w32_64x64'
PRETRAINING_ARCH = dict(embed_dims=16, num_layers=1, num_heads=1, feedforward_channels=16)


def is_public(path):
    """Whether a config is a recipe on public data, which test_recipes.py tests."""
    return path.stem.endswith(('_res101_256x256', '_vit-base_256x256')) or \
        path.parent.name == 'style_transfer' and '-to-' in path.stem and 'synth-' not in path.stem


def tiny_config(name, data, work_dir, iters=2, batch_size=4):
    """A shipped config with a narrow network, a few iterations, and the data in ``data``.

    Args:
        name (str): File below ``configs/``.
        data (Path): Made by ``udapose.synthetic.generate``.
        work_dir (Path): Of the run.
        iters (int): Training iterations.
        batch_size (int): Both domains together.
    """
    cfg = Config.fromfile(ROOT / 'configs' / name)
    text = cfg.pretty_text  # every occurrence of the data's root, wherever a config uses it
    for kind in ('people', 'hands'):
        text = text.replace(f'data/synthpose/{kind}/', f'{data}/')
    cfg = Config.fromstring(text, '.py')
    plain = cfg.model.get('pose_estimator', cfg.model.get('pose_model', cfg.model))
    if 'arch' in plain.backbone:  # a vision transformer
        narrow_transformer(cfg, plain)
    elif plain.backbone.type == 'MobileNetV2':  # its last layer stays as wide
        plain.backbone.widen_factor = 0.25
        plain.backbone.pop('init_cfg', None)  # the file of a package
        plain.head.deconv_out_channels = (8, 8, 8)
    elif plain.backbone.type == 'CSPNeXt':
        plain.backbone.widen_factor = 0.0625
        plain.head.update(in_channels=16, gau_cfg=dict(plain.head.gau_cfg, hidden_dims=16, s=8))
    else:
        plain.backbone.update(base_channels=4, stem_channels=4)
        plain.head.update(in_channels=32, deconv_out_channels=(8, 8, 8, 8))
    for term in filter(None, cfg.model.get('alignments', {}).values()):
        if 'discriminator' in term:
            narrow = {'backbone.layer4': 32, 'backbone.layer7': 80, 'backbone.stage2': 16}
            term.discriminator.in_channels = narrow.get(term.feature, 8)
        if 'head' in term:  # after the deconvolutions
            term.head.in_channels = 8
    without_style_weights(cfg)
    cfg.merge_from_dict(dict(
        work_dir=str(work_dir), load_from=None, train_cfg=dict(max_iters=iters, val_interval=iters),
        train_dataloader=dict(batch_size=batch_size, num_workers=0, persistent_workers=False),
        val_dataloader=dict(batch_size=4),
        default_hooks=dict(checkpoint=dict(interval=iters), logger=dict(interval=1))))
    if 'batch_size' in cfg.train_dataloader.sampler:
        cfg.train_dataloader.sampler.batch_size = batch_size
    cfg.visualizer.name = str(work_dir)  # MMEngine keeps one per name and process
    cfg.vis_backends = cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    if cfg.model.get('train_cfg', {}).get('source_free'):
        cfg.load_from = plain_checkpoint(cfg, work_dir)
    return cfg


def plain_checkpoint(cfg, work_dir):
    """Path of a checkpoint of the plain model, as source-free training needs one."""
    torch.manual_seed(0)
    plain = {k: v for k, v in cfg.model.pose_estimator.items() if k != 'data_preprocessor'}
    model = MODELS.build(plain)
    model.init_weights()
    path = Path(work_dir) / 'source_model.pth'
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=model.state_dict()), path)
    return str(path)


def narrow_transformer(cfg, plain):
    """Two layers of width 24, and no pre-trained weights to look for."""
    plain.backbone.update(arch=dict(embed_dims=24, num_layers=2, num_heads=3,
                                    feedforward_channels=48), init_cfg=None)
    plain.head.update(in_channels=24,
                      deconv_out_channels=(8,) * len(plain.head.deconv_out_channels))
    for term in filter(None, cfg.model.get('alignments', {}).values()):
        if 'encoder' in term:
            term.encoder.arch = plain.backbone.arch
            term.encoder.init_cfg = dict(type='Normal', layer='Linear', std=0.02)
    if 'num_layers' in cfg.optim_wrapper.get('paramwise_cfg', {}):
        cfg.optim_wrapper.paramwise_cfg.num_layers = 2


def without_style_weights(cfg):
    """Style networks of the same kind, untrained, instead of those of a checkpoint."""
    for hook in cfg.get('custom_hooks', ()):
        if hook.type == 'AdaINStyleHook':
            if hook.stylizer.pop('checkpoint', None):
                hook.stylizer.reconstruction_weight = 1.


def tiny_pretraining(name, data, work_dir, iters=4):
    """A shipped config of masked reconstruction, likewise."""
    text = Config.fromfile(ROOT / 'configs/masked_reconstruction' / name).pretty_text
    for kind in ('people', 'hands', 'people2'):
        text = text.replace(f'data/synthpose/{kind}/', f'{data}/')
    text = re.sub(r"'[^']*/lspet_photos/train/'", f"'{data}/target/images/train/'", text)
    text = text.replace('data/my_source/images/', f'{data}/source/images/train/')
    text = text.replace('data/my_target/images/', f'{data}/target/images/train/')
    cfg = Config.fromstring(text, '.py')
    cfg.model.backbone.arch = PRETRAINING_ARCH
    cfg.model.neck.update(decoder_embed_dim=16, decoder_depth=1, decoder_num_heads=1)
    cfg.merge_from_dict(dict(
        work_dir=str(work_dir), train_cfg=dict(max_iters=iters), experiment_name=work_dir.name,
        train_dataloader=dict(batch_size=4, num_workers=0, persistent_workers=False),
        default_hooks=dict(checkpoint=dict(interval=iters), logger=dict(interval=1))))
    cfg.train_dataloader.sampler.batch_size = 4
    pictures = next(h for h in cfg.custom_hooks if h.type == 'ReconstructionVisualizationHook')
    pictures.update(interval=2, num_images=2, num_measured=2)
    cfg.visualizer.name = work_dir.name  # MMEngine keeps one for each name
    cfg.vis_backends = cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    return cfg
