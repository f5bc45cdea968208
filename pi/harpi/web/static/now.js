// What harpi does at the moment, in every view, and the buttons that end it.

import { send } from "./api.js";
import { byId, percent, write } from "./dom.js";
import { say, sayDoubts } from "./said.js";

let situation = null;
let clockOffset = 0; // of the device to this browser, milliseconds

const BUTTONS = {
  stop: ["recording", "testing"],
  drop: ["recording", "testing"],
  pause: ["training"],
  resume: ["paused"],
  cancel: ["training", "paused", "evaluating"],
};

export function build() {
  byId("now-stop").addEventListener("click", async () => say(await send("stop")));
  byId("now-drop").addEventListener("click", async () => say(await send("cancel")));
  byId("now-pause").addEventListener("click", async () => sayDoubts(await send("pause")));
  byId("now-resume").addEventListener("click", async () => sayDoubts(await send("resume")));
  byId("now-cancel").addEventListener("click", async () => sayDoubts(await send("cancel")));
  setInterval(() => situation && tick(), 250);
}

export function setClock(time) {
  clockOffset = Date.parse(time) - Date.now();
}

export function show(current) {
  situation = current;
  const state = current.evaluating && current.state === "idle" ? "evaluating" : current.state;
  const box = byId("now");
  box.hidden = state === "idle";
  box.dataset.state = state;
  for (const [name, states] of Object.entries(BUTTONS)) byId(`now-${name}`).hidden = !states.includes(state);
  write(byId("now-what"), what(state));
  tick();
}

function what(state) {
  if (state === "recording") return `Recording ${situation.label}`;
  if (state === "testing") return `Recording a test take of ${situation.label}`;
  if (state === "training") return "Training";
  if (state === "paused") return "Training is paused";
  return "Evaluating the three models on the test takes";
}

function tick() {
  write(byId("now-how"), how());
}

function how() {
  const { state, seconds, progress } = situation;
  if (isRecording(situation)) return seconds ? `${passed()} of ${Math.round(seconds)} s` : `${passed()} s`;
  if (state === "idle" || !progress) return "";
  const right = progress.accuracy == null ? "" : `, ${percent(progress.accuracy)} right`;
  return `epoch ${progress.epoch}, loss ${progress.loss.toFixed(3)}${right}`;
}

export const isRecording = ({ state }) => state === "recording" || state === "testing";

/** Seconds that the take has been going on, by the clock of the device. */
export function passed() {
  const begun = (Date.now() + clockOffset - Date.parse(situation.since)) / 1000;
  return Math.max(0, Math.floor(begun) || 0);
}
