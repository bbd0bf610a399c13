import matplotlib.pyplot as plt
import numpy as np

import ecgcam

record = ecgcam.read("ecgs/records100/00000/00054_lr")
explanation = ecgcam.load("superclass").explain(record)
time_s = np.linspace(0, explanation.evidence_s, explanation.evidence.shape[-1])
figure, axes = plt.subplots(figsize=(11, 4), layout="constrained")
for name, evidence in zip(explanation.full_names, explanation.evidence, strict=True):
    axes.plot(time_s, evidence, label=name)
axes.axhline(0, color="0.7", lw=1)
axes.set(xlabel="time (s)", ylabel="evidence (logits)")
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
figure.savefig("evidence.png", dpi=110)
