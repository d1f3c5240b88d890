// One picture at a time. The next ones are loaded ahead.
const AHEAD = 3;
let waiting = [], zoomed = false;
const current = () => waiting[0];

async function fill(check = false) {
  if (check || waiting.length < AHEAD) {
    const found = await ask("api/next", { count: AHEAD - waiting.length, keep: waiting.map(each => each.id) });
    waiting = waiting.filter(each => !found.lost.includes(each.id));
    const known = new Set(waiting.map(each => each.id));
    for (const each of found.pictures.filter(each => !known.has(each.id))) {
      waiting.push(each);
      new Image().src = pictureOf(each.id, MEDIUM);
    }
  }
  showOne();
}
function showOne() {
  const picture = current();
  $("one").hidden = many || !picture;
  $("end").hidden = many ? shownGrid.length > 0 : Boolean(picture);
  $("end-words").textContent = state && state.skipped ? `${counted(state.skipped, "picture")} skipped. To see them again, stop the server, and add --skipped.` : "Each one has an answer, or is open in another browser.";
  if (!picture) { accepts(null); return; }
  const image = $("picture"), source = pictureOf(picture.id, zoomed ? LARGE : MEDIUM);
  if (image.getAttribute("src") !== source) image.src = source;
  image.alt = `Picture ${picture.name}`;
  $("name").textContent = picture.name;
  $("present").hidden = !picture.label && picture.event !== "none";
  $("present").textContent = `present label: ${picture.label || "none of these"}`;
  $("note").textContent = picture.note;
  showGuess(picture);
}
function showGuess(picture) {
  const line = $("guess");
  line.replaceChildren();
  if (picture.audit) line.append(make("span", "The guess is hidden: this picture was drawn at random, to measure the model.", "soft"));
  picture.guess.forEach(([name, p], place) => line.append(make(place ? "span" : "b", `${place ? ", " : "guess: "}${name} ${percent(p)}`, place ? "soft" : "")));
  if (picture.label || picture.guess.length) accepts(picture.label ? `Keep ${picture.label}` : `Accept ${picture.guess[0][0]}`); else accepts(null);
  mark(picture.label || (picture.guess[0] && picture.guess[0][0]));
}
function accepts(words) {
  $("accept").hidden = !words || many;
  if (words) $("accept-words").textContent = words;
}
function mark(name) {
  document.querySelectorAll("#classes button").forEach(button => button.classList.toggle("likely", !many && button.dataset.name === name));
}
$("picture").addEventListener("error", () => { $("picture").alt = `${current()?.name ?? "The picture"} can't be shown. Skip it: s`; });

async function answer(event, label) {
  const ids = many ? [...selected] : current() ? [current().id] : [];
  if (!ids.length) { news(many ? "Select pictures first." : "There is no picture."); $("chosen").textContent = many ? "Select pictures first: click them, or press a for all." : ""; return; }
  await alone(async () => {
    const found = await ask("api/answer", { event, label, ids });
    news(`${counted(ids.length, "picture")}: ${label || (event === "none" ? "none of these" : "skipped")}`);
    if (many) shownGrid = shownGrid.filter(each => !selected.has(each.id)); else waiting.shift();
    selected.clear();
    show(found);
    if (many) await fillGrid(); else await fill();
  });
}
function accept() {
  const picture = current();
  if (many || !picture) return;
  const name = picture.label || (picture.guess[0] && picture.guess[0][0]);
  if (name) answer("label", name);
}
const undo = () => alone(async () => {
  const { pictures, state: now } = await ask("api/undo", {});
  news(pictures.length ? `Undone: ${counted(pictures.length, "picture")}` : "There is nothing to undo.");
  const back = new Set(pictures.map(each => each.id));
  if (many) shownGrid = [...pictures, ...shownGrid.filter(each => !back.has(each.id))];
  else waiting = [...pictures, ...waiting.filter(each => !back.has(each.id))];
  show(now);
  if (many) drawGrid(); else showOne();
});
function zoom() {
  if (many) return;
  zoomed = !zoomed;
  $("zoom").setAttribute("aria-pressed", zoomed);
  $("frame").classList.toggle("zoomed", zoomed);
  showOne();
}
$("picture").addEventListener("click", zoom);
