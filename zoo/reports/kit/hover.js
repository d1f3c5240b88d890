"use strict";
// Charts (.chart) say the value of the mark that is nearest to the pointer; arrow keys go from mark to mark.
for (const chart of document.querySelectorAll(".chart")) {
  const marks = [...chart.querySelectorAll("svg title")].map(title => {
    const mark = title.parentElement;
    mark.dataset.tip = title.textContent;
    title.remove(); // the browser would show it as well
    return mark;
  });
  if (!marks.length) continue;
  const tip = document.createElement("p");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  chart.append(tip);
  chart.tabIndex = 0;
  chart.setAttribute("role", "slider");
  chart.setAttribute("aria-valuemin", 1);
  chart.setAttribute("aria-valuemax", marks.length);
  let now = -1;
  const say = index => {
    chart.setAttribute("aria-valuenow", index + 1);
    chart.setAttribute("aria-valuetext", marks[index].dataset.tip);
  };
  say(0);

  const centre = mark => {
    const box = mark.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const corners = mark => [...mark.points].map(point => point.matrixTransform(mark.getScreenCTM()));
  function distance(mark, x, y) {
    if (mark.localName !== "polyline") {
      const box = mark.getBoundingClientRect();
      const inside = mark.localName === "rect";
      const [cx, cy] = centre(mark);
      return inside ? Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom)) : Math.hypot(cx - x, cy - y);
    }
    const points = corners(mark);
    return Math.min(...points.slice(1).map((b, i) => {
      const a = points[i], dx = b.x - a.x, dy = b.y - a.y;
      const along = Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1)));
      return Math.hypot(a.x + along * dx - x, a.y + along * dy - y);
    }));
  }
  function show(index, x, y) {
    if (now >= 0) marks[now].classList.remove("near");
    now = index;
    tip.hidden = index < 0;
    if (index < 0) return;
    marks[index].classList.add("near");
    tip.textContent = marks[index].dataset.tip;
    const box = chart.getBoundingClientRect(), seen = chart.parentElement.getBoundingClientRect();
    const right = Math.min(box.right, seen.right) - tip.offsetWidth - 2;
    tip.style.left = `${Math.max(Math.max(box.left, seen.left), Math.min(x + 12, right)) - box.left}px`;
    tip.style.top = `${Math.max(0, y - box.top - tip.offsetHeight - 10)}px`;
    say(index);
  }
  chart.addEventListener("pointermove", event => {
    const far = marks.map(mark => distance(mark, event.clientX, event.clientY));
    const least = Math.min(...far);
    show(least <= 24 ? far.indexOf(least) : -1, event.clientX, event.clientY);
  });
  chart.addEventListener("pointerleave", () => show(-1));
  chart.addEventListener("blur", () => show(-1));
  chart.addEventListener("keydown", event => {
    const to = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: marks.length - 1 }[event.key];
    if (event.key === "Escape") show(-1);
    if (to === undefined) return;
    event.preventDefault();
    const index = Math.min(marks.length - 1, Math.max(0, to)), mark = marks[index];
    mark.scrollIntoView({ block: "nearest", inline: "center" });
    const end = mark.localName === "polyline" ? corners(mark).at(-1) : null;
    const [x, y] = end ? [end.x, end.y] : centre(mark);
    show(index, x, y);
  });
}
