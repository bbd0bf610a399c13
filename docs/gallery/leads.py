import ecgcam
from ecgcam.plots import draw_leads

record = ecgcam.read("ecgs/records100/00000/00054_lr")
model = ecgcam.load("normal")
figure = draw_leads(record, model.explain(record))
figure.savefig("leads.png", dpi=110)
