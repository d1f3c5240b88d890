"use strict";
// A page works without this; with it commands are copied by a click, tables are sorted by their heads, and titles in plots show at once.
const make = (name, properties) => Object.assign(document.createElement(name), { ...properties });

for (const command of document.querySelectorAll(".commands pre")) {
  const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
  button.setAttribute("aria-label", "Copy " + command.textContent);
  button.onclick = async () => {
    try { await navigator.clipboard.writeText(command.textContent); } catch {
      getSelection().selectAllChildren(command);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  command.after(button);
}

const valueOf = cell => {
  const text = cell.textContent.trim(), number = Number(text.replace(/[,%]/g, ""));
  return text === "–" || text === "" ? -Infinity : Number.isNaN(number) ? text : number;
};
const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
for (const table of document.querySelectorAll("table.sort")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    if (head.tagName !== "TH") return;
    const button = make("button", { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.onclick = () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach(each => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => sign * order(valueOf(a.cells[column]), valueOf(b.cells[column])));
      body.append(...rows);
    };
  });
}

const tip = document.body.appendChild(make("div", { className: "tip", hidden: true }));
for (const title of document.querySelectorAll("svg title")) {
  title.parentElement.setAttribute("data-tip", title.textContent);
  title.remove();
}
addEventListener("pointermove", event => {
  const over = event.target instanceof Element && event.target.closest("[data-tip]");
  tip.hidden = !over;
  if (!over) return;
  tip.textContent = over.getAttribute("data-tip");
  const left = event.clientX + 14, top = event.clientY - tip.offsetHeight - 10;
  tip.style.left = Math.max(4, left + tip.offsetWidth > innerWidth - 8 ? event.clientX - tip.offsetWidth - 14 : left) + "px";
  tip.style.top = (top < 4 ? event.clientY + 18 : top) + "px";
});
document.documentElement.addEventListener("pointerleave", () => { tip.hidden = true; });

const links = new Map([...document.querySelectorAll(".bar a")].map(link => [link.hash.slice(1), link]));
const here = () => {
  const places = [...links.keys()].map(id => document.getElementById(id)).filter(Boolean);
  const end = scrollY > 0 && innerHeight + scrollY >= document.documentElement.scrollHeight - 4;
  const tops = places.map(place => place.getBoundingClientRect().top);
  const now = end ? places.at(-1) : places.filter((_, i) => tops[i] < innerHeight / 3 && tops[i] !== tops[i - 1]).at(-1) ?? places[0];
  for (const [id, link] of links) now && id === now.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
};
addEventListener("scroll", here, { passive: true });
here();
