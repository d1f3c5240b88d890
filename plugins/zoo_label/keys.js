// Keys, buttons and forms.
const ACTIONS = { u: undo, s: () => answer("skip", ""), n: () => answer("none", ""), 0: () => answer("none", ""), z: zoom, g: switchMode, c: newClass, Enter: accept };

function newClass() {
  $("adding").hidden = false;
  $("new-class").focus();
}
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, select, textarea")) { if (event.key === "Escape") { $("adding").hidden = true; event.target.blur(); } return; }
  if (!state || !state.classes.length) return;
  const key = event.key, place = KEYS.indexOf(key.toLowerCase()), onButton = event.target.closest("button");
  if (many && key.startsWith("Arrow")) moveTile(key, event.shiftKey);
  else if (many && key.toLowerCase() === "a") selectAll();
  else if (!many && !zoomed && key === "ArrowRight") answer("skip", "");
  else if (!many && !zoomed && key === "ArrowLeft") undo();
  else if (place >= 0 && state.classes[place]) answer("label", state.classes[place].name);
  else if (key === "Enter" && (onButton || many)) return; // the browser presses the button
  else if (ACTIONS[key.length === 1 ? key.toLowerCase() : key]) ACTIONS[key.length === 1 ? key.toLowerCase() : key]();
  else return;
  event.preventDefault();
}
document.addEventListener("keydown", pressed);
for (const [id, action] of Object.entries({ accept, none: ACTIONS.n, skip: ACTIONS.s, undo, zoom, mode: switchMode, add: newClass }))
  $(id).addEventListener("click", event => { action(); if (id !== "add") event.currentTarget.blur(); });
$("setup").addEventListener("submit", event => {
  event.preventDefault();
  alone(async () => {
    for (const name of $("names").value.split(",").map(each => each.trim()).filter(Boolean)) await addClass(name);
    await fill();
    $("desk").focus();
  });
});
$("adding").addEventListener("submit", event => {
  event.preventDefault();
  alone(async () => {
    await addClass($("new-class").value);
    $("new-class").value = "";
    $("adding").hidden = true;
    $("desk").focus();
  });
});
$("who").value = localStorage.getItem("zoo-label-who") || $("who").dataset.user;
$("who").addEventListener("change", () => localStorage.setItem("zoo-label-who", who()));
addEventListener("pagehide", () => navigator.sendBeacon("api/leave", new Blob([JSON.stringify({ client })], { type: "application/json" })));
// A browser that slept may have lost its pictures to another one.
document.addEventListener("visibilitychange", () => { if (!document.hidden && session && !many) alone(() => fill(true)); });
poll();
