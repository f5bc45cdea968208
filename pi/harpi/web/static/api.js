// What the page asks of harpi.

let token = "";

/** What it takes to begin; leads to the login where that is missing. */
export async function hello() {
  const said = await get("/api/hello");
  token = said.token;
  return said;
}

export async function get(path) {
  return understand(await ask(path, { headers: { accept: "application/json" } }));
}

/** Send a command; give the answer, whether it was done or not. */
export async function send(command, fields = {}) {
  try {
    return await post("/api/command", { command, ...fields });
  } catch (error) {
    return { ok: false, message: error.message, warnings: [] };
  }
}

/** Send a part of a file. */
export async function postPart(path, part) {
  const headers = { "content-type": "application/octet-stream", "x-harpi-token": token };
  return understand(await ask(path, { method: "POST", headers, body: part }));
}

export async function logOut() {
  await post("/api/logout", {});
  location.assign("/login");
}

export async function post(path, content) {
  const headers = { "content-type": "application/json", "x-harpi-token": token };
  return understand(await ask(path, { method: "POST", headers, body: JSON.stringify(content) }));
}

function ask(path, options) {
  return fetch(path, options).catch(() => {
    throw new Error("harpi does not answer.");
  });
}

async function understand(response) {
  if (response.status === 401 && location.pathname !== "/login") {
    location.assign("/login");
  }
  if (response.status === 204) return null;
  const content = await response.json().catch(() => ({ message: `${response.status}` }));
  // An answer to a command explains itself, also where it is a refusal.
  if (response.ok || "situation" in content) return content;
  throw new Error(content.message);
}
