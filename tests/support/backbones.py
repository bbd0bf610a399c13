"""Backbones of one's own, as a user would write them: named `support.backbones:Copy` and so on."""

from torch import nn


class Copy(nn.Module):
    """The signal itself as its features, so that every number is known."""

    def __init__(self, *, leads):
        super().__init__()
        self.channels = leads

    def forward(self, signal):
        return signal


class Dropping(nn.Module):
    """It forgets half of what it sees, by chance."""

    def __init__(self, *, leads, channels=6):
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv1d(leads, channels, 9, stride=4)
        self.norm = nn.BatchNorm1d(channels)
        self.dropout = nn.Dropout(0.5)

    def forward(self, signal):
        return self.dropout(self.norm(self.conv(signal)).relu())


class Tied(nn.Module):
    """Two convolutions with one weight, under two names."""

    def __init__(self, *, leads):
        super().__init__()
        self.channels = leads
        self.there = nn.Conv1d(leads, leads, 3, padding=1)
        self.back = nn.Conv1d(leads, leads, 3, padding=1)
        self.back.weight = self.there.weight

    def forward(self, signal):
        return self.back(self.there(signal).relu())


class Whole(nn.Module):
    """It takes 5 s at 100 Hz and nothing else."""

    def __init__(self, *, leads):
        super().__init__()
        self.channels = leads
        self.frames = nn.Linear(500, 20)

    def forward(self, signal):
        return self.frames(signal)


class Silent(nn.Module):
    """It does not say how many channels it gives."""

    def __init__(self, *, leads):
        super().__init__()


WIDTH = 3  # no class at all
