// The list: runs, and the groups that they belong to.
const PAGE = 100;
const runs = new Map();
let groups = new Map(), shown = PAGE, sort = { key: "when", up: false }, open = null, stale = true, filtered = "";
const expanded = new Set();

const COLUMNS = [
  ["", "compare", "check"], ["run", "run", ""], ["status", "status", ""], ["best", "best", "n"], ["", "curve", "wide"], ["epochs", "epochs", "n wide"],
  ["architecture", "architecture", "wide"], ["dataset", "dataset", "wide"], ["when", "started", "wide"], ["", "report", "wide"],
];

function headings() {
  $("heads").replaceChildren(...COLUMNS.map(([key, words, cls]) => {
    const cell = make("th", null, cls);
    cell.scope = "col";
    if (!key) { cell.append(make("span", words, words === "curve" ? "" : "hidden")); return cell; }
    const chosen = sort.key === key;
    cell.setAttribute("aria-sort", chosen ? (sort.up ? "ascending" : "descending") : "none");
    const button = make("button", words);
    button.type = "button";
    button.addEventListener("click", () => {
      sort = { key, up: chosen ? !sort.up : key !== "when" && key !== "best" && key !== "epochs" };
      headings(); list();
      $("heads").querySelectorAll("button")[COLUMNS.filter(c => c[0]).findIndex(c => c[0] === key)].focus();
    });
    cell.append(button);
    return cell;
  }));
}
function spark(run) {
  const known = run.spark.filter(value => value !== null);
  const svg = draw("svg", { class: "spark", viewBox: "0 0 100 22", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (!known.length) return svg;
  const low = Math.min(...known), high = Math.max(...known), last = Math.max(1, run.spark.length - 1);
  const points = run.spark.map((value, i) => value === null ? null : [100 * i / last, 20 - 18 * (high > low ? (value - low) / (high - low) : .5)]);
  const path = points.filter(Boolean).map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  svg.append(draw("path", { d: known.length > 1 ? path : path + "h2", fill: "none", stroke: "currentColor", "stroke-width": 1.6, "vector-effect": "non-scaling-stroke" }));
  return svg;
}
function reportLink(name) {
  const link = make("a", "report");
  link.href = reportOf(name);
  link.dataset.key = `report ${name}`;
  link.setAttribute("aria-label", `Report of ${name}`);
  return link;
}
function reportCell(run) {
  const cell = make("td", null, "wide");
  if (run.report) cell.append(reportLink(run.run));
  return cell;
}
function checkbox(names, label) {
  const cell = make("td", null, "check"), box = make("input");
  box.type = "checkbox";
  box.checked = names.every(name => compared.has(name));
  box.indeterminate = !box.checked && names.some(name => compared.has(name));
  box.setAttribute("aria-label", label);
  box.dataset.key = label;
  box.addEventListener("change", () => compareAlso(names, box.checked));
  cell.append(box);
  return cell;
}
function stateCell(run) {
  const cell = make("td", null, "state");
  cell.append(make("span", run.status, statusClass(run.status)));
  if (run.status === "running") cell.append(make("span", " ●", "running dot"));
  if (run.remaining !== null) cell.append(make("small", run.remaining ? `about ${about(run.remaining)} left` : "finishing"));
  return cell;
}
function bestCell(words, monitor) {
  const cell = make("td", words, "n");
  if (monitor) cell.title = monitor;
  return cell;
}
function rowOf(run, inner) {
  const row = make("tr", null, `${open === run.run ? "open" : ""} ${inner ? "inner" : ""}`.trim());
  const name = make("td", null, "run"), link = make("a", inner ? run.run.split("/").pop() : run.run), curve = make("td", null, "spark wide");
  link.href = "#" + encodeURIComponent(run.run);
  link.dataset.key = `run ${run.run}`;
  if (open === run.run) link.setAttribute("aria-current", "true");
  name.append(link);
  curve.append(spark(run));
  row.append(checkbox([run.run], `Compare ${run.run}`), name, stateCell(run), bestCell(figure(run.best, run.monitor), run.monitor), curve,
    make("td", epochsOf(run), "n wide"), make("td", run.architecture ?? "–", "wide what"), make("td", run.dataset ?? "–", "wide"), make("td", when(run.when), "wide time"), reportCell(run));
  return row;
}

// -- groups ----------------------------------------------------------------------------------------

function common(members, key) {
  const all = new Set(members.map(run => run[key]));
  return all.size === 1 ? [...all][0] : null;
}
function bestOf(members) {
  const scored = members.filter(run => run.best !== null), lower = lowerIsBetter(common(members, "monitor"));
  return scored.reduce((a, b) => !a || (lower ? b.best < a.best : b.best > a.best) ? b : a, null);
}
function groupWords(group) {
  const { members, kind } = group, values = members.map(run => run.best).filter(value => value !== null), monitor = common(members, "monitor");
  if (kind !== "repeats" || values.length < 2) return figure(group.best, monitor);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  return `${figure(mean, monitor)} ± ${isShare(monitor) ? (100 * spread).toFixed(1) : spread.toPrecision(2)}`;
}
function asGroup(info, members) {
  const best = bestOf(members);
  return {
    ...info, members, run: info.group, best: best ? best.best : null, bestRun: best, epochs: Math.max(...members.map(run => run.epochs)), when: members.reduce((first, run) => run.when && (!first || run.when < first) ? run.when : first, null),
    status: members.some(run => run.status === "running") ? "running" : common(members, "status") ?? "", architecture: common(members, "architecture"), dataset: common(members, "dataset"),
  };
}
function groupRow(group, isOpen) {
  const row = make("tr", null, "group"), name = make("td", null, "run"), button = make("button", group.run), state = make("td", null, "state");
  button.type = "button";
  button.dataset.key = `group ${group.run}`;
  button.setAttribute("aria-expanded", isOpen);
  button.addEventListener("click", () => { if (isOpen) expanded.delete(group.run); else expanded.add(group.run); list(); });
  const words = make("small", `${group.kind}, ${counted(group.members.length, "run")}`);
  if (group.report) words.append(", ", reportLink(group.run));
  name.append(button, words);
  const live = group.members.filter(run => run.status === "running").length;
  state.append(make("span", live ? `${live} running` : group.status || "ended", live ? "running" : statusClass(group.status)));
  if (live) state.append(make("span", " ●", "running dot"));
  const best = bestCell(groupWords(group), common(group.members, "monitor"));
  if (group.bestRun) best.append(make("small", group.kind === "repeats" ? `mean of ${group.members.filter(run => run.best !== null).length}` : group.bestRun.run.split("/").pop()));
  row.append(checkbox(group.members.map(run => run.run), `Compare all of ${group.run}`), name, state, best, make("td", null, "wide"),
    make("td", null, "n wide"), make("td", group.architecture ?? "several", "wide what"), make("td", group.dataset ?? "–", "wide"), make("td", when(group.when), "wide time"), make("td", null, "wide"));
  return row;
}

// -- what is shown ---------------------------------------------------------------------------------

const matches = (run, word) => !word || [run.run, run.architecture, run.dataset, run.status].some(text => (text || "").toLowerCase().includes(word));
function inOrder(found) {
  return found.sort((a, b) => {
    const x = a[sort.key] ?? null, y = b[sort.key] ?? null;
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    const order = typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
    return (sort.up ? order : -order) || a.run.localeCompare(b.run, undefined, { numeric: true });
  });
}
function chosenRows() {
  const word = $("filter").value.trim().toLowerCase(), loose = [], inside = new Map();
  for (const run of runs.values()) {
    if (!matches(run, word)) continue;
    if (!groups.has(run.group)) loose.push(run);
    else if (inside.has(run.group)) inside.get(run.group).push(run);
    else inside.set(run.group, [run]);
  }
  const grouped = [...inside].map(([name, members]) => asGroup(groups.get(name), members));
  return inOrder([...loose, ...grouped]).flatMap(each => {
    if (!each.members) return [() => rowOf(each, false)];
    const isOpen = expanded.has(each.run) || word !== "" || each.members.some(run => run.run === open);
    return [() => groupRow(each, isOpen), ...(isOpen ? inOrder(each.members).map(run => () => rowOf(run, true)) : [])];
  });
}
function list() {
  const focused = document.activeElement, held = focused && focused.closest("#rows") ? focused.dataset.key : null;
  const found = chosenRows();
  $("rows").replaceChildren(...found.slice(0, shown).map(build => build()));
  if (held) { const again = [...$("rows").querySelectorAll("[data-key]")].find(each => each.dataset.key === held); if (again) again.focus(); }
  $("more").hidden = found.length <= shown;
  $("more").textContent = `Show ${Math.min(PAGE, found.length - shown)} more of ${found.length}`;
  $("none").hidden = found.length > 0;
  $("none").textContent = "No run matches the filter.";
  $("list").hidden = runs.size === 0;
  $("empty").hidden = runs.size > 0;
  const live = [...runs.values()].filter(run => run.status === "running").length;
  const text = runs.size ? `${counted(runs.size, "run")}${live ? `, ${live} running` : ""}` : "";
  if ($("count").textContent !== text) $("count").textContent = text;
  stale = false;
}
function emptyState(folder) {
  const out = folder === "runs" ? "" : ` --out ${quoted(folder)}`;
  $("where").textContent = folder;
  $("try-digits").textContent = `zoo run simple_cnn digits${out}`;
  $("try-photos").textContent = `zoo run timm/resnet18 ./my_photos --pretrained${out}`;
}
