"""RHD -> Hand-3D-Studio (H3D): UniFrame (ECCV 2022), the predecessor: styles in both
directions and keypoint occlusion around a mean teacher; no adversarial features, no
information term.

    udapose train configs/style_only/style-only_rhd-to-h3d_res101_256x256.py   # phase 1
    udapose train configs/uniframe/uniframe_rhd-to-h3d_res101_256x256.py

Data (docs/data_hands.md): data/RHD_published_v2/{training,evaluation}/,
data/H3D_crop/{annotation.json,part1..part5}/.
Published PCK@0.05, mean over the joints, in %: 79.6 (unverified, from memory).
Estimated for one 80 GB GPU, not run (docs/recipes.md): 9 GB, 0.6 hours.
"""
_base_ = ['../multilevel_alignment/multilevel_rhd-to-h3d_res101_256x256.py']

model = dict(alignments=dict(feature=None, pose=None))
custom_hooks = _base_.custom_hooks
custom_hooks[0].update(target_to_source=0.5)
custom_hooks[:] = [h for h in custom_hooks
                   if h['type'] not in ('ConstantLRHook', 'DomainMapVisualizationHook')]
