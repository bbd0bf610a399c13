import ecgcam
from ecgcam.plots import draw_leads

record = ecgcam.read("ecgs/records100/00000/00059_lr")
model = ecgcam.load("superclass")
figure = draw_leads(record, model.explain(record), class_name="CD")
figure.savefig("superclass.png", dpi=110)
