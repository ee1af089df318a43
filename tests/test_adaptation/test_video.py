"""Frames of videos and images, damaged ones included."""
import struct

import cv2
import numpy as np
import pytest
from media import picture, write_video

from udapose.adaptation.find_media import find_media
from udapose.adaptation.video import Media, read_image


def test_all_frames_in_order_with_times(tmp_path):
    media = Media(write_video(tmp_path / 'a.avi', frames=20, fps=10))
    frames = list(media)
    assert media.is_video and media.frames == 20 and media.size == (160, 120)
    assert [f.index for f in frames] == list(range(20)) and media.problem == ''
    np.testing.assert_allclose([f.time for f in frames], np.arange(20) / 10, atol=0.051)
    assert np.abs(frames[7].image.astype(int) - picture(7)).mean() < 4  # JPEG


def test_every_and_wanted(tmp_path):
    media = Media(write_video(tmp_path / 'a.avi', frames=20))
    assert [f.index for f in media.read(every=6)] == [0, 6, 12, 18]
    some = list(media.read(wanted=[3, 11]))
    assert [f.index for f in some] == [3, 11] and media.problem == ''
    assert np.abs(some[1].image.astype(int) - picture(11)).mean() < 4
    assert list(media.read(wanted=[])) == []


def test_video_that_was_cut_off(tmp_path):
    path = write_video(tmp_path / 'a.avi', frames=60)
    content = path.read_bytes()
    path.write_bytes(content[:len(content) * 2 // 3])
    media = Media(path)
    count = len(list(media))
    if media.frames > count:  # the index at the end of the file is gone: some builds then say 0
        assert f'ends after {count} of' in media.problem
    assert 20 <= count < 60


def write_turned(tmp_path):
    """A video of a phone that was held upright; its left upper quarter is white, as it lies."""
    writer = cv2.VideoWriter(str(tmp_path / 'a.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10,
                             (160, 120))
    lying = np.zeros((120, 160, 3), np.uint8)
    lying[:60, :80] = 255
    for _ in range(5):
        writer.write(lying)
    writer.release()
    # the matrix of the track's header, as phones write it: a quarter turn clockwise
    upright, turned = (struct.pack('>9i', *(int(n * 2 ** 16) for n in numbers)) for numbers in (
        (1, 0, 0, 0, 1, 0, 0, 0, 2 ** 14), (0, 1, 0, -1, 0, 0, 120, 0, 2 ** 14)))
    content = (tmp_path / 'a.mp4').read_bytes()
    start = content.index(b'tkhd') + 44
    assert content[start:start + 36] == upright
    (tmp_path / 'Ä 1.MP4').write_bytes(content[:start] + turned + content[start + 36:])
    return tmp_path / 'Ä 1.MP4'


def test_turned_video_comes_upright(tmp_path):
    media = Media(write_turned(tmp_path))
    frames = list(media)
    assert media.size == (120, 160) and len(frames) == 5
    for image in (frames[3].image, next(media.read(wanted=[3])).image):
        assert image.shape == (160, 120, 3)
        assert image[10, 100].min() > 200 and image[10, 10].max() < 50


@pytest.mark.parametrize('content, problem', [(b'', 'is empty'), (b'no video' * 50, 'is no video')])
def test_no_video(tmp_path, content, problem):
    (tmp_path / 'a.mp4').write_bytes(content)
    media = Media(tmp_path / 'a.mp4')
    assert list(media) == [] and problem in media.problem


def test_images_of_any_kind_come_as_bgr(tmp_path):
    grey, deep = np.full((8, 9), 77, np.uint8), np.full((8, 9, 3), 77 * 257, np.uint16)
    for name, image in (('grau ä.png', grey), ('tief.png', deep),
                        ('alpha.png', np.dstack([grey] * 4))):
        cv2.imencode('.png', image)[1].tofile(str(tmp_path / name))
        frames = list(Media(tmp_path / name))
        assert frames[0].image.shape == (8, 9, 3) and frames[0].image.dtype == np.uint8
        assert np.abs(frames[0].image.astype(int) - 77).max() <= 1
    (tmp_path / 'b.jpg').write_bytes(b'\xff\xd8 broken')
    broken = Media(tmp_path / 'b.jpg')
    assert list(broken) == [] and broken.problem == 'cannot be read'
    assert read_image(tmp_path / 'missing.png') is None


def test_find(tmp_path):
    (tmp_path / 'sub').mkdir()
    write_video(tmp_path / 'sub' / 'z.avi', frames=3)
    cv2.imwrite(str(tmp_path / 'a.png'), picture(0))
    (tmp_path / '._a.png').write_bytes(b'')  # macOS
    (tmp_path / 'notes.txt').write_text('x')
    assert [m.name for m in find_media(tmp_path)] == ['sub/z.avi', 'a.png']
    assert [m.name for m in find_media([tmp_path / 'a.png', tmp_path / 'sub'])] == [
        'z.avi', 'a.png']
    with pytest.raises(FileNotFoundError, match='neither a video .* nor an image'):
        find_media(tmp_path / 'notes.txt')
    with pytest.raises(FileNotFoundError, match='does not exist'):
        find_media(tmp_path / 'none')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'empty' / 'x.txt').write_text('x')
    with pytest.raises(FileNotFoundError, match='no video and no image .*1 other files'):
        find_media(tmp_path / 'empty')


def test_numbers_in_names_count_as_numbers(tmp_path):
    """The last tenth of a folder is held back: it must be its end in time."""
    for name in ('frame_2', 'frame_10', 'frame_1', 'b'):
        cv2.imwrite(str(tmp_path / f'{name}.png'), picture(0))
    assert [m.name for m in find_media(tmp_path)] == [
        'b.png', 'frame_1.png', 'frame_2.png', 'frame_10.png']
