"""Embedded people, target domain: the joints of the source domain."""
_base_ = ['./synth_people_source.py']

dataset_info = dict(
    dataset_name='synth_people_target',
    paper_info=dict(title='Embedded synthetic people of udapose, target domain'),
)
