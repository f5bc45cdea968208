// A recording is dropped or chosen, harpi says what it understood, and it is imported.

import { post, postPart } from "./api.js";
import { byId, percent, write } from "./dom.js";
import { say } from "./said.js";

let sending = 0; // the number of the file that is dealt with; what belongs to another is dropped
let id = "";

export function build() {
  const view = byId("view-takes");
  byId("import-choose").addEventListener("click", () => byId("import-file").click());
  byId("import-file").addEventListener("change", ({ target }) => {
    if (target.files.length) begin(target.files[0]);
    target.value = "";
  });
  for (const name of ["dragenter", "dragover"]) view.addEventListener(name, (event) => over(event, true));
  for (const name of ["dragleave", "drop"]) view.addEventListener(name, (event) => over(event, false));
  view.addEventListener("drop", ({ dataTransfer }) => dataTransfer.files.length && begin(dataTransfer.files[0]));
  byId("import-label").addEventListener("change", look);
  byId("import-test").addEventListener("change", look);
  byId("import-drop").addEventListener("click", drop);
  byId("import").addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
}

function over(event, inside) {
  event.preventDefault();
  byId("view-takes").classList.toggle("over", inside);
}

async function begin(file) {
  const mine = (sending += 1);
  byId("import").hidden = false;
  byId("import-how").hidden = true;
  byId("import-do").disabled = true;
  byId("import-lines").replaceChildren();
  write(byId("import-name"), file.name);
  byId("import-name").focus();
  try {
    const accepted = await post("/api/files", { name: file.name, size: file.size });
    id = accepted.id;
    for (let at = 0; at < file.size && mine === sending; at += accepted.part) {
      write(byId("import-state"), `Sending: ${percent(at / file.size)}`);
      await postPart(`/api/parts/${id}?at=${at}`, file.slice(at, at + accepted.part));
    }
    if (mine === sending) await look();
  } catch (error) {
    if (mine === sending) fail(error);
  }
}

function chosen() {
  const label = byId("import-label").value.trim();
  return { ...(label ? { label } : {}), test: byId("import-test").checked };
}

async function look() {
  const mine = sending;
  byId("import-do").disabled = true;
  write(byId("import-state"), "Reading the file…");
  try {
    const told = await post(`/api/files/${id}/look`, chosen());
    if (mine !== sending) return;
    write(byId("import-state"), told.ok ? "This is what harpi understood. Nothing is imported yet." : "This cannot be imported.");
    show(told.lines);
    byId("import-how").hidden = false;
    byId("import-do").disabled = !told.ok;
  } catch (error) {
    if (mine === sending) fail(error);
  }
}

async function take() {
  const mine = sending;
  byId("import-do").disabled = true;
  write(byId("import-state"), "Importing…");
  try {
    const told = await post(`/api/files/${id}/import`, chosen());
    if (mine !== sending) return;
    if (!told.ok) {
      write(byId("import-state"), "Nothing was imported.");
      show(told.lines);
      return;
    }
    close();
    say({ ok: true, message: told.lines.map(plain).find((line) => line.startsWith("Imported")) ?? "Imported." });
  } catch (error) {
    if (mine === sending) fail(error);
  }
}

function show(lines) {
  byId("import-lines").replaceChildren(
    ...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = plain(line);
      return item;
    }),
  );
}

/** The words of the command line, for somebody who has fields instead of options. */
const plain = (line) => line.replace(/; --label names them.*\.$/, "; give them a label below.");

function fail(error) {
  write(byId("import-state"), error.message);
  byId("import-how").hidden = true;
}

async function drop() {
  sending += 1;
  close();
  if (id) await post(`/api/files/${id}/drop`, {}).catch(() => {});
  id = "";
}

function close() {
  byId("import").hidden = true;
  byId("import-label").value = "";
  byId("import-test").checked = false;
  byId("import-choose").focus();
}
