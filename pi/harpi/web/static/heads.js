// The heads that were kept, each with its figures: go back to one, or delete it for good.

import { get, send } from "./api.js";
import { byId, count, make, percent, when } from "./dom.js";
import { say } from "./said.js";

let state = "idle";
let drawn = ""; // what the list shows; a button that is being pressed is not replaced by its like

export function show(situation) {
  state = situation.state;
  for (const button of byId("heads").querySelectorAll("button[data-use]")) button.disabled = state !== "idle" || button.dataset.use === "never";
}

export async function refresh() {
  const list = byId("heads");
  try {
    const { heads } = await get("/api/heads");
    if (list.querySelector("[data-sure]")) return; // somebody is being asked
    if (drawn === (drawn = JSON.stringify(heads))) return;
    if (heads.length) list.replaceChildren(table(heads));
    else list.replaceChildren(make("p", { class: "empty" }, "No head was made yet. Record some activities under Capture, then train."));
  } catch (error) {
    drawn = "";
    list.replaceChildren(make("p", { class: "empty" }, error.message));
  }
}

function table(heads) {
  const flattered = heads.some((head) => head.accuracy != null && !head.whole);
  return make(
    "div",
    { class: "card heads" },
    make(
      "ul",
      { "aria-labelledby": "heads-title" },
      ...heads.map(row),
    ),
    flattered ? make("p", { class: "words" }, "~ some of the windows are from the very takes that it learnt, which flatters.") : null,
  );
}

function row(head) {
  const tools = make("div", { class: "row tools" });
  showTools(tools, head);
  return make(
    "li",
    { "data-current": head.current },
    make(
      "div",
      { class: "about" },
      make("h3", {}, `Head ${head.number}`, head.current ? make("span", { class: "badge" }, "in use") : null),
      make("p", { class: "words" }, head.created ? facts(head) : ""),
      head.problem ? make("p", { class: "doubt" }, `⚠ ${head.problem}`) : null,
    ),
    make("p", { class: "figure" }, head.accuracy == null ? "–" : `${head.whole ? "" : "~"}${percent(head.accuracy)}`, make("small", {}, "right, held out")),
    tools,
  );
}

function facts(head) {
  return [when(head.created), head.labels.join(", "), `${count(head.windows, "window")} of ${count(head.takes, "take")}`, head.method].join(" · ");
}

function showTools(tools, head) {
  if (head.current) {
    tools.replaceChildren();
    return;
  }
  const use = make("button", { type: "button", "data-use": head.problem ? "never" : "idle", disabled: state !== "idle" || Boolean(head.problem), "aria-label": `Use head ${head.number}`, click: () => change("use", head) }, "Use");
  const drop = make("button", { type: "button", "aria-label": `Delete head ${head.number}`, click: () => ask(tools, head) }, "Delete");
  tools.replaceChildren(use, drop);
}

/** A head that is deleted cannot be brought back. */
function ask(tools, head) {
  const no = () => showTools(tools, head);
  const keep = make("button", { type: "button", click: no }, "Keep");
  const sure = make("button", { type: "button", class: "danger", "data-sure": true, "aria-label": `Delete head ${head.number} for good`, click: () => (no(), change("discard", head)) }, "Delete for good");
  tools.replaceChildren(sure, keep);
  keep.focus();
  keep.addEventListener("keydown", (event) => event.key === "Escape" && no());
}

async function change(command, head) {
  const answer = await send(command, { head: head.number });
  say(answer);
  await refresh();
  // The button that was pressed is gone, unless something else has been chosen meanwhile.
  if (document.activeElement === document.body) byId("heads-title").focus({ preventScroll: true });
}
