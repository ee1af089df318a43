"""Videos that OpenCV cannot decode."""
import importlib.util
import sys

import cv2
import numpy as np
import pytest
from media import picture
from test_video import write_turned

from udapose.adaptation import av_capture
from udapose.adaptation.av_capture import AvCapture
from udapose.adaptation.video import Media


@pytest.mark.parametrize('there', [True, False])
def test_where_neither_can_read_the_package_is_named(there, tmp_path, monkeypatch):
    if there:
        pytest.importorskip('av')
    else:
        monkeypatch.setattr(av_capture, 'av', None)
    (tmp_path / 'a.mp4').write_bytes(b'no video' * 100)
    media = Media(tmp_path / 'a.mp4')
    assert media.frames == 0 and not list(media)
    assert media.problem == 'is no video that can be read' + (
        '' if there else ' by OpenCV; `pip install av` reads more kinds')


def write_av1(path, frames=30):
    av = pytest.importorskip('av')
    try:
        with av.open(str(path), 'w') as file:
            stream = file.add_stream('libsvtav1', rate=10)
            stream.width, stream.height, stream.pix_fmt = 160, 120, 'yuv420p'
            for step in range(frames):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture(step), 'bgr24')))
            file.mux(stream.encode())
    except ValueError:
        pytest.skip('this PyAV cannot write AV1')
    return path


def test_a_codec_that_opencv_lacks(tmp_path, monkeypatch):
    path = write_av1(tmp_path / 'a.mp4')
    monkeypatch.setattr(cv2, 'VideoCapture', Blind)  # some versions of OpenCV know AV1
    media = Media(path)
    assert (media.frames, media.fps, media.size) == (30, 10., (160, 120))
    for _ in range(2):
        frames = list(media)
        assert [f.index for f in frames] == list(range(30)) and media.problem == ''
        np.testing.assert_allclose([f.time for f in frames], np.arange(30) / 10, atol=1e-3)
    assert np.abs(frames[17].image.astype(int) - picture(17)).mean() < 4
    assert [f.index for f in media.read(wanted=[3, 11])] == [3, 11]

    content = write_av1(tmp_path / 'a.mkv').read_bytes()
    (tmp_path / 'torn.mkv').write_bytes(content[:len(content) * 9 // 10])
    assert 5 <= len(list(Media(tmp_path / 'torn.mkv'))) < 30
    monkeypatch.setattr(av_capture, 'av', None)
    media = Media(path)
    assert not list(media)
    assert media.problem == ('has no frame that can be read by OpenCV; `pip install av` reads more '
                             'kinds')


class Blind:
    """An OpenCV that opens the file and cannot decode it."""

    def __init__(self, path):
        pass

    def isOpened(self):  # noqa: N802
        return True

    def grab(self):
        return False

    def get(self, what):
        return {cv2.CAP_PROP_FRAME_COUNT: 30, cv2.CAP_PROP_FPS: 10,
                cv2.CAP_PROP_FRAME_WIDTH: 160, cv2.CAP_PROP_FRAME_HEIGHT: 120}.get(what, 0)

    def set(self, what, value):
        return True

    def release(self):
        pass


def test_pyav_turns_as_opencv_does(tmp_path):
    pytest.importorskip('av')
    path = write_turned(tmp_path)
    (theirs, *_), ours = list(Media(path)), AvCapture(path)
    assert ours.grab() and ours.retrieve()[1].shape == (160, 120, 3)
    assert (ours.get(cv2.CAP_PROP_FRAME_WIDTH), ours.get(cv2.CAP_PROP_FRAME_COUNT)) == (120, 5)
    assert np.abs(ours.retrieve()[1].astype(int) - theirs.image).mean() < 3
    assert sum(ours.grab() for _ in range(9)) == 4


def test_pyav_is_not_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)  # as where it is not installed
    spec = importlib.util.spec_from_file_location('anew', av_capture.__file__)
    anew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anew)
    assert not anew.AvCapture.available() and not anew.AvCapture('x').isOpened()
