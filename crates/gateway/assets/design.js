// Everything works without this file. It adds: copy buttons, filtering while typing, one submit for each form, printing, times in
// the reader's own zone, parts that are kept up to date, and table semantics where a phone shows a table as cards.
"use strict";

const say = (() => {
  const region = document.createElement("p");
  region.className = "hidden";
  region.setAttribute("role", "status");
  document.body.append(region);
  return (words) => { region.textContent = words; };
})();

// The text of a value; of a list, a line for each item.
function lines(value) {
  const items = [...value.querySelectorAll("li")];
  return items.length ? items.map((item) => item.textContent.trim()).join("\n") : value.textContent.trim();
}

function selectAndCopy(value) {
  if (value.matches("input, textarea")) value.select();
  else getSelection().selectAllChildren(value);
  return document.execCommand("copy");
}

// <code data-copy="Client ID">…</code> gets a button "Copy", named "Copy Client ID"; data-copy-big makes it the primary button.
function addCopyButtons(root) {
  for (const value of root.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    const big = "copyBig" in value.dataset;
    button.type = "button";
    button.className = big ? "button primary copy" : "button small copy";
    button.textContent = big ? "Copy " + value.dataset.copy : "Copy";
    if (!big) button.setAttribute("aria-label", "Copy " + value.dataset.copy);
    const shown = button.textContent;
    button.addEventListener("click", async () => {
      const text = "value" in value && value.matches("input, textarea") ? value.value : lines(value);
      const done = await navigator.clipboard?.writeText(text).then(() => true, () => false) || selectAndCopy(value);
      button.textContent = done ? "Copied" : "Selected: press Ctrl+C";
      say(value.dataset.copy + (done ? " copied" : " selected"));
      setTimeout(() => { button.textContent = shown; }, 2000);
    });
    const row = value.nextElementSibling;
    if (row && row.matches(".actions")) {
      button.classList.remove("small");
      row.prepend(button);
    } else {
      value.after(button);
    }
  }
}

// <input data-filter="rows"> hides what does not contain the text, among the children of #rows; the server filters without it.
for (const input of document.querySelectorAll("[data-filter]")) {
  const rows = [...document.getElementById(input.dataset.filter).children];
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    say(rows.filter((row) => !row.hidden).length + " shown");
  });
}

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) return event.preventDefault();
  if (event.target.method === "post") event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

function sayWholeTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = new Date(time.dateTime).toLocaleString([], { dateStyle: "full", timeStyle: "long" });
  }
}

// Some browsers forget that a table is one when its display changes.
function keepTables(root) {
  const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
  for (const part of root.querySelectorAll("table.cards, table.cards :is(thead, tbody, tr, td)")) {
    part.setAttribute("role", roles[part.tagName]);
  }
  for (const head of root.querySelectorAll("table.cards th")) {
    head.setAttribute("role", head.scope === "row" ? "rowheader" : "columnheader");
  }
}

function equip(root) {
  addCopyButtons(root);
  sayWholeTimes(root);
  keepTables(root);
}
equip(document);

// <div id="part" data-live="30"> is fetched again every 30 seconds while the page is looked at, and left alone while it is used: while
// the focus, a selection or something opened is in it. It stops when the reader is away, so that a session ends that is not used.
// With each answer goes what tells of it elsewhere on the page: the contents of <span id="mark" data-live-with>, and the classes of
// <details id="step" data-live-class>, which stays open or closed.
function keepUp(page) {
  for (const part of document.querySelectorAll("[data-live-with][id]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.innerHTML === part.innerHTML) continue;
    part.replaceChildren(...fresh.childNodes);
    sayWholeTimes(part);
  }
  for (const part of document.querySelectorAll("[data-live-class][id]")) {
    const fresh = page.getElementById(part.id);
    if (fresh) part.className = fresh.className;
  }
}

for (const part of document.querySelectorAll("[data-live]")) {
  const PRESENT = 5 * 60 * 1000;
  let seen = Date.now();
  for (const sign of ["pointermove", "keydown", "scroll"]) {
    document.addEventListener(sign, () => { seen = Date.now(); }, { passive: true });
  }
  const isUsed = (now) => now.contains(document.activeElement) || now.querySelector("details[open]")
    || (!getSelection().isCollapsed && now.contains(getSelection().anchorNode));
  setInterval(async () => {
    const now = document.getElementById(part.id);
    if (document.hidden || Date.now() - seen > PRESENT || !now || isUsed(now)) return;
    const answer = await fetch(location.href, { redirect: "error", headers: { Purpose: "update" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    keepUp(page);
    const fresh = page.getElementById(part.id);
    if (!fresh || isUsed(now) || fresh.textContent === now.dataset.text) return;
    fresh.dataset.text = fresh.textContent;
    now.replaceWith(fresh);
    equip(fresh);
  }, Number(part.dataset.live) * 1000);
}
