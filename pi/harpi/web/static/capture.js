// Recording takes: a button for each activity.

import { send } from "./api.js";
import { byId, count, make, write } from "./dom.js";
import { say, sayDoubts } from "./said.js";

const buttons = new Map();
let situation = null;
let minimum = 1;
let clockOffset = 0; // of the device to this browser, milliseconds

export function build() {
  byId("other").addEventListener("submit", async (event) => {
    event.preventDefault();
    const label = byId("other-label").value.trim();
    if (label && (await record(label)).ok) byId("other-label").value = "";
  });
  byId("undo").addEventListener("click", async () => say(await send("undo")));
  byId("drop").addEventListener("click", async () => say(await send("cancel")));
  byId("mount").addEventListener("submit", async (event) => {
    event.preventDefault();
    const position = byId("position").value.trim();
    say(await send("mount", position ? { position } : {}));
  });
  byId("forget").addEventListener("submit", async (event) => {
    event.preventDefault();
    const label = byId("forget-label").value;
    const answer = await send("forget", label ? { label } : {});
    write(byId("asking-text"), answer.message);
    if (!answer.ok) say(answer);
  });
  byId("confirm").addEventListener("click", async () => say(await send("confirm")));
  byId("keep").addEventListener("click", async () => say(await send("cancel")));
  setInterval(tick, 250);
}

export function setMinimum(windows) {
  minimum = windows;
}

export function setClock(time) {
  clockOffset = Date.parse(time) - Date.now();
}

export function show(now) {
  situation = now;
  const recording = now.state === "recording" || now.state === "testing";
  const labels = [...now.labels];
  if (recording && !labels.some(({ label }) => label === now.label)) labels.push({ label: now.label, takes: 0, windows: 0, needed: minimum, tests: 0 });
  showButtons(labels, recording);
  byId("drop").hidden = !recording;
  byId("undo").hidden = recording;
  byId("undo").disabled = now.state !== "idle";
  for (const input of byId("other").elements) input.disabled = now.state !== "idle";
  byId("position").placeholder = now.position;
  showAsking(now.asking);
  const names = labels.map(({ label }) => label);
  fillOptions(byId("labels"), names);
  fillOptions(byId("forget-label"), ["", ...names]);
  document.body.dataset.state = now.state;
  tick();
}

function showButtons(labels, recording) {
  const names = new Set(labels.map(({ label }) => label));
  for (const [label, { button }] of buttons) {
    if (!names.has(label)) {
      button.remove();
      buttons.delete(label);
    }
  }
  for (const each of labels) {
    if (!buttons.has(each.label)) addButton(each.label);
    const { button, counted, fill, need } = buttons.get(each.label);
    const mine = recording && each.label === situation.label;
    button.setAttribute("aria-pressed", mine);
    button.disabled = situation.state !== "idle" && !mine;
    const tests = each.tests ? `, ${count(each.tests, "test")}` : "";
    write(counted, each.takes || each.tests ? `${count(each.windows, "window")}, ${count(each.takes, "take")}${tests}` : "no takes yet");
    fill.style.setProperty("--share", Math.min(1, each.windows / minimum));
    button.dataset.ready = each.takes > 0 && !each.needed;
    write(need, each.needed ? `${each.needed} more needed` : "✓ enough");
  }
}

function addButton(label) {
  const counted = make("span", { class: "counted" });
  const fill = make("span", { class: "fill" });
  const need = make("span", { class: "need" });
  const doing = make("span", { class: "doing" });
  const button = make(
    "button",
    { type: "button", class: "class", click: () => press(label) },
    make("span", { class: "label" }, label),
    doing,
    counted,
    make("span", { class: "bar" }, fill),
    need,
  );
  buttons.set(label, { button, counted, fill, need, doing });
  byId("classes").append(button);
}

async function press(label) {
  if (situation.state === "idle") await record(label);
  else say(await send("stop"));
}

async function record(label) {
  const seconds = Number(byId("seconds").value);
  const fields = { label, ...(seconds && { seconds }), ...(byId("test").checked && { test: true }) };
  const answer = await send("record", fields);
  sayDoubts(answer); // that it records is seen at the button
  return answer;
}

/** Say how long the take has been going on, by the clock of the device. */
function tick() {
  if (!situation) return;
  const recording = situation.state === "recording" || situation.state === "testing";
  for (const [label, { doing }] of buttons) {
    if (!recording || label !== situation.label) {
      write(doing, "");
      continue;
    }
    const begun = (Date.now() + clockOffset - Date.parse(situation.since)) / 1000;
    const passed = Math.max(0, Math.floor(begun));
    const what = situation.state === "testing" ? "test take" : "recording";
    const left = situation.seconds ? ` of ${Math.round(situation.seconds)}` : "";
    write(doing, `${what} ${passed}${left} s, press to stop`);
  }
}

function showAsking(asking) {
  const box = byId("asking");
  if (asking === !box.hidden) return;
  box.hidden = !asking;
  if (asking) byId("keep").focus();
}

function fillOptions(list, values) {
  const known = [...list.children].map((option) => option.value);
  if (known.join("\n") === values.join("\n")) return;
  const chosen = list.value;
  list.replaceChildren(...values.map((value) => make("option", { value }, value || "everything")));
  if (values.includes(chosen)) list.value = chosen;
}
