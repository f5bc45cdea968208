// Training: the button, how the loss falls, and what came of it.

import { get, send } from "./api.js";
import { byId, clean, colours, make, onPage, percent, write } from "./dom.js";
import { say, sayDoubts } from "./said.js";

// The losses by epoch: first of heads that try themselves on held-out takes, then, where they
// have told how many epochs are best, of the head that learns everything.
let runs = [];

export function build() {
  byId("train").addEventListener("click", async () => sayDoubts(await send("train")));
  byId("head-before").addEventListener("click", goBack);
}

/** The activities of which there is enough to be learnt. */
export const ready = ({ labels }) => labels.filter((each) => each.takes && !each.needed);

export function show(situation) {
  const { state, progress } = situation;
  const busy = state === "training" || state === "paused";
  byId("train").hidden = busy;
  byId("train").disabled = state !== "idle";
  const enough = ready(situation).length;
  byId("train").classList.toggle("main", enough >= 2);
  write(byId("readiness"), enough >= 2 ? `There is enough to learn ${enough} activities.` : "Training needs two activities with enough windows each.");
  byId("readiness").hidden = busy;
  if (progress) note(progress);
  byId("training-now").hidden = !busy && !runs.length;
  byId("loss").hidden = !runs.some((run) => run.length > 1);
  if (state === "paused") write(byId("training-words"), `Paused. ${words()}`);
}

/** The page may have missed something. */
export function forgetProgress() {
  runs = [];
}

/** A training begins, goes on, or has ended. */
export function happened(event) {
  if (event.kind === "answer" && event.ok && event.situation.state === "training" && !event.situation.progress) {
    runs = [];
    byId("outcome").hidden = true;
    byId("training-progress").removeAttribute("value");
    write(byId("training-words"), "Getting ready.");
  }
  if (event.outcome) {
    byId("outcome").hidden = false;
    byId("outcome").dataset.result = event.outcome;
    write(byId("outcome-text"), onPage(event.message));
    byId("advice").replaceChildren(...event.advice.map((point) => make("li", {}, onPage(point))));
    byId("training-progress").value = 1;
    offerTheWayBack(event.outcome);
  }
}

/** Beside the news of a new head: the one before, where there is one that can be used. */
async function offerTheWayBack(outcome) {
  byId("head-before").hidden = true;
  if (outcome !== "taken") return;
  const { heads } = await get("/api/heads").catch(() => ({ heads: [] }));
  byId("head-before").hidden = !heads.some((head) => !head.current && !head.problem);
}

async function goBack() {
  byId("head-before").hidden = true;
  say(await send("use"));
  byId("outcome-text").focus({ preventScroll: true });
}

export function revealOutcome() {
  byId("outcome").scrollIntoView({ block: "nearest" });
}

function note(progress) {
  const last = runs.at(-1)?.at(-1);
  if (last?.epoch === progress.epoch && last.epochs === progress.epochs) return;
  if (!last || progress.epoch <= last.epoch) runs.push([]);
  runs.at(-1).push(progress);
  byId("training-progress").value = progress.epoch / progress.epochs;
  write(byId("training-words"), words());
  drawLoss();
}

function words() {
  const progress = runs.at(-1)?.at(-1);
  if (!progress) return "";
  const trying = runs.length === 1 && progress.accuracy != null;
  const right = trying ? `, ${percent(progress.accuracy)} right` : "";
  const what = trying ? "Tried on held-out windows" : "Learning everything";
  return `${what}: epoch ${progress.epoch} of at most ${progress.epochs}, loss ${progress.loss.toFixed(3)}${right}.`;
}

const LEFT = 40;
const RIGHT = 8;
const TOP = 20;
const BOTTOM = 20;

export function drawLoss() {
  const canvas = byId("loss");
  const all = runs.flat();
  if (all.length < 2 || !canvas.clientHeight) return;
  const { context, width, height } = clean(canvas);
  const [soft, line, accent] = colours("soft", "line", "personal");
  const most = Math.max(...all.map(({ loss }) => loss));
  const x = (place) => LEFT + (place / (all.length - 1)) * (width - LEFT - RIGHT);
  const y = (loss) => TOP + (1 - loss / most) * (height - TOP - BOTTOM);
  context.strokeStyle = line;
  context.fillStyle = soft;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const share of [0, 0.5, 1]) {
    const at = Math.round(y(most * share)) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, at);
    context.lineTo(width - RIGHT, at);
    context.stroke();
    context.fillText((most * share).toFixed(most < 1 ? 2 : 1), LEFT - 6, at);
  }
  let begin = 0;
  runs.forEach((run, number) => {
    const end = begin + run.length - 1;
    if (number) {
      context.strokeStyle = soft;
      context.setLineDash([2, 3]);
      context.beginPath();
      context.moveTo(x(begin - 0.5), TOP - 14);
      context.lineTo(x(begin - 0.5), height - BOTTOM);
      context.stroke();
      context.setLineDash([]);
    }
    context.strokeStyle = accent;
    context.fillStyle = accent;
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.beginPath();
    run.forEach(({ loss }, place) => context.lineTo(x(begin + place), y(loss)));
    context.stroke();
    context.beginPath();
    context.arc(x(end), y(run.at(-1).loss), 3.5, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = soft;
    context.textAlign = "left";
    const name = number ? "everything" : runs.length > 1 || run[0].accuracy != null ? "held out" : "everything";
    const room = x(end) - x(begin);
    if (room > context.measureText(name).width + 8) context.fillText(name, x(begin) + 4, TOP - 10);
    context.textAlign = "right";
    if (room > 56) context.fillText(`epoch ${run.at(-1).epoch}`, x(end), height - 8);
    context.lineWidth = 1;
    begin = end + 1;
  });
  context.textAlign = "left";
  context.fillText("loss", 2, TOP - 10);
}
