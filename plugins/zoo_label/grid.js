// Many pictures at once, the most certain of the model's guess first.
const PAGE = 24;
let shownGrid = [], last = null;
const selected = new Set();

async function fillGrid() {
  const found = await ask("api/grid", { count: PAGE, guess: $("by").value, keep: [] });
  shownGrid = found.pictures;
  selected.clear();
  last = null;
  drawGrid();
}
function drawGrid() {
  $("grid").replaceChildren(...shownGrid.map(tile));
  $("end").hidden = shownGrid.length > 0;
  sayChosen();
}
function tile(picture, place) {
  const button = make("button"), image = make("img"), [name, p] = picture.guess[0] ?? [];
  button.type = "button";
  button.tabIndex = place ? -1 : 0;
  image.src = pictureOf(picture.id, SMALL);
  image.alt = "";
  image.loading = "lazy";
  button.append(image, make("span", picture.label ? `now ${picture.label}` : name ? `${name} ${percent(p)}` : picture.audit ? "guess hidden" : "no guess yet"));
  button.setAttribute("aria-label", `${picture.name}${name ? `, guess ${name} ${percent(p)}` : ""}`);
  button.title = picture.name;
  button.setAttribute("aria-pressed", selected.has(picture.id));
  button.addEventListener("click", event => select(place, event.shiftKey));
  return button;
}
function select(place, range) {
  const picture = shownGrid[place];
  if (range && last !== null) {
    for (let i = Math.min(last, place); i <= Math.max(last, place); i++) selected.add(shownGrid[i].id);
  } else if (!selected.delete(picture.id)) selected.add(picture.id);
  last = place;
  focusTile(place);
  sayChosen();
}
function selectAll() {
  const all = selected.size === shownGrid.length;
  selected.clear();
  if (!all) shownGrid.forEach(each => selected.add(each.id));
  sayChosen();
}
function sayChosen() {
  [...$("grid").children].forEach((tile, i) => tile.setAttribute("aria-pressed", selected.has(shownGrid[i].id)));
  $("chosen").textContent = `${selected.size} of ${shownGrid.length} selected`;
}
function focusTile(place) {
  const tiles = [...$("grid").children];
  if (!tiles[place]) return;
  tiles.forEach((each, i) => { each.tabIndex = i === place ? 0 : -1; });
  tiles[place].focus();
}
function moveTile(key, shift) {
  const tiles = [...$("grid").children], now = tiles.indexOf(document.activeElement);
  const across = tiles.filter(each => each.offsetTop === tiles[0].offsetTop).length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[key];
  const goal = now < 0 ? 0 : Math.max(0, Math.min(tiles.length - 1, now + step));
  if (shift) { if (last === null) last = Math.max(now, 0); select(goal, true); } else focusTile(goal);
}
const switchMode = () => alone(async () => {
  many = !many;
  $("mode").setAttribute("aria-pressed", many);
  $("many").hidden = !many;
  $("one").hidden = many;
  $("zoom").hidden = many;
  accepts(null);
  mark(null);
  if (many) { waiting = []; await fillGrid(); focusTile(0); } else { shownGrid = []; await fill(); }
});
$("by").addEventListener("change", () => alone(fillGrid));
