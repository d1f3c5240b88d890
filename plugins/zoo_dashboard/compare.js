// Curves of several runs over each other.
const MOST = 16;
const CURVES = [["val_accuracy", "val accuracy", percent], ["val_loss", "val loss", short], ["train_accuracy", "train accuracy", percent], ["train_loss", "train loss", short], ["val_mae", "val MAE", ERROR.text], ["train_mae", "train MAE", ERROR.text]];
const compared = new Map(); // name -> its epochs, or null until they are known
let curve = CURVES[0][0], dropped = 0;
const places = new Map(); // name -> its colour, which stays while it is compared

const styleOf = name => ({ color: `var(--s${places.get(name) % 8 + 1})`, dash: places.get(name) >= 8 ? "6 4" : "" });
function place(name) {
  const taken = new Set([...compared.keys()].map(each => places.get(each)));
  places.set(name, [...Array(MOST).keys()].find(number => !taken.has(number)));
}
function compareAlso(names, add) {
  dropped = 0;
  for (const name of names) {
    if (!add) { compared.delete(name); places.delete(name); }
    else if (!compared.has(name)) {
      if (compared.size >= MOST) { dropped += 1; continue; }
      place(name);
      compared.set(name, null);
    }
  }
  sessionStorage.setItem("compared", JSON.stringify([...compared.keys()]));
  list();
  refreshCompared(true).catch(() => { $("lost").hidden = false; });
}
const overlay = new Chart($("overlay"), "Curves of the chosen runs", overlayLegend);

function overlayLegend(epoch, chart) {
  if (!chart) return;
  const held = document.activeElement && document.activeElement.closest("#overlay-legend") ? document.activeElement.dataset.name : null;
  $("overlay-legend").replaceChildren(...[...compared.keys()].map(name => {
    const item = make("li"), link = make("a", name), away = make("button", "✕"), line = chart.series.find(each => each.name === name);
    link.href = "#" + encodeURIComponent(name);
    away.type = "button";
    away.dataset.name = name;
    away.setAttribute("aria-label", `Remove ${name}`);
    away.addEventListener("click", () => { compareAlso([name], false); ($("overlay-legend").querySelector("button") ?? $("filter")).focus(); });
    item.append(swatch(styleOf(name)), link, make("b", line ? chart.format(chart.valueOf(line)) : "–"), away);
    return item;
  }), make("li", epoch === null ? "latest epoch of each" : `epoch ${epoch}`, "soft"));
  if (held) { const again = [...$("overlay-legend").querySelectorAll("button")].find(each => each.dataset.name === held); if (again) again.focus(); }
}
function showCompared() {
  $("compare").hidden = compared.size === 0;
  if (!compared.size) return;
  $("compare-head").textContent = compared.size === 1 ? "Check another run to compare" : `${compared.size} runs compared${dropped ? ` (${MOST} at most)` : ""}`;
  offerCurves();
  const [key, words, format] = CURVES.find(each => each[0] === curve);
  overlay.label = words;
  overlay.show([...compared].filter(([, epochs]) => epochs).map(([name, epochs]) => ({
    name, ...styleOf(name), points: epochs.map(e => [e.epoch, e[key]]).filter(point => point[1] !== null && point[1] !== undefined), best: epochs.filter(e => e.best).at(-1)?.epoch,
  })), format);
}
// Curves that no chosen run has are not offered: a regression has no accuracy, other runs no MAE.
function offerCurves() {
  const epochs = [...compared.values()].filter(Boolean).flat();
  const has = key => !epochs.length ? !key.endsWith("mae") : epochs.some(e => e[key] !== null && e[key] !== undefined);
  if (!has(curve)) curve = ["val_accuracy", "val_mae", "val_loss"].find(has) ?? CURVES[0][0];
  for (const radio of $("metric").querySelectorAll("input")) {
    radio.closest("label").hidden = !has(radio.value);
    radio.checked = radio.value === curve;
  }
}
async function refreshCompared(force) {
  let changed = force;
  await Promise.all([...compared.keys()].map(async name => {
    const row = runs.get(name), known = compared.get(name) ?? [];
    if (compared.get(name) && row && row.epochs === known.length) return;
    changed = true;
    if (!row) { compared.delete(name); return; }
    const after = known.length && row.epochs > known.length ? known.at(-1).epoch : 0;
    const found = await ask(`api/run?name=${encodeURIComponent(name)}&after=${after}`);
    if (compared.has(name)) compared.set(name, after ? [...known, ...found.epochs_after] : found.epochs_after);
  }));
  if (changed) showCompared();
}
function metricChoice() {
  $("metric").append(...CURVES.map(([key, words]) => {
    const label = make("label"), radio = make("input");
    Object.assign(radio, { type: "radio", name: "curve", value: key, checked: key === curve });
    radio.addEventListener("change", () => { curve = key; showCompared(); });
    label.append(radio, words);
    return label;
  }));
}
function remembered() {
  try {
    const names = JSON.parse(sessionStorage.getItem("compared") ?? "[]").filter(name => runs.has(name));
    if (names.length) compareAlso(names, true);
  } catch (error) { sessionStorage.removeItem("compared"); }
}
$("clear").addEventListener("click", () => { compareAlso([...compared.keys()], false); $("filter").focus(); });
metricChoice();
