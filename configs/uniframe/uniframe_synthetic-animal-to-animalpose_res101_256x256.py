r"""SyntheticAnimal -> AnimalPose (dog, sheep): UniFrame (ECCV 2022), the predecessor: styles in
both directions and keypoint occlusion around a mean teacher; no adversarial features, no
information term.

    # phase 1
    udapose train \
        configs/style_only/style-only_synthetic-animal-to-animalpose_res101_256x256.py
    udapose train configs/uniframe/uniframe_synthetic-animal-to-animalpose_res101_256x256.py

Data (docs/data_animals.md): data/animal_data/{synthetic_animal,animal-pose}/.
Published PCK@0.05, mean over the joints, in %: only gains: up to 4.8 points on dogs, 3.3 on
  sheep over earlier methods (abstract).
Estimated for one 80 GB GPU, not run (docs/recipes.md): 9 GB, 0.6 hours.
"""
_base_ = ['../multilevel_alignment/multilevel_synthetic-animal-to-animalpose_res101_256x256.py']

model = dict(alignments=dict(feature=None, pose=None))
custom_hooks = _base_.custom_hooks
custom_hooks[0].update(target_to_source=0.5)
custom_hooks[:] = [h for h in custom_hooks
                   if h['type'] not in ('ConstantLRHook', 'DomainMapVisualizationHook')]
