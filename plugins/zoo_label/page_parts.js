// Elements, requests, and what is shared by the parts of the page.
const $ = id => document.getElementById(id);
function make(tag, text, cls) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  if (cls) node.className = cls;
  return node;
}
const percent = p => (100 * p).toFixed(p > .995 && p < 1 ? 2 : 1) + "%";
const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
const pictureOf = (id, side) => `picture?id=${id}&side=${side}&session=${session}`;
const SMALL = 256, MEDIUM = 1280, LARGE = 4096;
const KEYS = [..."123456789qwertyiopdfhjklxvbm"]; // of the classes, in their order; the other letters are actions

// A reloaded page is the same browser, so that it can undo; a second tab is another one.
const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
const client = (reloaded && sessionStorage.getItem("zoo-label")) || [...crypto.getRandomValues(new Uint32Array(3))].map(n => n.toString(36)).join("");
sessionStorage.setItem("zoo-label", client);

let state = null, session, many = false, busy = false;
const who = () => $("who").value.trim();

function alarm(words) {
  $("alert").textContent = words;
  $("alert").hidden = !words;
}
async function ask(path, given) {
  let answer;
  try {
    const how = given ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ client, session, who: who(), ...given }) } : {};
    answer = await fetch(path, { cache: "no-store", ...how });
  } catch (error) {
    alarm("The server does not answer, so nothing is written. Start it again with zoo label, and reload this page.");
    throw error;
  }
  const found = await answer.json();
  if (!answer.ok) { alarm(found.detail); throw new Error(found.detail); }
  alarm("");
  return found;
}
// One request that changes something at a time; keys in between are about a picture that nobody has seen.
async function alone(work) {
  if (busy) return;
  busy = true;
  try { await work(); } catch (error) { /* said by ask */ } finally { busy = false; }
}
function news(words) { $("news").textContent = words; }
