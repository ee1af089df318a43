"""Synthetic people with LSP's 14 joints, phase 2 without adaptation: the fair baseline.

Continues from the source model of phase 1 for as many source images, with the same schedule and
augmentation, as the adaptation sees.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_res18-w32.py',
    '../_base_/datasets/synth_lsp14_to_photos_64x64.py', '../_base_/schedules/adapt_800it.py']

load_from = 'work_dirs/source-only_synth-lsp14_res18-w32_64x64/iter_1200.pth'

model = dict(head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=32, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
