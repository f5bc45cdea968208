// Making and changing elements. Text goes in as text only: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element; `attributes` with a function as value are event listeners. */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an element of a picture. */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Set a text only where it differs, so that a reader is not told it again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// What the page calls what the command line calls otherwise.
const BUTTONS = [
  [/^undo/, "Undo"],
  [/^stop/, "Stop"],
  [/^cancel/, "Cancel"],
  [/^resume/, "Resume"],
  [/^train/, "Train"],
  [/^record.*--test/, "Test take"],
  [/^record/, "Capture"],
  [/^evaluate/, "Evaluate"],
  [/^heads/, "Kept heads"],
  [/^takes restore/, "Restore"],
  [/^takes relabel/, "Relabel"],
  [/^takes delete/, "Delete"],
  [/^takes list/, "Takes"],
];

/** Say with the names of buttons what a message says with commands. */
export function onPage(message) {
  return message.replace(/`harpi ([^`]*)`/g, (whole, command) => {
    const found = BUTTONS.find(([pattern]) => pattern.test(command));
    return found ? `“${found[1]}”` : whole;
  });
}

export const percent = (share) => `${Math.round(share * 100)}%`;

export const count = (number, noun, nouns = `${noun}s`) => `${number} ${number === 1 ? noun : nouns}`;

/** A moment as people say it: today without the date. */
export function when(time) {
  const moment = new Date(time);
  const today = moment.toDateString() === new Date().toDateString();
  if (!today) return moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return `today ${moment.toLocaleTimeString([], { timeStyle: "short" })}`;
}

/** Fit a canvas to its place on the screen; give its context in CSS pixels, cleared. */
export function clean(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  return { context, width, height };
}

/** The colours of the style sheet, as they are now. */
export function colours(...names) {
  const style = getComputedStyle(document.documentElement);
  return names.map((name) => style.getPropertyValue(`--${name}`).trim());
}
