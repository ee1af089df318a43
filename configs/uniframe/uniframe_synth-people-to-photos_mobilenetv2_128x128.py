"""Rendered people -> photographs: UniFrame (ECCV 2022): style transfer in both directions and
keypoint occlusion around a mean teacher; no adversarial features, no information term.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train configs/uniframe/uniframe_synth-people-to-photos_mobilenetv2_128x128.py
"""
_base_ = ['../multilevel_alignment/multilevel_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(alignments=dict(feature=None, pose=None))
custom_hooks = _base_.custom_hooks
custom_hooks[0].update(target_to_source=0.5)
custom_hooks[:] = [h for h in custom_hooks if h['type'] != 'DomainMapVisualizationHook']
