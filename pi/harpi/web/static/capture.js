// Recording takes: a button for each activity.

import { send } from "./api.js";
import { byId, count, make, write } from "./dom.js";
import { isRecording, passed } from "./now.js";
import { testsWanted } from "./results.js";
import { say, sayDoubts } from "./said.js";

const buttons = new Map();
let situation = null;
let minimum = 1;
let asked = false; // on this page
let patience = 0; // seconds
let until = 0; // when the question runs out, by the clock of the browser

export function build() {
  byId("other").addEventListener("submit", async (event) => {
    event.preventDefault();
    const label = byId("other-label").value.trim();
    if (label && (await record(label)).ok) byId("other-label").value = "";
  });
  byId("test").addEventListener("change", () => situation && show(situation));
  for (const command of ["undo", "redo"]) {
    for (const button of document.querySelectorAll(`[data-${command}]`)) button.addEventListener("click", async () => say(await send(command)));
  }
  byId("mount").addEventListener("submit", async (event) => {
    event.preventDefault();
    const position = byId("position").value.trim();
    say(await send("mount", position ? { position } : {}));
  });
  byId("forget").addEventListener("submit", async (event) => {
    event.preventDefault();
    asked = true;
    const label = byId("forget-label").value;
    const answer = await send("forget", label ? { label } : {});
    write(byId("asking-text"), answer.message.replace(/ Confirm[^.]*\.$/, ""));
    if (!answer.ok) say(answer);
  });
  byId("confirm").addEventListener("click", async () => say(await send("confirm")));
  byId("keep").addEventListener("click", async () => say(await send("cancel")));
  byId("asking").addEventListener("keydown", (event) => event.key === "Escape" && byId("keep").click());
  setInterval(() => situation && tick(), 250);
}

export function greet(hello) {
  minimum = hello.minimum_windows;
  patience = hello.asking_seconds;
}

export function show(now) {
  situation = now;
  const recording = isRecording(now);
  const labels = [...now.labels];
  if (recording && !labels.some(({ label }) => label === now.label)) labels.push({ label: now.label, takes: 0, windows: 0, needed: minimum, tests: 0 });
  showButtons(labels, recording);
  showUndo(now);
  for (const input of byId("other").elements) input.disabled = now.state !== "idle";
  byId("position").placeholder = now.position;
  showAsking(now.asking);
  const names = labels.map(({ label }) => label);
  fillOptions(byId("labels"), names);
  fillOptions(byId("forget-label"), ["", ...names]);
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
  const testing = byId("test").checked;
  for (const each of labels) {
    if (!buttons.has(each.label)) addButton(each.label);
    const { button, counted, fill, need } = buttons.get(each.label);
    const mine = recording && each.label === situation.label;
    button.setAttribute("aria-pressed", mine);
    button.disabled = situation.state !== "idle" && !mine;
    write(counted, testing ? count(each.tests, "test take") : each.takes ? `${count(each.windows, "window")}, ${count(each.takes, "take")}` : "no takes yet");
    const wanted = testsWanted(labels);
    const ready = testing ? each.tests >= wanted : each.takes > 0 && !each.needed;
    fill.style.setProperty("--share", Math.min(1, testing ? each.tests / wanted : each.windows / minimum));
    button.dataset.ready = ready;
    write(need, ready ? "✓ enough" : `${testing ? wanted - each.tests : each.needed || 1} more needed`);
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

function tick() {
  write(byId("asking-left"), situation.asking ? `${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s left` : "");
  for (const [label, { doing }] of buttons) {
    if (!isRecording(situation) || label !== situation.label) {
      write(doing, "");
      continue;
    }
    const what = situation.state === "testing" ? "test take" : "recording";
    const whole = situation.seconds ? ` of ${Math.round(situation.seconds)}` : "";
    write(doing, `${what} ${passed()}${whole} s, press to stop`);
  }
}

function showUndo({ state, undo, redo }) {
  for (const button of document.querySelectorAll("[data-undo]")) {
    button.disabled = state !== "idle" || !undo;
    write(button, undo ? `Undo: ${undo}` : "Undo");
    button.title = undo ?? "";
  }
  for (const button of document.querySelectorAll("[data-redo]")) {
    button.hidden = !redo;
    button.disabled = state !== "idle";
    write(button, `Redo: ${redo}`);
    button.title = redo ?? "";
  }
}

function showAsking(asking) {
  const box = byId("asking");
  if (asking === !box.hidden) return;
  box.hidden = !asking;
  until = Date.now() + 1000 * patience;
  // Whoever did not ask here keeps the place where they are.
  if (asking && asked) byId("keep").focus();
  if (asking && !asked) write(byId("asking-text"), "Somebody wants harpi to forget takes. Really?");
  asked = false;
}

function fillOptions(list, values) {
  const known = [...list.children].map((option) => option.value);
  if (known.join("\n") === values.join("\n")) return;
  const chosen = list.value;
  list.replaceChildren(...values.map((value) => make("option", { value }, value || "everything")));
  if (values.includes(chosen)) list.value = chosen;
}
