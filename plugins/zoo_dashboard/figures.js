// Elements, and figures in words.
const $ = id => document.getElementById(id);
const NS = "http://www.w3.org/2000/svg";

function make(tag, words, cls) {
  const element = document.createElement(tag);
  if (words !== undefined && words !== null) element.textContent = words;
  if (cls) element.className = cls;
  return element;
}
function draw(tag, attributes, words) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words !== undefined) element.textContent = words;
  return element;
}
const isShare = name => /accuracy|f1|precision|recall/.test(name || "");
const lowerIsBetter = name => /loss|error|brier|nll|calibration|\bmae|rmse/.test(name || "");
const percent = value => value === null || value === undefined ? "–" : (100 * value).toFixed(1) + "%";
const short = value => value === null || value === undefined ? "–" : Math.abs(value) < 100 ? String(+value.toPrecision(3)) : value.toFixed(0);
function figure(value, monitor) {
  if (value === null || value === undefined) return "–";
  return isShare(monitor) ? percent(value) : /\bmae|rmse/.test(monitor || "") ? inUnit(value) : Math.abs(value) < 100 ? value.toFixed(4) : value.toPrecision(4);
}
function inUnit(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) < 1e4 ? String(+value.toPrecision(4)) : Math.round(value).toLocaleString("en");
}
const ACCURACY = { key: "accuracy", name: "accuracy", title: "Accuracy", text: percent };
const ERROR = { key: "mae", name: "MAE", title: "MAE", text: inUnit };
// The metric that stands for a run: the accuracy, or of a regression the mean absolute error.
const mainOf = epochs => epochs.some(e => e.val_mae !== undefined && e.val_accuracy === null) ? ERROR : ACCURACY;
function clock(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 60) return seconds.toFixed(1) + " s";
  const s = Math.round(seconds);
  return s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}
function about(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
function when(seconds) {
  if (!seconds) return "–";
  const at = new Date(1000 * seconds), now = new Date(), year = at.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  const day = at.toDateString() === now.toDateString() ? {} : { day: "numeric", month: "short", ...year };
  return at.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
}
const epochsOf = run => run.of ? `${run.epochs} of ${run.of}` : String(run.epochs);
const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const quoted = word => /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`;
const reportOf = name => `report?name=${encodeURIComponent(name)}`;
const statusClass = status => status.replace(/\W/g, "");
