import ecgcam
from ecgcam.plots import draw_sheet

record = ecgcam.read("ecgs/records100/00000/00010_lr")
model = ecgcam.load("normal")
figure = draw_sheet(record, model.explain(record))
figure.savefig("sheet.png", dpi=110)  # or sheet.pdf, true to scale on A4
