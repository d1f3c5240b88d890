// Changes, asked for as long as the page is visible.
const EVERY = 2000;
let revision = 0;

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw Object.assign(new Error(answer.statusText), { status: answer.status });
  return answer.json();
}
function take(found) {
  const before = JSON.stringify([...groups.values()]);
  revision = found.revision;
  found.gone.forEach(name => runs.delete(name));
  found.runs.forEach(run => runs.set(run.run, run));
  groups = new Map(found.groups.map(group => [group.group, group]));
  $("folder").textContent = `in ${found.folder}`;
  emptyState(found.folder);
  return found.runs.length > 0 || found.gone.length > 0 || before !== JSON.stringify(found.groups);
}
async function poll() {
  try {
    if (!document.hidden || !revision) {
      const first = !revision, found = await ask(`api/runs?since=${revision}`);
      if (found.revision < revision) { runs.clear(); revision = 0; setTimeout(poll, 0); return; }
      const changed = take(found);
      $("lost").hidden = true;
      if (first && runs.size) { remembered(); await choose(false); } else if (changed || first || stale) list();
      await refresh();
      await refreshCompared();
    }
  } catch (error) { $("lost").hidden = false; }
  setTimeout(poll, EVERY);
}
$("filter").addEventListener("input", () => { shown = PAGE; list(); });
$("more").addEventListener("click", () => { shown += PAGE; list(); });
window.addEventListener("hashchange", () => choose(true));
$("close").addEventListener("click", close);
document.addEventListener("visibilitychange", () => { stale = true; });
headings();
poll();
