"""Checksums of device files: believed where the file's other checksums hold."""

from collections.abc import Mapping

from ..errors import RecordError


def check_checksums(intact: Mapping[str, bool]) -> tuple[str, ...]:
    """Return a warning if all checksums of a file fail: its device computes them otherwise.

    intact: whether each part with a checksum fits it, by the part's name.
    Raises RecordError if some fail and others do not: then these parts are damaged.
    """
    failed = [part for part, fits in intact.items() if not fits]
    if not failed:
        return ()
    if len(failed) < len(intact):
        raise RecordError(f"the checksum of {', '.join(failed)} fails: the file is damaged.")
    return ("no checksum of the file fits its data: compare the signal with the printout",)
