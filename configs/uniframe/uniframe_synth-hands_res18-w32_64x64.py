"""Embedded hands: UniFrame (ECCV 2022), the predecessor: style transfer in both directions and
keypoint occlusion around a mean teacher; no adversarial features, no information term.

    udapose train configs/style_only/style-only_synth-hands_res18-w32_64x64.py   # phase 1
    udapose train configs/uniframe/uniframe_synth-hands_res18-w32_64x64.py
"""
_base_ = ['../multilevel_alignment/multilevel_synth-hands_res18-w32_64x64.py']

model = dict(alignments=dict(feature=None, pose=None))
custom_hooks = _base_.custom_hooks
custom_hooks[0].update(target_to_source=0.5)
custom_hooks[:] = [h for h in custom_hooks if h['type'] != 'DomainMapVisualizationHook']
