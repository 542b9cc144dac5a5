// Which view an address asks for, and the data it is made of.
import { showDashboard, showDagRun, showRun } from "./detail.js";
import { showList } from "./list.js";
import { empty } from "./parts.js";
import { address, parameters, remember } from "./shell.js";

const main = document.getElementById("main");

/** Asks the server; an answer that is no data is an Error with the server's words. */
export async function ask(question, values) {
  const answer = await fetch(`api/${question}${address(values)}`, {
    credentials: "same-origin", headers: { Accept: "application/json" },
  });
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({}));
  const words = typeof said.detail === "string" ? said.detail : `Airflow answered ${answer.status}.`;
  throw new Error(answer.status === 401 ? "Sign in to Airflow, then reload this page." : words);
}

async function show() {
  const asked = parameters();
  const values = Object.fromEntries(asked);
  remember(values);
  if (asked.has("dag_id") && asked.has("run_id")) return showDagRun(main, values);
  if (asked.has("dashboard")) return showDashboard(main, values);
  if (asked.has("run")) return showRun(main, values);
  return showList(main, values);
}

try {
  await show();
} catch (error) {
  main.replaceChildren(empty("This can't be shown", error.message));
} finally {
  main.setAttribute("aria-busy", "false");
}
