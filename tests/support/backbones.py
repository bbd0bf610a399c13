"""Backbones of a user, named `support.backbones:Copy` and so on."""

from torch import nn


class Copy(nn.Module):
    """The features are the signal itself."""

    def __init__(self, *, leads):
        super().__init__()
        self.channels = leads

    def forward(self, signal):
        return signal


class Dropping(nn.Module):
    """A convolution with dropout."""

    def __init__(self, *, leads, channels=6):
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv1d(leads, channels, 9, stride=4)
        self.norm = nn.BatchNorm1d(channels)
        self.dropout = nn.Dropout(0.5)

    def forward(self, signal):
        return self.dropout(self.norm(self.conv(signal)).relu())


class Tied(nn.Module):
    """Two convolutions that share their weight."""

    def __init__(self, *, leads):
        super().__init__()
        self.channels = leads
        self.first = nn.Conv1d(leads, leads, 3, padding=1)
        self.second = nn.Conv1d(leads, leads, 3, padding=1)
        self.second.weight = self.first.weight

    def forward(self, signal):
        return self.second(self.first(signal).relu())


class Whole(nn.Module):
    """A layer that accepts only 5 s at 100 Hz."""

    def __init__(self, *, leads):
        super().__init__()
        self.channels = leads
        self.frames = nn.Linear(500, 20)

    def forward(self, signal):
        return self.frames(signal)


class Silent(nn.Module):
    """A backbone without an attribute `channels`."""

    def __init__(self, *, leads):
        super().__init__()


WIDTH = 3  # not a class
