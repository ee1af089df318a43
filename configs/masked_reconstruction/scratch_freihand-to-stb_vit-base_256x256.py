r"""FreiHAND -> STB: labelled source images only, without pre-training; what the method must
beat.

    udapose train \
        configs/masked_reconstruction/scratch_freihand-to-stb_vit-base_256x256.py

Data: docs/data_hands.md. No number of the paper could be read.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 14 GB, 1.9 hours.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/pose3d_vit-base_256x256.py',
    '../_base_/datasets/freihand_to_stb_3d_256x256.py',
    '../_base_/schedules/pose3d_40000it.py']

model = dict(head=dict(num_keypoints=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=14, persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True), dataset=_base_.labeled_source_train)
val_dataloader = test_dataloader = _base_.eval_dataloader
val_evaluator = test_evaluator = _base_.metrics_stb
val_cfg = dict(type='TeacherStudentValLoop')
test_cfg = dict(type='TeacherStudentTestLoop')
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
default_hooks = dict(checkpoint=dict(interval=5000))
