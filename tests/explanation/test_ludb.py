"""LUDB: its marks become waves, and diagnoses belong to classes."""

import numpy as np
import pytest
import torch
from support.subjects import copying, make_tiny_subject
from support.tiny import NORMAL, SUPERCLASS

from ecgcam.errors import DatasetError
from ecgcam.explanation.ludb import belongs, ludb_figures, read_ludb


def test_diagnoses_belong_to_classes():
    cd, sttc, mi = (SUPERCLASS.classes.index(name) for name in ("CD", "STTC", "MI"))
    block = ("Rhythm: Sinus rhythm", "Complete left bundle branch block")
    assert belongs(block, "conduction", SUPERCLASS, cd)
    assert not belongs(block, "conduction", SUPERCLASS, mi)
    assert not belongs(block, "ischaemia", SUPERCLASS, sttc)
    assert belongs(("STEMI: septal",), "ischaemia", SUPERCLASS, mi)
    assert not belongs(("Ischemia: apical",), "ischaemia", SUPERCLASS, mi)
    assert belongs(("Ischemia: apical",), "ischaemia", NORMAL, 0)


def test_a_folder_without_records_is_refused(tmp_path):
    subject = make_tiny_subject(tmp_path)
    with pytest.raises(DatasetError, match=r"no record of LUDB: found no \.hea file"):
        read_ludb(tmp_path, subject)


@pytest.fixture(scope="module")
def marked(shared, tmp_path_factory):
    """The records of LUDB, as a network of 5 s takes them."""
    subject = make_tiny_subject(tmp_path_factory.mktemp("subject"), copying(lead=1))
    return subject, read_ludb(shared / "ludb", subject)


def test_marks_of_real_ecgs_become_waves(marked):
    _, ecgs = marked
    assert len(ecgs) > 60
    shares = {wave: np.array([ecg.waves[wave].mean() for ecg in ecgs]) for wave in ecgs[0].waves}
    assert 0.08 < np.median(shares["QRS"]) < 0.16  # 0.1 s of a beat
    assert 0.1 < np.median(shares["T"]) < 0.25
    assert all((ecg.waves["QRS"] <= ecg.marked).all() for ecg in ecgs)
    assert not any((ecg.waves["QRS"] & ecg.waves["T"]).any() for ecg in ecgs)
    steep = []
    for ecg in ecgs:
        slope = np.abs(np.diff(ecg.signal_mv, prepend=0)).mean(axis=0)
        steep.append(slope[ecg.waves["QRS"]].mean() / slope[ecg.marked].mean())
    assert np.median(steep) > 3  # QRS is the steep wave


def test_a_map_of_steepness_lies_in_qrs(marked):
    subject, ecgs = marked
    subject.card["thresholds"] = [0.0]

    def steepness(network, prepared, k):
        return torch.diff(prepared, dim=-1, prepend=prepared[..., :1]).abs().mean(1, keepdim=True)

    subject.maps["evidence"] = steepness
    conduction, ischaemia = ludb_figures(subject, 0, ecgs)
    assert conduction.values["evidence"].value > 3
    assert conduction.to_dict()["met"] is True
    assert ischaemia.values["evidence"].value < 1
    assert conduction.values["random"].value == pytest.approx(1, abs=0.1)
    subject.frames["step_s"] = 0.16
    assert all("longer than a QRS" in figure.note for figure in ludb_figures(subject, 0, ecgs))
