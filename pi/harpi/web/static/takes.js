// The takes that there are, with their traces, to be corrected.

import { get, send } from "./api.js";
import { byId, count, draw, make, when } from "./dom.js";
import { say } from "./said.js";

const FLAGS = {
  too_short: "too short to learn from",
  inconsistent: "does not agree with itself",
  implausible: "the sensor could not be believed, not learnt",
  saturated: "beyond the sensor's range",
  interrupted: "was interrupted",
};
const WIDTH = 240;
const HEIGHT = 48;

let rows = [];
let more = false;
let loading = 0;
let stale = true;
let drawn = ""; // what the list shows; a button that is being pressed is not replaced by its like

export function build() {
  byId("with-deleted").addEventListener("change", list);
  byId("more-takes").addEventListener("click", () => load(rows.at(-1)?.id));
}

/** The takes have changed, or may have. */
export function changed(visible) {
  stale = true;
  if (visible) refresh();
}

export function refresh() {
  if (stale) load();
}

async function load(before) {
  const mine = (loading += 1);
  stale = false;
  try {
    const page = await get(before ? `/api/takes?before=${before}` : "/api/takes");
    if (mine !== loading) return;
    rows = before ? [...rows, ...page.takes] : page.takes;
    more = page.more;
    list();
  } catch (error) {
    drawn = "";
    byId("take-list").replaceChildren(make("li", { class: "empty" }, error.message));
  }
}

function list() {
  const shown = rows.filter((take) => byId("with-deleted").checked || !take.deleted);
  const editing = document.activeElement?.closest?.("#take-list form");
  if (editing) return; // what somebody types is not taken away
  if (drawn === (drawn = JSON.stringify(shown)) && !byId("take-list").querySelector("form")) return;
  byId("take-list").replaceChildren(...shown.map(item));
  if (!shown.length) byId("take-list").append(make("li", { class: "empty" }, "There are no takes yet. Record some under Capture."));
  byId("more-takes").hidden = !more;
}

function item(take) {
  const what = take.test ? "test take" : "take";
  const facts = [`${take.seconds.toFixed(1)} s`, when(take.start), take.position !== "unspecified" && take.position, `session ${take.session}`, take.gaps && count(take.gaps, "gap")];
  const doubts = take.flags.map((flag) => FLAGS[flag] ?? flag).join(", ");
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `Acceleration of ${what} ${take.id}` });
  drawTrace(picture, take);
  const tools = make("div", { class: "row tools" });
  const row = make(
    "li",
    { class: "card take", "data-deleted": take.deleted, "data-test": take.test },
    make("div", { class: "about" }, make("h3", {}, take.label, make("small", {}, `${what} ${take.id}`)), make("p", { class: "words" }, facts.filter(Boolean).join(" · ")), doubts ? make("p", { class: "doubt" }, `⚠ ${doubts}`) : null, take.deleted ? make("p", { class: "words" }, "deleted") : null),
    picture,
    tools,
  );
  if (take.deleted) {
    tools.append(button("Restore", `Restore ${what} ${take.id}`, () => change("restore", take)));
  } else {
    tools.append(
      button("Relabel", `Relabel ${what} ${take.id}`, () => askForLabel(tools, take)),
      button("Delete", `Delete ${what} ${take.id}`, () => change("delete", take)),
      make("a", { class: "button", href: `/api/export?takes=${take.id}`, download: "", "aria-label": `Export ${what} ${take.id}` }, "Export"),
    );
  }
  return row;
}

const button = (text, name, click) => make("button", { type: "button", "aria-label": name, click }, text);

async function change(command, take, fields = {}) {
  const answer = await send(command, { takes: [take.id], ...fields });
  say(answer);
  // The button that was pressed is gone with its row.
  if (answer.ok) byId("takes-title").focus({ preventScroll: true });
}

function askForLabel(tools, take) {
  const input = make("input", { value: take.label, list: "labels", maxlength: 48, "aria-label": `Label of take ${take.id}`, autocomplete: "off" });
  const back = () => {
    input.blur();
    list();
  };
  const form = make(
    "form",
    {
      class: "row",
      submit: (event) => {
        event.preventDefault();
        const label = input.value.trim();
        back();
        if (label && label !== take.label) change("relabel", take, { label });
      },
      keydown: (event) => event.key === "Escape" && back(),
    },
    input,
    make("button", { type: "submit", class: "main" }, "Save"),
    make("button", { type: "button", click: back }, "Cancel"),
  );
  tools.replaceChildren(form);
  input.focus();
  input.select();
}

async function drawTrace(picture, take) {
  const drawn = await get(`/api/takes/${take.id}/trace?digest=${take.digest}`).catch(() => null);
  if (!drawn) return;
  const values = [...drawn.low.flat(), ...drawn.high.flat()].filter((value) => value !== null);
  const most = Math.max(1.5, ...values.map(Math.abs));
  const x = (place) => (place / drawn.low[0].length) * WIDTH;
  const y = (value) => HEIGHT / 2 - (value / most) * (HEIGHT / 2 - 1);
  const used = (second) => (second / drawn.seconds) * WIDTH;
  drawn.low.forEach((low, axis) => {
    const d = stretches(low).map((places) => {
      const above = places.map((place) => `${x(place + 0.5).toFixed(1)} ${y(drawn.high[axis][place]).toFixed(1)}`);
      const below = places.map((place) => `${x(place + 0.5).toFixed(1)} ${y(low[place]).toFixed(1)}`);
      return `M${[...above, ...below.reverse()].join("L")}Z`;
    });
    picture.append(draw("path", { d: d.join(""), class: `axis-${"xyz"[axis]}` }));
  });
  const unused = [[0, take.keep_from], [take.keep_to ?? drawn.seconds, drawn.seconds]];
  for (const [from, to] of unused) {
    if (to > from) picture.append(draw("rect", { x: used(from), y: 0, width: used(to) - used(from), height: HEIGHT, class: "unused" }));
  }
}

/** The places of values, in runs without a hole. */
function stretches(values) {
  const runs = [[]];
  values.forEach((value, place) => {
    if (value !== null) runs.at(-1).push(place);
    else if (runs.at(-1).length) runs.push([]);
  });
  return runs.filter((run) => run.length);
}
