const $ = id => document.getElementById(id);
const AT_ONCE = 4, TRIES = 5;
function make(tag, text, cls) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  if (cls) node.className = cls;
  return node;
}
const percent = p => (100 * p).toFixed(1) + "%";
let regression = false, names = [];
const wait = seconds => new Promise(done => setTimeout(done, 1000 * seconds));

// -- a card per file -------------------------------------------------------------------------------

function layer(source, words) {
  const image = make("img");
  image.src = source;
  image.alt = words;
  return image;
}
function bars(top) {
  const table = make("table", null, "bars"), body = make("tbody");
  table.append(make("caption", "Most likely classes"), body);
  for (const { class: name, probability } of top) {
    const row = make("tr"), track = make("td", null, "track"), bar = make("i");
    const head = make("th", name, "name");
    head.scope = "row";
    bar.style.width = `${100 * probability}%`;
    track.append(bar);
    row.append(head, track, make("td", percent(probability), "n"));
    body.append(row);
  }
  return table;
}
function heatControl(heat, whose) {
  const box = make("div", null, "heat-control"), label = make("label", `Heat map of “${whose}” (Grad-CAM)`), range = make("input"), scale = make("div", null, "scale"), ends = make("div", null, "ends");
  Object.assign(range, { type: "range", min: 0, max: 100, value: 50 });
  range.setAttribute("aria-valuetext", "50% opaque");
  range.addEventListener("input", () => { heat.style.opacity = range.value / 100; range.setAttribute("aria-valuetext", `${range.value}% opaque`); });
  label.append(range);
  ends.append(make("span", "no evidence"), make("span", "most"));
  box.append(label, scale, ends);
  return box;
}
function pictures(found) {
  const side = make("div", null, "side"), layers = make("div", null, "layers"), { seen, heat } = found.explanation, whose = found.explanation.class ?? found.explanation.output;
  if (!seen) return side;
  layers.append(layer(seen, "the input of the network"));
  side.append(layers);
  if (!heat) { side.append(make("p", "No heat map: no region of the picture stands out, or the network has no spatial layers.", "soft small")); return side; }
  const map = layer(heat, `heat map: where the network found ${regression ? `what moves ${whose} from its mean` : `evidence of ${whose}`}`);
  map.className = "heat";
  map.style.opacity = .5;
  layers.append(map);
  side.append(heatControl(map, whose));
  return side;
}
function number(value) {
  const size = Math.abs(value);
  if (size && (size < 1e-4 || size >= 1e15)) return value.toExponential(3);
  return value.toLocaleString("en", size >= 1000 ? { maximumFractionDigits: 0 } : { minimumSignificantDigits: 4, maximumSignificantDigits: 4 });
}
function valueWords(found) {
  const values = found.values ?? { [names[0]]: found.value }, intervals = found.intervals ?? { [names[0]]: found.interval };
  const words = make("div"), shares = found.coverage ? `${100 * found.coverage}% interval: ` : "interval: ";
  const texts = Object.entries(values).map(([name, value]) => `${name} ${number(value)}`);
  for (const [i, name] of Object.keys(values).entries()) {
    words.append(make("h2", texts[i], "value"));
    if (intervals[name]) words.append(make("p", `${shares}${intervals[name].map(number).join(" to ")}`, "soft"));
  }
  return { shows: texts.join(", "), words };
}
function answerWords(found) {
  if (regression) return valueWords(found);
  const shows = found.labels ? found.labels.join(", ") || "none of the classes" : found.label, unsure = found.sure === false;
  const title = make("h2", unsure ? "not sure" : shows), words = make("div");
  if (found.confidence !== undefined && found.confidence !== null) title.append(make("span", ` ${percent(found.confidence)}`, "soft sure"));
  words.append(title);
  if (unsure) words.append(make("p", `The most likely class is ${shows}, but the confidence is below the threshold.`, "warn"));
  if (found.set) words.append(make("p", `Set: ${found.set.join(", ")}`, "soft"));
  if (found.familiar === false) words.append(make("p", "This picture is unlike the model's training pictures: do not rely on the answer.", "warn"));
  words.append(bars(found.top));
  return { shows, words };
}
class Card {
  constructor(file, note) {
    this.file = file;
    this.box = make("section", null, "answer waits");
    this.address = URL.createObjectURL(file);
    this.side = make("div", null, "side");
    this.body = make("div");
    this.state = make("p", "waiting …", "soft");
    const layers = make("div", null, "layers"), preview = layer(this.address, "");
    preview.addEventListener("error", () => preview.remove()); // a .npy, say, which no browser shows
    layers.append(preview);
    this.side.append(layers);
    this.body.append(this.top(note), this.state);
    this.box.append(this.body, this.side);
    this.box.setAttribute("aria-label", file.name);
  }
  top(note) {
    const row = make("div", null, "top"), away = make("button", "✕", "away");
    away.type = "button";
    away.setAttribute("aria-label", `Remove ${this.file.name}`);
    away.addEventListener("click", () => { remove(this); $("file").focus(); });
    row.append(make("p", note ? `${this.file.name}: ${note}` : this.file.name, "soft small"), away);
    return row;
  }
  answered(found) {
    const { shows, words } = answerWords(found), side = pictures(found);
    this.box.dataset.label = shows;
    this.news = `${this.file.name}: ${regression ? shows : words.querySelector("h2").textContent}`;
    this.state.replaceWith(words);
    this.side.replaceWith(side);
    this.end("");
  }
  failed(words) {
    this.news = words;
    this.side.remove();
    this.state.replaceWith(make("p", words, "bad"));
    this.end("failed");
  }
  end(cls) {
    this.box.className = `answer ${cls}`.trim();
    this.done = true;
    URL.revokeObjectURL(this.address);
  }
}

// -- one request per file, a few at a time ---------------------------------------------------------

const queue = [], cards = new Set();
let busy = 0;

async function send(file) {
  for (let tries = 1; ; tries++) {
    const form = new FormData();
    form.append("image", file);
    const answer = await fetch("predict?explain=true", { method: "POST", body: form });
    const again = answer.headers.get("Retry-After");
    if (answer.ok || !again || tries === TRIES) return [answer.ok, await answer.json()];
    await wait(Number(again) || 1);
  }
}
async function ask(card) {
  try {
    await known;
    const [ok, found] = await send(card.file);
    const error = ok ? found.predictions[0].error : found.detail;
    if (error) card.failed(error);
    else card.answered(found.predictions[0]);
  } catch (error) {
    card.failed("The server does not answer. Start it again: zoo serve RUN");
  }
}
async function work() {
  if (busy >= AT_ONCE || !queue.length) return;
  busy += 1;
  const card = queue.shift();
  if (cards.has(card)) { card.state.textContent = "computing …"; await ask(card); }
  busy -= 1;
  progress(card.news);
  work();
}
function progress(last) {
  const all = cards.size, done = [...cards].filter(card => card.done).length;
  $("bar").hidden = all === 0;
  const words = `${done === all ? all : `${done} of ${all}`} answered${last ? `, last ${last}` : ""}`;
  if ($("progress").textContent !== words) $("progress").textContent = words;
}
function remove(card) {
  cards.delete(card);
  card.box.remove();
  progress();
}
function given(files, note) {
  const fresh = [...files ?? []].map(file => new Card(file, note));
  if (!fresh.length) return;
  $("answers").prepend(...fresh.map(card => card.box));
  for (const card of fresh) { cards.add(card); queue.push(card); }
  progress();
  for (let i = 0; i < AT_ONCE; i++) work();
}

// -- samples ---------------------------------------------------------------------------------------

function thumb(source, words, pick) {
  const button = make("button");
  button.type = "button";
  button.append(layer(source, ""), words);
  button.addEventListener("click", pick);
  $("thumbs").append(button);
}
function fileOf(address, name) {
  const [head, content] = address.split(",");
  return new File([Uint8Array.from(atob(content), c => c.charCodeAt(0))], name, { type: head.slice(5).split(";")[0] });
}
function drawing() {
  const canvas = Object.assign(make("canvas"), { width: 224, height: 224 }), pen = canvas.getContext("2d");
  const fill = (colour, path) => { pen.fillStyle = colour; pen.beginPath(); path(); pen.fill(); };
  fill("#b9d4e8", () => pen.rect(0, 0, 224, 224));
  fill("#7d9a55", () => pen.rect(0, 170, 224, 54));
  for (const side of [-1, 1]) fill("#c47f3d", () => { pen.moveTo(112 + side * 62, 32); pen.lineTo(112 + side * 70, 108); pen.lineTo(112 + side * 12, 74); });
  fill("#d8964f", () => pen.ellipse(112, 122, 72, 64, 0, 0, 7));
  for (const side of [-1, 1]) {
    fill("#f3efe2", () => pen.ellipse(112 + side * 27, 110, 15, 12, 0, 0, 7));
    fill("#26331f", () => pen.ellipse(112 + side * 27, 110, 5, 11, 0, 0, 7));
  }
  fill("#e4b9a2", () => { pen.moveTo(103, 134); pen.lineTo(121, 134); pen.lineTo(112, 145); });
  pen.strokeStyle = "#4a3320";
  pen.lineWidth = 2;
  for (const side of [-1, 1]) for (const drop of [-8, 2, 12]) { pen.beginPath(); pen.moveTo(112 + side * 22, 143 + drop / 2); pen.lineTo(112 + side * 88, 140 + drop * 1.6); pen.stroke(); }
  return canvas.toDataURL("image/png");
}
function offer(samples) {
  $("samples").hidden = false;
  if (samples.length) {
    $("samples-head").textContent = regression ? "Try a validation picture with a large error" : "Try a validation picture that the model got wrong";
    samples.forEach(({ label, image }, i) => thumb(image, label, () => given([fileOf(image, `sample-${i + 1}.jpg`)], `labelled ${label}`)));
  } else {
    const image = drawing();
    $("samples-head").textContent = "Try a drawing";
    thumb(image, "a cat, drawn", () => given([fileOf(image, "drawing.png")], "a cat, drawn"));
  }
}

$("file").addEventListener("change", event => { given(event.target.files); event.target.value = ""; });
$("clear").addEventListener("click", () => { [...cards].forEach(remove); $("file").focus(); });
for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, event => { event.preventDefault(); $("drop").classList.add("over"); });
for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, event => { event.preventDefault(); $("drop").classList.remove("over"); });
document.addEventListener("drop", event => given(event.dataTransfer.files));
document.addEventListener("paste", event => given(event.clipboardData.files));
$("curl").textContent = `curl -F image=@photo.jpg ${location.origin}${location.pathname}predict`;
const known = fetch("model").then(answer => answer.json()).then(card => {
  regression = card.task === "regression";
  names = card.classes;
  const count = names.length, unit = regression ? (count === 1 ? "value" : "values") : "classes";
  $("model").textContent = `${card.architecture.id}, ${count} ${unit}`;
  if (regression) {
    document.title = `Predict ${names.join(", ")} · zoo`;
    $("title").textContent = `Predict ${names.join(", ")}`;
    $("classes-head").firstChild.textContent = "The values ";
  }
  $("class-count").textContent = card.classes.length;
  $("classes").append(...card.classes.map(name => make("span", name, "chip")));
});
known.then(() => fetch("samples")).then(answer => answer.json()).then(found => offer(found.samples));
