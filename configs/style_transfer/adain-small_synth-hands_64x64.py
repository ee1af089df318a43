r"""Small style transfer network for the embedded hands, from scratch, a few minutes on one core.

    udapose synth --kind hands --out data/synthpose/hands
    udapose train configs/style_transfer/adain-small_synth-hands_64x64.py

Writes work_dirs/adain-small_synth-hands_64x64/iter_400.pth and pictures below vis_data.
"""
_base_ = ['./adain-small_synth-people_64x64.py']

train_dataloader = dict(dataset=dict(
    content='data/synthpose/hands/source/images/train',
    style='data/synthpose/hands/target/images/train'))
