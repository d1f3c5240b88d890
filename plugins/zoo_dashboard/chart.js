// Curves over the epochs. The pointer, or the arrow keys, choose an epoch, and the legend shows its values.
function ticks(low, high) {
  if (!(high > low)) return [low];
  const rough = (high - low) / 4, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(f => f * unit).find(s => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= high / step + 1e-9; i++) found.push(i * step);
  return found;
}

class Chart {
  // series: [{ name, color, dash, points: [[epoch, value]], best: epoch }]; chosen(epoch or null) is called for the legend.
  constructor(place, label, chosen) {
    Object.assign(this, { place, label, chosen, series: [], epoch: null, format: String });
    place.tabIndex = 0;
    place.setAttribute("role", "slider");
    place.addEventListener("pointermove", event => this.choose(this.epochAt(event.clientX)));
    place.addEventListener("pointerleave", () => this.choose(null));
    place.addEventListener("blur", () => this.choose(null));
    place.addEventListener("keydown", event => this.step(event));
    new ResizeObserver(() => this.draw()).observe(place);
  }
  show(series, format) {
    Object.assign(this, { series: series.filter(line => line.points.length), format });
    this.draw();
    this.choose(this.epoch);
  }
  epochs() {
    return [...new Set(this.series.flatMap(line => line.points.map(([epoch]) => epoch)))].sort((a, b) => a - b);
  }
  step(event) {
    const all = this.epochs(), at = this.epoch === null ? all.length : all.indexOf(this.epoch);
    const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || !all.length) return;
    event.preventDefault();
    this.choose(all[Math.min(all.length - 1, Math.max(0, to))]);
  }
  epochAt(clientX) {
    const all = this.epochs(), x = clientX - this.place.getBoundingClientRect().left;
    return all.length && this.x ? all.reduce((a, b) => Math.abs(this.x(b) - x) < Math.abs(this.x(a) - x) ? b : a) : null;
  }
  valueOf(line, epoch = this.epoch) {
    const found = epoch === null ? line.points.at(-1) : line.points.find(point => point[0] === epoch);
    return found ? found[1] : null;
  }
  choose(epoch) {
    this.epoch = epoch;
    const all = this.epochs(), now = epoch ?? all.at(-1) ?? 0;
    const values = this.series.map(line => `${line.name} ${this.format(this.valueOf(line))}`).join(", ");
    const said = { label: `${this.label} over the epochs`, valuemin: all[0] ?? 0, valuemax: all.at(-1) ?? 0, valuenow: now, valuetext: `epoch ${now}: ${values || "no value yet"}` };
    for (const [name, value] of Object.entries(said)) this.place.setAttribute(`aria-${name}`, value);
    this.mark();
    this.chosen(epoch, this);
  }
  draw() {
    const W = this.place.clientWidth, H = Math.max(240, this.place.clientHeight), left = 52, right = 10, top = 8, bottom = 34;
    const all = this.series.flatMap(line => line.points), values = all.map(point => point[1]);
    this.cursor = null;
    if (!values.length || !W) { this.x = null; this.place.replaceChildren(make("p", values.length ? "" : "No epoch is finished yet.", "soft")); return; }
    let low = Math.min(...values), high = Math.max(...values);
    if (high === low) { low -= Math.abs(low) * .05 || .5; high += Math.abs(high) * .05 || .5; }
    const epochs = this.epochs(), first = epochs[0], last = Math.max(epochs.at(-1), first + 1);
    this.x = e => left + (W - left - right) * (e - first) / (last - first);
    this.y = v => H - bottom - (H - top - bottom) * (v - low) / (high - low);
    const svg = draw("svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, "aria-hidden": "true" });
    for (const value of ticks(low, high)) {
      svg.append(draw("line", { x1: left, x2: W - right, y1: this.y(value), y2: this.y(value), stroke: "var(--line)" }));
      svg.append(draw("text", { x: left - 6, y: this.y(value) + 4, "text-anchor": "end" }, this.format(value)));
    }
    for (const epoch of [...new Set(ticks(first, last).map(Math.round))].filter(e => e >= first && e <= last))
      svg.append(draw("text", { x: this.x(epoch), y: H - bottom + 16, "text-anchor": "middle" }, epoch));
    svg.append(draw("text", { x: (left + W - right) / 2, y: H - 2, "text-anchor": "middle" }, "epoch"));
    for (const line of this.series) this.curve(svg, line);
    this.cursor = draw("g", {});
    svg.append(this.cursor);
    this.place.replaceChildren(svg);
    this.size = { H, top, bottom };
    this.mark();
  }
  curve(svg, { points, color, dash, best }) {
    const path = points.map(([e, v], i) => `${i ? "L" : "M"}${this.x(e).toFixed(1)} ${this.y(v).toFixed(1)}`).join("");
    if (points.length > 1) svg.append(draw("path", { d: path, fill: "none", stroke: color, "stroke-width": 2, "stroke-dasharray": dash || "none", "stroke-linejoin": "round" }));
    if (points.length < 4) for (const [e, v] of points) svg.append(draw("circle", { cx: this.x(e), cy: this.y(v), r: 3.5, fill: color }));
    const kept = points.find(point => point[0] === best);
    if (kept) svg.append(draw("circle", { cx: this.x(kept[0]), cy: this.y(kept[1]), r: 5, fill: color }));
  }
  mark() {
    if (!this.cursor) return;
    this.cursor.replaceChildren();
    if (this.epoch === null) return;
    const x = this.x(this.epoch), { H, top, bottom } = this.size;
    this.cursor.append(draw("line", { x1: x, x2: x, y1: top, y2: H - bottom, stroke: "var(--soft)", "stroke-dasharray": "2 3" }));
    for (const line of this.series) {
      const value = this.valueOf(line);
      if (value !== null) this.cursor.append(draw("circle", { cx: x, cy: this.y(value), r: 4.5, fill: line.color, stroke: "var(--card)", "stroke-width": 1.5 }));
    }
  }
}

function swatch({ color, dash }) {
  const sign = make("i", null, "swatch");
  sign.style.borderTopColor = color;
  sign.style.borderTopStyle = dash ? "dashed" : "solid";
  return sign;
}
function legend(place, chart) {
  const epoch = chart.epoch === null ? "latest" : `epoch ${chart.epoch}`;
  place.replaceChildren(...chart.series.map(line => {
    const item = make("li");
    item.append(swatch(line), make("span", line.name), make("b", chart.format(chart.valueOf(line))));
    return item;
  }), make("li", chart.series.length ? epoch : "", "soft"));
}
