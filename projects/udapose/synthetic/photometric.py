"""What a camera does to the target domain's images."""

import cv2
import numpy as np


def defocus(rng, background, strongest=1.1):
    """Blur a background like one that is out of focus.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        background (ndarray): Square image, shape (H, W, 3), float32.
        strongest (float): Largest deviation of the blur, pixels per 128 pixels of image.

    Returns:
        ndarray: Image of the same shape.
    """
    sigma = rng.uniform(0, strongest) * len(background) / 128
    if sigma < .2:
        return background
    return cv2.GaussianBlur(np.ascontiguousarray(background, np.float32), (0, 0), sigma)


def motion_kernel(length, angle):
    """Kernel of a straight camera movement.

    Args:
        length (float): Distance in pixels.
        angle (float): Direction in radians.

    Returns:
        ndarray: Odd square kernel with sum 1, float32.
    """
    half = int(np.ceil(length / 2))
    side = 2 * half + 1
    kernel = np.zeros((side + 1, side + 1), np.float32)
    along = np.linspace(-length / 2, length / 2, max(int(4 * length), 2))
    x, y = half + along * np.cos(angle), half + along * np.sin(angle)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - column, y - row
    for dy, wy in ((0, 1 - fy), (1, fy)):
        for dx, wx in ((0, 1 - fx), (1, fx)):
            np.add.at(kernel, (row + dy, column + dx), wy * wx)
    kernel = kernel[:side, :side]
    return kernel / kernel.sum()


def photograph(rng, image, figure, moving=.35, noise_range=(.005, .04)):
    """Motion blur, focus, exposure, colour cast, contrast, vignetting and sensor noise.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        image (ndarray): Rendered square image, shape (H, W, 3), float32.
        figure (ndarray): Coverage of the figure, shape (H, W), in [0, 1].
        moving (float): Share of images with motion blur.
        noise_range (tuple): Range of the sensor noise's deviation.

    Returns:
        tuple[ndarray, int]: The photograph (H, W, 3) uint8; JPEG quality in percent.
    """
    size = len(image)
    if rng.random() < moving:
        kernel = motion_kernel(rng.uniform(1.5, 5) * size / 128, rng.uniform(0, np.pi))
        image = cv2.filter2D(image, -1, kernel)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(.3, .9) * size / 192)
    # Expose for the figure and the whole picture alike.
    luminance = image.mean(2)
    area = float(figure.sum())
    mean = float(luminance.mean())
    if area > 0:
        mean = .5 * mean + .5 * float((luminance * figure).sum()) / area
    gain = float(np.clip(rng.uniform(.34, .5) / max(mean, 1e-3), .7, 2.4))
    gain = gain * (1 + rng.normal(0, .08)) * (1 + rng.normal(0, .05, 3))
    gamma, contrast = rng.uniform(.8, 1.25), rng.uniform(.8, 1.2)
    # Gamma and contrast by a table: a power per value would cost more than all the rest.
    levels = np.linspace(0, 1.2, 1024)
    curve = ((levels ** gamma - .5) * contrast + .5).astype(np.float32)
    index = image * np.maximum(gain * (1023 / 1.2), 0).astype(np.float32)
    image = curve[np.clip(index, 0, 1023).astype(np.int16)]
    grid = np.linspace(-1, 1, size, dtype=np.float32) ** 2
    vignette = 1 - np.float32(rng.uniform(0, .25) / 2) * (grid + grid[:, None])
    image *= vignette[..., None]
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(*noise_range))
    noise *= image + np.float32(.5)
    image += noise
    return to_bytes(image), int(rng.integers(35, 92))


def to_bytes(image):
    """Float image in [0, 1] to uint8, rounded and clipped."""
    return cv2.convertScaleAbs(np.clip(image, 0, 1), alpha=255)
