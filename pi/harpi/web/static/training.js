// Training: the button, how the loss falls, and what came of it.

import { send } from "./api.js";
import { byId, clean, colours, make, percent, write } from "./dom.js";
import { sayDoubts } from "./said.js";

let losses = [];

export function build() {
  for (const command of ["train", "pause", "resume", "cancel"]) {
    byId(command).addEventListener("click", async () => sayDoubts(await send(command)));
  }
}

export function show(situation) {
  const { state, progress, labels } = situation;
  const busy = state === "training" || state === "paused";
  byId("train").hidden = busy;
  byId("train").disabled = state !== "idle";
  byId("pause").hidden = state !== "training";
  byId("resume").hidden = state !== "paused";
  byId("cancel").hidden = !busy;
  byId("training-now").hidden = !losses.length;
  const ready = labels.filter((each) => each.takes && !each.needed);
  byId("train").classList.toggle("main", ready.length >= 2);
  write(byId("readiness"), readiness(ready.length));
  byId("readiness").hidden = busy;
  if (progress) note(progress);
  if (state === "paused") write(byId("training-words"), `Paused. ${words(progress)}`);
}

function readiness(ready) {
  if (ready >= 2) return `There is enough to learn ${ready} activities.`;
  return "Training needs two activities with enough windows each.";
}

/** A training begins, goes on, or has ended. */
export function happened(event) {
  if (event.kind === "answer" && event.ok && event.situation.state === "training" && !event.situation.progress) {
    losses = [];
    byId("outcome").hidden = true;
    byId("training-progress").removeAttribute("value");
    write(byId("training-words"), "Getting ready.");
  }
  if (event.outcome) {
    byId("outcome").hidden = false;
    byId("outcome").dataset.result = event.outcome;
    write(byId("outcome-text"), event.message);
    byId("advice").replaceChildren(...event.advice.map((point) => make("li", {}, point)));
    byId("training-progress").value = 1;
  }
}

export function revealOutcome() {
  byId("outcome").scrollIntoView({ block: "nearest" });
}

function note(progress) {
  const last = losses.at(-1);
  if (last?.epoch === progress.epoch) return;
  if (last && progress.epoch < last.epoch) losses = [];
  losses.push(progress);
  byId("training-now").hidden = false;
  byId("training-progress").value = progress.epoch / progress.epochs;
  write(byId("training-words"), words(progress));
  drawLoss();
}

function words(progress) {
  if (!progress) return "";
  const right = progress.accuracy == null ? "" : `, ${percent(progress.accuracy)} of held-out windows right`;
  return `Epoch ${progress.epoch} of at most ${progress.epochs}: loss ${progress.loss.toFixed(3)}${right}.`;
}

export function drawLoss() {
  const canvas = byId("loss");
  if (!losses.length || !canvas.clientHeight) return;
  const { context, width, height } = clean(canvas);
  const [soft, line, accent] = colours("soft", "line", "personal");
  const most = Math.max(...losses.map(({ loss }) => loss));
  const end = Math.max(losses.at(-1).epoch, 2);
  const x = (epoch) => 30 + (epoch / end) * (width - 38);
  const y = (loss) => 8 + (1 - loss / most) * (height - 26);
  context.strokeStyle = line;
  context.fillStyle = soft;
  context.textBaseline = "middle";
  for (const share of [0, 0.5, 1]) {
    context.beginPath();
    context.moveTo(30, y(most * share));
    context.lineTo(width - 8, y(most * share));
    context.stroke();
    context.fillText((most * share).toFixed(most < 1 ? 2 : 1), 2, y(most * share));
  }
  context.fillText("0", 28, height - 8);
  context.textAlign = "right";
  context.fillText(`epoch ${losses.at(-1).epoch}`, width - 8, height - 8);
  context.textAlign = "left";
  context.strokeStyle = accent;
  context.lineWidth = 2;
  context.beginPath();
  for (const { epoch, loss } of losses) context.lineTo(x(epoch), y(loss));
  context.stroke();
}
