// Progress, classes, model and audit, asked for every two seconds.
const EVERY = 2000;
let drawn = "";

function show(found) {
  if (session && session !== found.session) { alarm("The server was started again: reload this page."); return; }
  state = found;
  session = found.session;
  const { model, audit } = found;
  $("pool").textContent = `${counted(found.pictures, "picture")} of ${found.pool}`;
  $("file").textContent = found.file;
  $("setup").hidden = found.classes.length > 0;
  $("desk").hidden = !found.classes.length;
  $("progress-words").textContent = `${counted(found.labelled, "label")}, ${found.left.toLocaleString("en")} left`;
  $("progress").max = Math.max(1, found.pictures);
  $("progress").value = found.pictures - found.left;
  $("rest").textContent = [found.none && `${found.none} of no class`, found.skipped && `${found.skipped} skipped`, found.unreadable && `${found.unreadable} can't be read`].filter(Boolean).join(", ");
  $("others").textContent = found.others.map(each => `${each.who || "Another browser"}: ${counted(Math.max(0, each.answers), "answer")}`).join("; ");
  $("advice").hidden = !found.advice;
  $("advice-words").textContent = found.advice;
  $("next").textContent = found.advice.endsWith(":") ? found.next : "";
  $("next").hidden = !found.advice.endsWith(":");
  $("accuracy").textContent = audit ? percent(audit.right / audit.count) : "–";
  $("interval").textContent = audit ? `${percent(audit.low)} to ${percent(audit.high)}` : "";
  $("audit-words").textContent = audit ? `${audit.right} of the last ${audit.count} random pictures are predicted right by a model that was fitted without them (95% interval).` : found.drawn ? "Measured on random pictures, once there are five." : "No pictures are drawn at random to measure it.";
  $("model").textContent = model.status || (model.labels === null ? "Waits for labels of two classes." : `Fitted on ${counted(model.labels, "label")} in ${model.seconds.toFixed(1)} s.`);
  $("model").classList.toggle("bad", model.failed);
  $("model-source").textContent = `From ${model.source}.`;
  classes(found.classes);
  guesses(model.guessed);
}
function classes(found) {
  const now = JSON.stringify(found);
  if (now === drawn) return;
  drawn = now;
  $("classes").replaceChildren(...found.map(({ name, count }, place) => {
    const button = make("button");
    button.type = "button";
    button.dataset.name = name;
    if (KEYS[place]) button.append(make("kbd", KEYS[place]), " ");
    button.append(name, " ", make("span", count, "soft"));
    button.setAttribute("aria-keyshortcuts", KEYS[place] ?? "");
    button.addEventListener("click", () => answer("label", name));
    return button;
  }));
  if (current()) mark(current().label || (current().guess[0] && current().guess[0][0]));
}
function guesses(found) {
  const chosen = $("by").value, options = [["", "every class"], ...Object.entries(found).sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => [name, `${name} (${count})`])];
  if (document.activeElement === $("by")) return;
  $("by").replaceChildren(...options.map(([value, words]) => Object.assign(make("option", words), { value })));
  $("by").value = options.some(([value]) => value === chosen) ? chosen : "";
}
async function poll() {
  try {
    const found = await ask(`api/state?client=${client}`);
    if (!busy) show(found);
    if (!busy && !many && state.classes.length && waiting.length < AHEAD) await alone(fill);
  } catch (error) { /* said by ask */ }
  setTimeout(poll, EVERY);
}
async function addClass(name) {
  await ask("api/classes", { name });
  show(await ask(`api/state?client=${client}`));
}
