import torch


class DetectorNoise:
    """Gaussian noise whose strength, and an exposure whose gain, are drawn for each image.

    Args:
        size: side of the images in pixels; not used.
        sigma: highest standard deviation of the noise, of pixels in 0..1.
        exposure: the gain is in 1 - exposure .. 1 + exposure.
    """

    def __init__(self, size: int, sigma: float = 0.02, exposure: float = 0.1):
        self.sigma, self.exposure = sigma, exposure

    def __call__(self, images, targets):
        one = (len(images), 1, 1, 1)
        gain = 1 + self.exposure * (2 * torch.rand(one, device=images.device) - 1)
        strength = self.sigma * torch.rand(one, device=images.device)
        return (images * gain + strength * torch.randn_like(images)).clamp(0, 1), targets
