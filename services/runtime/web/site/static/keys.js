// Keyboard use of a list: j and k move, Enter opens (it is a link), x selects, c claims, / searches,
// ? shows or hides the help, where single keys can be switched off (WCAG 2.1.4). Never while something
// is typed, or with Ctrl, Alt or Meta.
"use strict";
(() => {
  const OFF = "keys-off";
  const list = document.querySelector("[data-keys]");
  const button = document.querySelector("[data-key-switch]");
  const search = document.querySelector("[data-key-search]");
  const rows = list ? [...list.querySelectorAll("[data-key-row]")] : [];
  const link = (row) => row.querySelector("[data-key-open]");
  const box = (row) => row?.querySelector("input[type=checkbox]");
  const here = () => rows.findIndex((row) => row.contains(document.activeElement));
  const chosen = () => rows.map(box).filter((one) => one?.checked);

  const show = () => {
    const line = list?.querySelector("[data-key-chosen]");
    if (!line) return;
    const count = chosen().length;
    line.hidden = count === 0;
    line.querySelector("output").textContent = String(count);
  };

  const move = (by) => {
    if (!rows.length) return;
    const at = here();
    const to = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
    const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
    link(row).focus();
    row.scrollIntoView({ block: "nearest" });
  };

  const select = () => {
    const found = box(rows[here()]);
    if (!found) return;
    found.checked = !found.checked;
    show();
  };

  const claim = () => {
    const submit = list?.querySelector("[data-key-claim]");
    if (!submit) return;
    if (!chosen().length) select();
    if (chosen().length) list.requestSubmit(submit);
  };

  const help = () => {
    const found = document.querySelector("[data-key-help]");
    if (found) found.open = !found.open;
  };

  const find = () => {
    search?.focus();
    search?.select();
  };

  const acts = new Map([
    ["j", () => move(1)],
    ["k", () => move(-1)],
    ["x", select],
    ["c", claim],
    ["/", find],
    ["?", help],
  ]);
  const typing = (one) =>
    one.isContentEditable ||
    ["TEXTAREA", "SELECT"].includes(one.tagName) ||
    (one.tagName === "INPUT" && one.type !== "checkbox");

  document.addEventListener("keydown", (event) => {
    if (localStorage.getItem(OFF)) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = acts.get(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  });
  list?.addEventListener("change", show);
  if (button) {
    button.checked = !localStorage.getItem(OFF);
    button.addEventListener("change", () => {
      if (button.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "yes");
    });
  }
  show();
})();
