"""The SCP statements that made-up ECGs are given, and the disorder behind each.

Codes, classes and subclasses are those of the SCP-ECG standard as PTB-XL groups them.
"""

from dataclasses import dataclass

from ..statements import Statement
from .disorders import (
    ANTERIOR,
    ANTEROLATERAL,
    ANTEROSEPTAL,
    APEX,
    INFERIOR,
    LATERAL,
    Change,
    dropped_beats,
    flat_t,
    infarction,
    ischemia,
    left_anterior_hemiblock,
    left_atrial_load,
    left_bundle_branch_block,
    left_hypertrophy,
    long_pr,
    premature_beats,
    right_bundle_branch_block,
    right_hypertrophy,
    slight_st_depression,
)

NORMAL = "NORM"


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """An abnormality that a made-up heart can have.

    change: makes a heart that has it from one that has not.
    shows:  where: segments of each beat ("P", "PR", "QRS", "ST", "T"), the "ectopic" beat, or
            the "pause" where a beat is missing.
    along:  form statements that a reader writes down with it.
    """

    statement: Statement
    change: Change
    shows: tuple[str, ...]
    along: tuple[str, ...] = ()


def _superclass(
    superclass: str, *rows: tuple[str, str, str, Change, str, str]
) -> dict[str, Disorder]:
    """Each row: code, subclass, description, change, shows, along."""
    return {
        code: Disorder(
            statement=Statement(
                code=code,
                description=description,
                superclass=superclass,
                subclass=subclass,
                form=code in ("NST_", "NDT"),
            ),
            change=change,
            shows=tuple(shows.split()),
            along=tuple(along.split()),
        )
        for code, subclass, description, change, shows, along in rows
    }


# A heart gets its disorders in this order: first the beats that fail to come, then the paths that
# the excitation takes, then the muscle it meets.
DISORDERS = {
    "PVC": Disorder(
        statement=Statement(code="PVC", description="ventricular premature beat", form=True),
        change=premature_beats,
        shows=("ectopic", "pause"),
    ),
    **_superclass(
        "CD",
        ("2AVB", "_AVB", "second degree AV block", dropped_beats, "pause", ""),
        ("1AVB", "_AVB", "first degree AV block", long_pr, "PR", ""),
        ("LAFB", "LAFB/LPFB", "left anterior hemiblock", left_anterior_hemiblock, "QRS", ""),
        ("CLBBB", "CLBBB", "left bundle branch block", left_bundle_branch_block, "QRS ST T", ""),
        ("CRBBB", "CRBBB", "right bundle branch block", right_bundle_branch_block, "QRS ST T", ""),
    ),
    **_superclass(
        "HYP",
        ("LVH", "LVH", "left ventricular hypertrophy", left_hypertrophy, "QRS ST T", "VCLVH"),
        ("RVH", "RVH", "right ventricular hypertrophy", right_hypertrophy, "QRS T", ""),
        ("LAO/LAE", "LAO/LAE", "left atrial enlargement", left_atrial_load, "P", ""),
    ),
    **_superclass(
        "STTC",
        ("ISC_", "ISC_", "ischemia", ischemia(APEX), "ST T", "STD_"),
        ("ISCAL", "ISCA", "ischemia, anterolateral", ischemia(ANTEROLATERAL), "ST T", "STD_"),
        ("ISCIN", "ISCI", "ischemia, inferior", ischemia(INFERIOR), "ST T", "STD_"),
        ("NST_", "NST_", "slight ST depression", slight_st_depression, "ST T", ""),
        ("NDT", "STTC", "flat or slightly inverted T", flat_t, "T", ""),
    ),
    **_superclass(
        "MI",
        ("IMI", "IMI", "inferior infarction", infarction(INFERIOR), "QRS ST T", "QWAVE"),
        ("AMI", "AMI", "anterior infarction", infarction(ANTERIOR), "QRS ST T", "QWAVE"),
        ("ASMI", "AMI", "anteroseptal infarction", infarction(ANTEROSEPTAL), "QRS ST T", "QWAVE"),
        ("ALMI", "AMI", "anterolateral infarction", infarction(ANTEROLATERAL), "QRS ST T", "QWAVE"),
        ("LMI", "LMI", "lateral infarction", infarction(LATERAL), "QRS ST T", "QWAVE"),
    ),
}

_OTHERS = (
    Statement(code=NORMAL, description="normal ECG", superclass="NORM", subclass="NORM"),
    Statement(code="QWAVE", description="Q waves", form=True),
    Statement(code="STD_", description="ST depression", form=True),
    Statement(code="VCLVH", description="voltage criteria of LVH", form=True),
    Statement(code="SR", description="sinus rhythm", rhythm=True),
    Statement(code="SBRAD", description="sinus bradycardia", rhythm=True),
    Statement(code="STACH", description="sinus tachycardia", rhythm=True),
    Statement(code="SARRH", description="sinus arrhythmia", rhythm=True),
)
STATEMENTS = {
    statement.code: statement
    for statement in (*(disorder.statement for disorder in DISORDERS.values()), *_OTHERS)
}
