from dataclasses import replace

import ecgcam
from ecgcam.plots import draw_sheet

record = ecgcam.read("ecgs/records100/00000/00054_lr")
short = replace(record, signal_mv=record.signal_mv[:, :600])  # 6 s at 100 Hz
model = ecgcam.load("normal")
figure = draw_sheet(short, model.explain(short))
figure.savefig("short.png", dpi=110)
