"""SCP statements of synthetic ECGs, and the disorder behind each.

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
    depress_st_slightly,
    drop_beats,
    flatten_t,
    infarction,
    insert_premature_beats,
    ischemia,
    left_anterior_hemiblock,
    left_atrial_enlargement,
    left_bundle_branch_block,
    left_hypertrophy,
    prolong_pr,
    right_bundle_branch_block,
    right_hypertrophy,
)

NORMAL = "NORM"


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """An abnormality that a synthetic heart can have.

    change: the function that gives it to a healthy heart.
    waves:  the visible changes: segments of each beat ("P", "PR", "QRS", "ST", "T"), the
            "ectopic" beat, or the "pause" in place of a missing beat.
    forms:  form statements that accompany it in a report.
    """

    statement: Statement
    change: Change
    waves: tuple[str, ...]
    forms: tuple[str, ...] = ()


def _superclass(
    superclass: str, *rows: tuple[str, str, str, Change, str, str]
) -> dict[str, Disorder]:
    """Build disorders from rows of code, subclass, description, change, waves, forms."""
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
            waves=tuple(waves.split()),
            forms=tuple(forms.split()),
        )
        for code, subclass, description, change, waves, forms in rows
    }


# Disorders are applied in this order: first missing beats, then the conduction, then the muscle.
DISORDERS = {
    "PVC": Disorder(
        statement=Statement(code="PVC", description="ventricular premature beat", form=True),
        change=insert_premature_beats,
        waves=("ectopic", "pause"),
    ),
    **_superclass(
        "CD",
        ("2AVB", "_AVB", "second degree AV block", drop_beats, "pause", ""),
        ("1AVB", "_AVB", "first degree AV block", prolong_pr, "PR", ""),
        ("LAFB", "LAFB/LPFB", "left anterior hemiblock", left_anterior_hemiblock, "QRS", ""),
        ("CLBBB", "CLBBB", "left bundle branch block", left_bundle_branch_block, "QRS ST T", ""),
        ("CRBBB", "CRBBB", "right bundle branch block", right_bundle_branch_block, "QRS ST T", ""),
    ),
    **_superclass(
        "HYP",
        ("LVH", "LVH", "left ventricular hypertrophy", left_hypertrophy, "QRS ST T", "VCLVH"),
        ("RVH", "RVH", "right ventricular hypertrophy", right_hypertrophy, "QRS T", ""),
        ("LAO/LAE", "LAO/LAE", "left atrial enlargement", left_atrial_enlargement, "P", ""),
    ),
    **_superclass(
        "STTC",
        ("ISC_", "ISC_", "ischemia", ischemia(APEX), "ST T", "STD_"),
        ("ISCAL", "ISCA", "ischemia, anterolateral", ischemia(ANTEROLATERAL), "ST T", "STD_"),
        ("ISCIN", "ISCI", "ischemia, inferior", ischemia(INFERIOR), "ST T", "STD_"),
        ("NST_", "NST_", "slight ST depression", depress_st_slightly, "ST T", ""),
        ("NDT", "STTC", "flat or slightly inverted T", flatten_t, "T", ""),
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
