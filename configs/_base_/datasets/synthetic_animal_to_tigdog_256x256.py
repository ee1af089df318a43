"""SyntheticAnimal -> TigDog (horse, tiger) (docs/data_animals.md)."""
_base_ = ['./published_animals_256x256.py']

num_keypoints = 18
source_train = labeled_source_train = dict(
    type='SyntheticAnimalDataset', data_root='data/animal_data/', species=('horse', 'tiger'))
target_train = labeled_target_train = target_test = dict(
    type='TigDogDataset', data_root='data/animal_data/')
val_dataloader = test_dataloader = dict(dataset=target_test)
val_evaluator = test_evaluator = dict(groups='animal18')
