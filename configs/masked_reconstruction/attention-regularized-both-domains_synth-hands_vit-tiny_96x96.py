r"""Embedded hands in 3D at 96x96: attention regularization on images of both domains.

The term needs no labels: each step has as many target images as labelled source images, and takes
1.4 to 1.7 times as long as that of attention-regularized_synth-hands_vit-tiny_96x96.py.

    udapose two-stage configs/masked_reconstruction/mae_synth-hands_vit-tiny_96x96.py \
        configs/masked_reconstruction/attention-regularized-both-domains_synth-hands_vit-tiny_96x96.py
"""
_base_ = ['./attention-regularized_synth-hands_vit-tiny_96x96.py']

model = dict(on=('source', 'target'))
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    _delete_=True, batch_size=32, num_workers=0,
    sampler=dict(type='TwoDomainSampler', batch_size=32, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset',
        source=dict(_base_.source_train, pipeline=[
            *_base_.augmented_pipeline[:-1], _base_.source_pipeline[-1]]),
        target=dict(_base_.target_train, pipeline=[
            *_base_.load_whole_image, *_base_.augment_view,
            dict(type='PackBranches', branch='target_student')])))
