"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const element = (id) => document.getElementById(id);

const microvolts = new Int16Array(bytes(data.microvolts).buffer); // lead after lead
const samples = microvolts.length / data.leads.length;
const time = Float64Array.from({ length: samples }, (_, k) => (k * data.duration_s) / samples);
const traces = data.leads.map((_, k) =>
  Float32Array.from(microvolts.subarray(k * samples, (k + 1) * samples), (uv) => uv / 1000));

// Return a canvas with one pixel per sample; the browser stretches it to the width of a plot.
function heatStrip(text) {
  const stops = data.heat_colours.map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
  const values = bytes(text);
  const strip = document.createElement("canvas");
  [strip.width, strip.height] = [values.length, 1];
  const image = new ImageData(values.length, 1);
  values.forEach((value, k) => {
    const position = (value / 254) * (stops.length - 1);
    const stop = Math.min(Math.floor(position), stops.length - 2);
    const mixed = stops[stop].map((low, c) => low + (stops[stop + 1][c] - low) * (position - stop));
    image.data.set(value === 255 ? [223, 227, 232, 255] : [...mixed, 255], 4 * k);
  });
  strip.getContext("2d").putImageData(image, 0, 0);
  return strip;
}

let chosen = null; // the class that is shown
let heat = []; // a strip for each lead, or one for all
function choose(name) {
  chosen = data.classes.find((candidate) => candidate.name === name);
  heat = chosen.heat.map(heatStrip);
  element("sum").textContent = chosen.sum;
  element("sentence").textContent = chosen.sentence;
  element("edge-warning").textContent = chosen.edge_warning;
  element("edge-warning").hidden = !chosen.edge_warning;
}

function drawHeat(plot, strip) {
  if (!strip) return;
  const { left, top, width, height } = plot.bbox;
  const { min, max } = plot.scales.x;
  const perSecond = strip.width / data.duration_s;
  plot.ctx.imageSmoothingEnabled = false;
  plot.ctx.drawImage(strip, min * perSecond, 0, (max - min) * perSecond, 1, left, top, width, height);
}

const plots = [];
const SHORTEST_S = Math.min(0.2, data.duration_s);
function show(min, max) {
  const width = Math.min(Math.max(max - min, SHORTEST_S), data.duration_s);
  const start = Math.min(Math.max(min, 0), data.duration_s - width);
  for (const plot of plots) {
    const x = plot.scales.x;
    if (x.min !== start || x.max !== start + width) plot.setScale("x", { min: start, max: start + width });
  }
}

// Leave out labels at the edge: they would overlap those of the next plot.
function innerLabels(plot, splits) {
  const { min, max } = plot.scales.y;
  const margin = 0.1 * (max - min);
  return splits.map((value) => (value > min + margin && value < max - margin ? `${+value.toFixed(1)}` : ""));
}

function addPlot(parent, { height, label, values, range, series, withTime, strip }) {
  const box = parent.appendChild(document.createElement("div"));
  const name = box.appendChild(document.createElement("span"));
  name.className = "lead";
  name.textContent = label;
  const axisStyle = { stroke: "#5b6876", grid: { stroke: "rgba(120,130,145,0.28)", width: 1 }, ticks: { show: false } };
  const plot = new uPlot({
    width: box.clientWidth,
    height: height + (withTime ? 24 : 0),
    padding: [0, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, sync: { key: "ecg", scales: ["x", null] }, bind: { dblclick: () => null } },
    scales: { x: { time: false, auto: false, min: 0, max: data.duration_s }, y: { range } },
    axes: [
      { ...axisStyle, size: withTime ? 24 : 0, space: 40, incrs: [0.04, 0.2, 1, 2, 5, 10, 30, 60],
        values: (_, splits) => splits.map((s) => (withTime ? `${+s.toFixed(2)}` : "")) },
      { ...axisStyle, size: 42, space: 22, incrs: [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50], values: innerLabels },
    ],
    series: [{}, { ...series, points: { show: false } }],
    hooks: {
      drawClear: [(self) => drawHeat(self, strip())],
      setScale: [(self, key) => key === "x" && self.scales.x.min !== null && show(self.scales.x.min, self.scales.x.max)],
      setCursor: [(self) => self.cursor.event && showValue(self, label)],
    },
  }, values, box);
  plots.push(plot);
  return plot;
}

function showValue(plot, label) {
  const index = plot.cursor.idx;
  if (index == null) return;
  const [time_s, value] = [plot.data[0][index], plot.data[1][index]];
  element("reading").textContent = `${time_s.toFixed(2)} s   ${label} ${value.toFixed(2)}`;
}

// All leads have the same scale in pixels per millivolt.
const spans = traces.map((trace) => [Math.min(...trace), Math.max(...trace)]);
const widest = Math.max(1, ...spans.map(([low, high]) => high - low)) * 1.1;
data.leads.forEach((label, k) => {
  const middle = (spans[k][0] + spans[k][1]) / 2;
  addPlot(element("plots"), {
    height: 84, label, values: [time, traces[k]], range: () => [middle - widest / 2, middle + widest / 2],
    series: { stroke: "#000", width: 1 }, withTime: k === data.leads.length - 1, strip: () => heat[Math.min(k, heat.length - 1)],
  });
});

function evidenceSteps({ evidence }) {
  const starts = data.frame_edges_s;
  return [starts, [...evidence, evidence[evidence.length - 1]]];
}

if (data.classes.length) {
  choose(data.first);
  element("class").value = data.first;
  const colours = data.heat_colours.slice(data.scale_from ? Math.floor(data.heat_colours.length / 2) : 0);
  element("colours").style.background = `linear-gradient(to right, ${colours.join(",")})`;
  const all = data.classes.flatMap((result) => result.evidence);
  const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
  const room = (high - low) * 0.08 || 1;
  const curve = addPlot(element("evidence"), {
    height: 130, label: "", values: evidenceSteps(chosen), range: () => [low - room, high + room],
    series: { stroke: "#08519c", fill: "rgba(66,133,190,0.45)", width: 1.2, fillTo: () => 0, paths: uPlot.paths.stepped({ align: 1 }) },
    withTime: true, strip: () => null,
  });
  element("class").addEventListener("change", (event) => {
    choose(event.target.value);
    curve.setData(evidenceSteps(chosen), false);
    for (const plot of plots) plot.redraw();
  });
}

function move(action) {
  const { min, max } = plots[0].scales.x;
  const width = max - min;
  if (action === "in") show(min + width / 4, max - width / 4);
  if (action === "out") show(min - width / 2, max + width / 2);
  if (action === "earlier") show(min - width / 4, max - width / 4);
  if (action === "later") show(min + width / 4, max + width / 4);
  if (action === "all") show(0, data.duration_s);
}
for (const action of ["in", "out", "earlier", "later", "all"]) {
  element(action).addEventListener("click", () => move(action));
}
const KEYS = { "+": "in", "=": "in", "-": "out", ArrowLeft: "earlier", ArrowRight: "later", 0: "all" };
element("plots").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  move(KEYS[event.key]);
});
for (const plot of plots) plot.over.addEventListener("dblclick", () => move("all"));

new ResizeObserver(() => {
  for (const plot of plots) plot.setSize({ width: plot.root.parentElement.clientWidth, height: plot.height });
}).observe(element("plots"));
