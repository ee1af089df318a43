"""Embedded hands, target domain: the joints of the source domain."""
_base_ = ['./synth_hands_source.py']

dataset_info = dict(
    dataset_name='synth_hands_target',
    paper_info=dict(title='Embedded synthetic hands of udapose, target domain'),
)
