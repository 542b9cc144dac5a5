// Opens pages in Chromium and prints what it saw as JSON: console, network, accessibility, overflow.
// Usage: node look_at_pages.mjs <chromium> <where to put screenshots> <page.html>...
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { chromium } from "playwright-core";

const [executablePath, screenshots, ...files] = process.argv.slice(2);
const LOOKS = [
  { name: "desktop", width: 1280, height: 900 },
  { name: "phone", width: 390, height: 844 },
  { name: "narrow", width: 360, height: 740 },
].flatMap((size) => ["light", "dark"].map((scheme) => ({ ...size, scheme })));

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

async function open(look, content) {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height }, colorScheme: look.scheme, reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const seen = { console: [], requests: [], dialogs: [] };
  page.on("console", (message) => seen.console.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.console.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { seen.dialogs.push(dialog.message()); dialog.dismiss(); });
  context.on("request", (request) => seen.requests.push(request.url()));
  await content(page);
  return { context, page, seen };
}

const unfold = () => document.querySelectorAll("details").forEach((details) => { details.open = true; });
const overflow = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;

async function look(file, size) {
  const url = pathToFileURL(file).href;
  const { context, page, seen } = await open(size, (page) => page.goto(url));
  const name = `${basename(file, ".html")}-${size.name}-${size.scheme}`;
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
  const folded = await page.evaluate(overflow);
  await page.evaluate(unfold);
  await page.evaluate(axe.source);
  const violations = (await page.evaluate(() => axe.run())).violations;
  const result = {
    file: basename(file), look: name, ...seen,
    requests: seen.requests.filter((request) => request !== url),
    title: await page.title(),
    heading: await page.textContent("h1"),
    charts: await page.evaluate(() => [...document.querySelectorAll(".chart svg")].filter((svg) => svg.getBoundingClientRect().width > 0).length),
    background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    overflow: Math.max(folded, await page.evaluate(overflow)),
    violations: violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, where: nodes.slice(0, 3).map((node) => node.html) })),
  };
  await context.close();
  return result;
}

async function print(file) {
  const { context, page } = await open(LOOKS[1], (page) => page.goto(pathToFileURL(file).href));
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  // The new medium takes effect with the next frame.
  await page.waitForFunction(() => matchMedia("print").matches);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const result = await page.evaluate(() => ({
    hidden: [...document.querySelectorAll("details > :not(summary)")].filter((part) => !part.checkVisibility()).length,
    background: getComputedStyle(document.body).backgroundColor,
  }));
  await page.pdf({ path: join(screenshots, `${basename(file, ".html")}.pdf`), format: "A4", printBackground: false });
  await context.close();
  return result;
}

// As Airflow's page embeds it: no script, no origin, nothing allowed.
async function embed(file) {
  const html = await readFile(file, "utf8");
  const { context, page, seen } = await open(LOOKS[0], async (page) => {
    await page.setContent('<iframe title="Report" sandbox="" style="width:100%;height:800px"></iframe>');
    const loaded = new Promise((resolve) => page.on("framenavigated", resolve));
    await page.evaluate((html) => { document.querySelector("iframe").srcdoc = html; }, html);
    await loaded;
    await page.frames()[1].waitForSelector("footer");
  });
  const heading = await page.frames()[1].textContent("h1");
  await page.screenshot({ path: join(screenshots, `${basename(file, ".html")}-embedded.png`) });
  await context.close();
  return { ...seen, requests: seen.requests.filter((request) => request !== "about:srcdoc"), heading };
}

// With the keyboard alone: the first stop is the skip link, and it leads to the content.
async function walk(file) {
  const { context, page } = await open(LOOKS[0], (page) => page.goto(pathToFileURL(file).href));
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.textContent);
  const shown = await page.evaluate(() => document.activeElement.getBoundingClientRect().top >= 0);
  await page.keyboard.press("Enter");
  const focused = await page.evaluate(() => document.activeElement.tagName);
  const summary = await page.$("details:not([open]) > summary");
  await summary.focus();
  await page.keyboard.press("Enter");
  const opened = await summary.evaluate((element) => element.parentElement.open);
  await context.close();
  return { first, shown, focused, opened };
}

const result = { looks: [], print: await print(files[0]), embedded: [], walk: await walk(files[0]) };
for (const file of files) {
  result.embedded.push(await embed(file));
  for (const size of LOOKS) result.looks.push(await look(file, size));
}
await browser.close();
process.stdout.write(JSON.stringify(result));
