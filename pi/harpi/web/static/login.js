import { post } from "./api.js";
import { byId } from "./dom.js";

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("problem").textContent = "";
  try {
    await post("/api/login", { password: byId("password").value });
    location.assign("/");
  } catch (error) {
    byId("problem").textContent = error.message;
    byId("password").select();
  }
});
