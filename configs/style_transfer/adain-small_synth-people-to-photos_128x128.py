"""Small style transfer network between rendered people and photographs, from scratch.

    udapose train configs/style_transfer/adain-small_synth-people-to-photos_128x128.py

The folder of the photographs: docs/real_photos.md.
"""
import os

_base_ = ['./adain-small_synth-people_64x64.py']

photos_root = os.path.join(os.environ.get('UDAPOSE_TEST_DATA') or 'data', 'lspet_photos', '')
auto_scale_lr = dict(base_batch_size=8)
train_dataloader = dict(
    batch_size=8,
    dataset=dict(size=128, resize=(128, 176),
                 content='data/synthpose/people2/target/images/train',
                 style=photos_root + 'train'))
train_cfg = dict(max_iters=800)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=800, eta_min=2e-5)]
