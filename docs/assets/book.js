// The copy button of a console block copies what is typed, without the prompt and what was printed.
document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest(".language-console button[data-clipboard-target], .language-console .md-code__button");
    if (!button) return;
    const lines = button.closest(".language-console").querySelector("code").innerText.split("\n");
    let more = false;
    const typed = lines.flatMap((line) => {
      const first = line.startsWith("$ ");
      const taken = first || (more && line.startsWith("> "));
      more = taken && line.endsWith("\\");
      return taken ? [line.slice(2)] : [];
    });
    button.setAttribute("data-clipboard-text", typed.join("\n"));
  },
  true,
);

// A block that scrolls can be reached by keyboard, and the search has a name for screen readers.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("pre > code, .md-typeset__scrollwrap").forEach((each) => {
    if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
  });
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
});
