"""Rows of the benchmark's 3D suites, see `suites.py`."""
from __future__ import annotations

# 3D: masked reconstruction. Pre-trainings are rows of their own, shared by fine-tunings; each
# differs from the full one by what its name leaves out.
_NO_WEIGHTS = {'model.loss.background_weight': 1.0}


def _no_augment(*datasets: str) -> dict:
    """Segmentation-guided augmentation off, in the pipelines of these config keys."""
    off = dict(prob=0., foreground_jitter='None', background_jitter='None')
    return {f'train_dataloader.{d}.pipeline.3.{k}': v for d in datasets for k, v in off.items()}


_NO_AUGMENT = _no_augment('dataset.source', 'dataset.target')
_FINETUNE_NO_AUGMENT = _no_augment('dataset')


def masked_reconstruction(kind: str, side: int = 64) -> dict:
    """Scratch, pre-trained, and each part added and removed; ``side`` of the input in pixels."""
    folder, name = 'masked_reconstruction', f'synth-{kind}_vit-tiny_{side}x{side}'
    source_only = {  # as many images and steps, all of them source
        'train_dataloader.dataset.target.data_root': f'data/synthpose/{kind}/source/images/train/'}

    def pretraining(**options) -> dict:
        return dict(config=f'{folder}/mae_{name}.py', init=None, hidden=True, test=False,
                    shared=side > 64, options=options)  # two hours each: once for all seeds

    # the augmentation is on or off in both stages
    def plain(init: str) -> dict:
        return dict(config=f'{folder}/finetune_{name}.py', init=init,
                    init_keys=['model.backbone.init_cfg.checkpoint'],
                    options={} if 'augment' in init else _FINETUNE_NO_AUGMENT)

    def attention(init: str) -> dict:
        return dict(config=f'{folder}/attention-regularized_{name}.py', init=init,
                    init_keys=['model.pose_model.backbone.init_cfg.checkpoint'],
                    options={} if 'augment' in init else _FINETUNE_NO_AUGMENT)

    start = 'mae_weights_augment'
    longer = dict(  # what 64 pixels are too little to answer
        full_all_layers=dict(attention(start), options={
            'model.loss.layers': '(0,1,2,3,4,5)'}),
        full_both_domains=dict(attention(start), config=(
            f'{folder}/attention-regularized-both-domains_{name}.py')),
        oracle=dict(plain(start), options={  # the same training on the target's labels
            **_FINETUNE_NO_AUGMENT,
            'train_dataloader.dataset.data_root': f'data/synthpose/{kind}/target/'}))
    return dict(
        mae_source=pretraining(**source_only, **_NO_WEIGHTS, **_NO_AUGMENT),
        mae=pretraining(**_NO_WEIGHTS, **_NO_AUGMENT),
        mae_weights=pretraining(**_NO_AUGMENT),
        mae_augment=pretraining(**_NO_WEIGHTS),
        mae_weights_augment=pretraining(),
        mean_pose=dict(config=f'_base_/datasets/synth_{kind}_3d_{side}x{side}.py', init=None,
                       script='mean_pose.py'),
        scratch=dict(config=f'{folder}/scratch_{name}.py', init=None),
        scratch_augment=dict(config=f'{folder}/finetune_{name}.py', init=None,
                             options={'model.backbone.init_cfg': 'None'}),
        pretrained_source=plain('mae_source'),
        pretrained=plain('mae'),
        weights=plain('mae_weights'),
        weights_augment=plain('mae_weights_augment'),
        full=attention('mae_weights_augment'),
        full_no_weights=attention('mae_augment'),
        full_no_augment=attention('mae_weights'),
        **(longer if side > 64 else {}))
