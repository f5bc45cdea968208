// The guided first run: what to do next, with a countdown that can be heard and felt.

import { send } from "./api.js";
import { byId, onPage, write } from "./dom.js";
import { isRecording } from "./now.js";
import { say } from "./said.js";

const COUNTDOWN = 3;
let situation = null;
let counting = 0;
let sound = null;
let awake = null;

export function build() {
  byId("guide-begin").addEventListener("submit", begin);
  byId("guide-go").addEventListener("click", go);
  byId("guide-end").addEventListener("click", end);
}

export function show(now) {
  const ended = situation && isRecording(situation) && !isRecording(now);
  situation = now;
  if (ended && now.guide) signal(2);
  const step = now.guide;
  byId("guide-ask").hidden = Boolean(step);
  byId("guide-step").hidden = !step;
  if (!step) {
    if (document.activeElement?.form !== byId("guide-begin")) fill(now);
    return;
  }
  const count = step.of > 1 ? ` (${step.number} of ${step.of})` : "";
  if (!counting) write(byId("guide-text"), isRecording(now) ? `Go on: ${now.label}` : onPage(step.message) + count);
  const button = byId("guide-go");
  button.hidden = step.step === "done";
  button.disabled = now.state !== "idle" || now.evaluating || counting > 0;
  write(button, { record: "Ready", test: "Ready", train: "Train", evaluate: "Evaluate" }[step.step] ?? "");
  write(byId("guide-end"), step.step === "done" ? "Close" : "End the guide");
}

function fill(now) {
  byId("guide-labels").value = now.labels.map(({ label }) => label).join(", ");
  byId("guide-position").placeholder = now.position;
}

async function begin(event) {
  event.preventDefault();
  const labels = byId("guide-labels").value.split(",").map((label) => label.trim()).filter(Boolean);
  const position = byId("guide-position").value.trim();
  hear();
  const answer = await send("guide", { labels, ...(position && { position }) });
  if (!answer.ok || answer.warnings.length) say(answer);
  if (!answer.ok) return;
  awake = await navigator.wakeLock?.request("screen").catch(() => null);
  byId("guide-go").focus();
}

async function go() {
  hear();
  const { step, label, seconds } = situation.guide;
  if (step === "train" || step === "evaluate") {
    const answer = await send(step);
    if (!answer.ok) say(answer);
    return;
  }
  byId("guide-go").disabled = true;
  for (counting = COUNTDOWN; counting > 0; counting -= 1) {
    write(byId("guide-text"), `${label} in ${counting} …`);
    signal(1);
    await new Promise((done) => setTimeout(done, 1000));
    if (!situation.guide || counting <= 0) return stopCounting();
  }
  stopCounting();
  const answer = await send("record", { label, seconds, test: step === "test", new: true });
  if (!answer.ok) say(answer);
}

function stopCounting() {
  counting = 0;
  show(situation);
}

async function end() {
  counting = 0;
  awake?.release();
  awake = null;
  const answer = await send("guide");
  if (!answer.ok) say(answer);
  byId("capture-title").focus({ preventScroll: true });
}

/** Browsers let a page be heard once somebody has pressed something. */
function hear() {
  sound ??= window.AudioContext ? new AudioContext() : null;
}

/** So many short tones, and as many pushes of a phone. */
function signal(times) {
  navigator.vibrate?.(Array.from({ length: times }, () => [150, 100]).flat());
  if (!sound) return;
  for (let number = 0; number < times; number += 1) {
    const tone = sound.createOscillator();
    const at = sound.currentTime + 0.2 * number;
    tone.frequency.value = 660;
    tone.connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.1);
  }
}
