// Walks through a real Airflow as a newcomer would, and prints what it saw as JSON.
// Usage: node walk_the_page.mjs <chromium> <where to put screenshots> <state.json: url, user, password, sandbox, key, dag, tag>
import { readFileSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { chromium } from "playwright-core";

const [executablePath, screenshots, stateFile] = process.argv.slice(2);
const state = JSON.parse(readFileSync(stateFile, "utf8"));
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
const page = await context.newPage();
page.setDefaultTimeout(60_000);
const seen = { console: [], elsewhere: [], violations: [], overflow: {} };
page.on("console", (message) => {
  const where = message.location().url;
  // Chromium warns of the sandbox that Airflow gives to every external view; what it says of the shell is not ours.
  const blocked = message.text().startsWith("Blocked opening");
  if (blocked || (message.type() === "error" && where.includes("/posthog/"))) seen.console.push(`${message.text()} (${where}:${message.location().lineNumber}, on ${page.url()})`);
});
page.on("pageerror", (error) => {
  if (String(error.stack).includes("/posthog/")) seen.console.push(error.message);
});
context.on("request", (request) => {
  const url = new URL(request.url());
  let frame;
  try {
    frame = request.frame();
  } catch {
    return; // a window that is only being opened
  }
  if (frame.url().includes("/posthog/") && url.origin !== state.url && url.protocol !== "data:") seen.elsewhere.push(url.href);
});

const shot = (name) => page.screenshot({ path: join(screenshots, `page-${name}.png`) });
const ours = () => page.frames().find((frame) => new URL(frame.url()).pathname === "/posthog/dashboards");
const inside = page.locator('iframe[title="Dashboards"]').contentFrame();
const api = (method, path, body) => page.evaluate(async ([method, path, body]) => {
  const answer = await fetch(path, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}, [method, `/api/v2/${path}`, body]);

async function check(name) {
  const frame = ours();
  await frame.evaluate(axe.source);
  const { violations } = await frame.evaluate(() => axe.run({ exclude: [["iframe"]] }, { iframes: false }));
  seen.violations.push(...violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${name}: ${id} ${nodes.slice(0, 2).map((node) => node.html)}`));
  seen.overflow[name] = await frame.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

// 1. Log in, add the connection through the form, test it.
await page.goto(state.url);
await page.fill('input[name="username"]', state.user);
await page.fill('input[name="password"]', state.password);
await page.click('button[type="submit"]');
await page.waitForURL((url) => !url.pathname.includes("login"));
await page.goto(`${state.url}/connections`);
await page.getByRole("button", { name: /add connection/i }).click();
const form = page.getByRole("dialog");
await form.locator('input[name="connection_id"]').fill("posthog_default");
await form.getByRole("combobox").fill("posthog");
await page.getByRole("option", { name: "PostHog", exact: true }).click();
await form.locator('input[name="host"]').fill(state.sandbox);
await form.locator('input[name="password"]').fill(state.key);
await form.locator('input[name="port"]').fill("0");
await form.getByRole("button", { name: "Extra Fields", exact: true }).click();
await form.locator('input[name="element_project_id"]').fill("1");
await form.locator('input[name="element_project_id"]').blur();
await shot("connection-form");
await form.getByRole("button", { name: "Save" }).click();
await page.getByText("posthog_default").waitFor();
const tested = page.waitForResponse((answer) => /connections\/(test|enqueue-test)/.test(answer.url()));
await page.getByRole("button", { name: /test connection/i }).first().click();
seen.tested = await (await tested).json();
await page.waitForLoadState("networkidle");
await shot("connection-tested");

// 2. Run the example, and follow the links of its analysis.
await api("PATCH", `dags/${state.dag}`, { is_paused: false });
const { dag_run_id: run } = await api("POST", `dags/${state.dag}/dagRuns`, { logical_date: null });
const deadline = Date.now() + 400_000;
for (seen.run = "queued"; !["success", "failed"].includes(seen.run) && Date.now() < deadline;) {
  await new Promise((done) => setTimeout(done, 1000));
  seen.run = (await api("GET", `dags/${state.dag}/dagRuns/${encodeURIComponent(run)}`)).state;
}
const task = (id) => `${state.url}/dags/${state.dag}/runs/${encodeURIComponent(run)}/tasks/${id}`;
seen.links = {};
for (const id of ["snapshot", "refresh", "analyze"]) {
  seen.links[id] = (await api("GET", `dags/${state.dag}/dagRuns/${encodeURIComponent(run)}/taskInstances/kpis.${id}/links`)).extra_links;
}
await page.goto(`${task("kpis.analyze")}/details`);
await page.getByRole("link", { name: "Refresh report" }).waitFor();
await shot("task-links");
const popup = context.waitForEvent("page", { timeout: 5000 }).catch(() => null);
await page.getByRole("link", { name: "Open in PostHog" }).click();
const outside = (await popup) ?? page;
await outside.waitForURL((url) => url.origin === state.sandbox);
seen.opened = outside.url();
await (outside === page ? page.goBack() : outside.close());
await page.getByRole("link", { name: "Before snapshot" }).click();
await inside.locator(".pointed").first().waitFor();
seen.before = await inside.locator(".pointed").first().innerText();
await page.goBack();
await page.getByRole("link", { name: "Refresh report" }).click();
await inside.locator(".report iframe").waitFor();
seen.deepLink = page.url();
await inside.locator(".report iframe").contentFrame().locator("footer").waitFor();
await shot("run");
await check("run");
// A link of the report opens PostHog in a window of its own, though Airflow's frame lets no frame within open one.
const inReport = inside.locator(".report iframe").contentFrame().locator(`a[href^="${state.sandbox}"]`).first();
const opening = context.waitForEvent("page", { timeout: 10_000 }).catch(() => null);
// Not by `evaluate`, after which the driver itself tries to run a script in a frame that has none.
seen.reportLink = { href: await inReport.getAttribute("href") };
await inReport.click();
const window_ = await opening;
await window_?.waitForURL((url) => url.origin === state.sandbox);
Object.assign(seen.reportLink, { opened: window_?.url(), opener: await window_?.evaluate(() => window.opener !== null) });
await window_?.close();
for (const [id, name] of [["snapshot", "Before snapshot"], ["refresh", "Refresh report"]]) {
  await page.goto(`${task(`kpis.${id}`)}/details`);
  await page.getByRole("link", { name }).click();
  await inside.locator(".report iframe").contentFrame().locator("footer").waitFor();
  seen[id] = { address: page.url(), pointed: await inside.locator(".pointed").count() };
  await shot(`from-${id}`);
}

// 3. The page: list, filters, a dashboard with its report, and back.
await page.goto(state.url);
await page.locator('a[href$="plugin/posthog-dashboards"]').first().click();
await inside.locator("table.boards").waitFor();
await shot("list");
await check("list");
const rows = () => inside.locator("tbody tr").count();
seen.rows = { all: await rows() };
const answered = () => page.waitForResponse((answer) => answer.url().includes("/api/dashboards"));
let answer = answered();
await inside.getByRole("searchbox").fill("checkout");
await answer;
await inside.getByText(/^1 of/).waitFor();
seen.rows.text = await rows();
seen.filtered = page.url();
answer = answered();
await inside.getByRole("searchbox").fill("");
await answer;
answer = answered();
await inside.getByLabel("Tag", { exact: true }).selectOption(state.tag);
await answer;
await inside.getByText(/^2 of/).waitFor();
seen.rows.tag = await rows();
seen.tagged = page.url();
await shot("list-tag");
await check("list-tag");
await inside.getByLabel("Tag", { exact: true }).selectOption("");
await inside.getByText(/^\d+ dashboards$/).waitFor();
answer = answered();
await inside.getByRole("radio", { name: /^Fail/ }).check({ force: true });
await answer;
await inside.getByRole("radio", { name: /^Pass/ }).check({ force: true });
await inside.locator("tbody tr").first().waitFor();
await inside.locator("tbody th a").first().click();
await inside.locator(".report iframe").waitFor();
await inside.locator(".report iframe").contentFrame().locator("body").waitFor();
await shot("dashboard");
await check("dashboard");
await inside.locator(".days .strip a.fail").first().click();
await inside.locator(".neighbours").waitFor();
seen.earlier = ours().url();
await page.goto(`${state.url}/plugin/posthog-dashboards?verdict=pass&text=shop`);
await inside.getByRole("searchbox").waitFor();
seen.restored = await inside.getByRole("searchbox").inputValue();

// 4. Tabs on the run and on the task.
for (const [name, where] of [["run", task("").replace(/\/tasks\/$/, "")], ["task", task("kpis.analyze")]]) {
  await page.goto(`${where}/plugin/posthog-${name}`);
  await inside.locator("table.boards").waitFor();
  await inside.locator(".report iframe").contentFrame().locator("footer").waitFor();
  await shot(`tab-${name}`);
}

// 5. Dark as the shell, and on a phone.
await page.evaluate(() => localStorage.setItem("theme", "dark"));
await page.goto(`${state.url}/plugin/posthog-dashboards`);
await inside.locator("table.boards").waitFor();
await page.locator("html.dark").waitFor({ state: "attached" });
await shot("list-dark");
await check("list-dark");
seen.dark = await ours().evaluate(() => getComputedStyle(document.body).backgroundColor);
await page.goto(`${state.url}/${seen.links.analyze["Refresh report"]}`);
await inside.locator(".report iframe").contentFrame().locator("footer").waitFor();
await inside.locator("html[data-theme=dark]").waitFor();
seen.darkReport = await inside.locator(".report iframe").contentFrame().locator("body").evaluate((body) => getComputedStyle(body).backgroundColor);
await shot("run-dark");
await check("run-dark");
await page.setViewportSize({ width: 390, height: 844 });
await page.goto(`${state.url}/posthog/dashboards`);
await page.locator("table.boards").waitFor();
await shot("list-phone");
await check("list-phone");

await browser.close();
process.stdout.write(JSON.stringify(seen));
