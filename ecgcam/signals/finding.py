"""Finding: one fault of a signal, for programs and for people."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of an ECG.

    name:    what programs look for: "flat", "mains", "arms swapped". docs/quality.md lists all.
    leads:   where it is, in the model's order; () if it concerns the whole ECG.
    text:    a sentence for people, without a period.
    refuses: whether the ECG is refused for it.
    """

    name: str
    leads: tuple[str, ...] = ()
    text: str
    refuses: bool = False
