// One run.
let detail = null;
const charts = Object.fromEntries(["accuracy", "loss"].map(name => [name, new Chart($(name), name, (epoch, chart) => { if (chart) legend($(`${name}-legend`), chart); })]));

function plot(name, epochs, format, key = name) {
  const best = epochs.filter(e => e.best).at(-1)?.epoch;
  charts[name].show(["train", "val"].map(split => ({
    name: split, color: `var(--${split})`, points: epochs.map(e => [e.epoch, e[`${split}_${key}`]]).filter(p => p[1] !== null), best: split === "val" ? best : null,
  })), format);
}
function tile(label, value) {
  const box = make("div", null, "tile");
  box.append(make("span", label, "soft small"), make("b", value));
  return box;
}
function table(id, rows, head) {
  $(id).querySelector("tbody").replaceChildren(...rows.map(([cells, cls]) => {
    const row = make("tr", null, cls);
    cells.forEach((words, i) => {
      const cell = make(head && i === 0 ? "th" : "td", words, head ? "name" : "n");
      if (head && i === 0) cell.scope = "row";
      row.append(cell);
    });
    return row;
  }));
}
function showTiles(run) {
  const took = run.all.reduce((sum, e) => sum + (e.seconds || 0), 0), row = runs.get(run.run) ?? run;
  $("tiles").replaceChildren(...[
    tile(`best ${run.monitor || ""}`, figure(run.best, run.monitor)), tile("best epoch", run.best_epoch ?? "–"), tile("epochs", epochsOf(run)),
    tile("trained for", clock(took)), ...(row.remaining !== null ? [tile("remaining, about", about(row.remaining))] : []),
    ...(run.status === "silent" ? [tile("last output", when(run.heard))] : []), tile("started", when(run.when)),
  ]);
}
function showDetail() {
  const run = detail, epochs = run.all, last = epochs.at(-1);
  $("detail").hidden = false;
  $("name").textContent = run.run;
  $("status").textContent = run.status;
  $("status").className = "badge " + statusClass(run.status);
  $("what").textContent = [run.architecture, run.dataset].filter(Boolean).join(" on ");
  $("report").hidden = !run.report;
  $("report").href = reportOf(run.run);
  showTiles(run);
  const main = mainOf(epochs);
  charts.accuracy.label = main.name;
  $("accuracy-title").textContent = main.title;
  for (const head of document.querySelectorAll("#epochs .main")) head.textContent = main.name;
  plot("accuracy", epochs, main.text, main.key);
  plot("loss", epochs, short);
  const num = v => v === null ? "–" : v.toFixed(4);
  table("epochs", [...epochs].reverse().map(e => [[e.epoch, num(e.train_loss), main.text(e[`train_${main.key}`]), num(e.val_loss), main.text(e[`val_${main.key}`]), e.lr === null ? "–" : e.lr.toPrecision(3), clock(e.seconds)], e.best ? "kept" : ""]));
  table("job", run.job.map(pair => [pair, ""]), true);
  const dir = quoted(run.dir);
  $("command").textContent = ["completed", "stopped"].includes(run.status) ? `zoo predict ${dir} photo.jpg` : `zoo run --resume ${dir}`;
  $("next").hidden = run.status === "running";
  if (last) { const news = `epoch ${last.epoch}: val ${main.name} ${main.text(last[`val_${main.key}`])}, ${run.status}`; if ($("news").textContent !== news) $("news").textContent = news; }
}
async function refresh() {
  if (open === null) return;
  const name = open, known = detail && detail.run === name ? detail.all : [];
  const row = runs.get(name);
  if (detail && detail.run === name && row && row.epochs === known.length && row.status === detail.status && row.report === detail.report) return;
  const afresh = !row || row.epochs < known.length;
  const after = !afresh && known.length ? known.at(-1).epoch : 0;
  try {
    const found = await ask(`api/run?name=${encodeURIComponent(name)}&after=${after}`);
    if (open !== name) return;
    detail = { ...found, all: after ? [...known, ...found.epochs_after] : found.epochs_after };
    showDetail();
  } catch (error) {
    if (error.status !== 404) throw error;
    if (open === name) { open = null; detail = null; $("detail").hidden = true; }
  }
}
async function choose(focus) {
  let name = "";
  try { name = decodeURIComponent(location.hash.slice(1)); } catch (error) { name = ""; }
  if (name === "detail" || name === "list") return;
  open = runs.has(name) ? name : null;
  detail = null;
  list();
  $("detail").hidden = open === null;
  document.title = open === null ? "Runs · zoo" : `${open} · zoo`;
  if (open !== null) { await refresh(); if (focus) { $("detail").scrollIntoView(); $("detail").focus(); } }
}
function close(event) {
  event.preventDefault();
  const key = `run ${open}`;
  history.pushState(null, "", location.pathname);
  choose(false);
  const link = [...$("rows").querySelectorAll("a")].find(a => a.dataset.key === key);
  if (link) link.focus();
}
