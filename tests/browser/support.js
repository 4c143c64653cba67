// A site of its own for each file of tests, and a browser to look at it with.

import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

// What is tested: FRONTDESK, or what `cargo build` has made.
const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../target", import.meta.url));
const program = resolve(process.env.FRONTDESK ?? join(target, "debug/frontdesk"));
// What it is paid with: STRIPE, or what `cargo build --example stripe` has made.
const simulator = resolve(process.env.STRIPE ?? join(target, "debug/examples/stripe"));

export const owner = { email: "owner@example.com", password: "correct horse battery" };

/**
 * Starts the site with its demo content on a free port, and with these variables set. It ends with the file of tests, or
 * when else `atEnd` says.
 */
export async function openSite(atEnd = after, settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), "frontdesk-"));
  chmodSync(folder, 0o711); // started by root, Postgres may run as another user, who has to come through
  // Nothing of the environment but what finds programs: a DATABASE_URL would be somebody's own. The working directory
  // is empty for the same reason, a .env in it would be read.
  const env = { DATA_DIR: folder, LISTEN: "127.0.0.1:0", OWNER_PASSWORD: owner.password, TRUSTED_PROXIES: "127.0.0.1", ...settings };
  for (const name of ["PATH", "PG_BIN", "TMPDIR"]) if (process.env[name]) env[name] = process.env[name];
  const server = spawn(program, { env, cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((end) => server.once("exit", end));
  server.once("error", (error) => console.error(String(error)));
  // A run that is broken off leaves nothing behind either.
  process.once("exit", () => {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

  const said = [];
  const origin = await new Promise((open, fail) => {
    const lines = createInterface(server.stderr);
    lines.on("line", (line) => {
      said.push(line);
      const [, found] = line.match(/ is open at (\S+)/) ?? [];
      if (found) open(found);
    });
    lines.on("close", () => fail(new Error(`the site did not open:\n${said.join("\n")}`)));
  });

  atEnd(async () => {
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a command prints on the operator's shell. */
  const shell = (...command) =>
    new Promise((done, fail) => {
      execFile(program, [...command, "--json"], { env, cwd: folder }, (error, out) => {
        error ? fail(error) : done(JSON.parse(out));
      });
    });

  return {
    origin,
    shell,
    /** The leads that say `message`, whatever line breaks they were sent with. */
    async leads(message) {
      const all = await shell("lead", "list", "--limit", "1000");
      return all.filter((lead) => lead.message.replace(/\r\n/g, "\n") === message);
    },
  };
}

/** Starts an identity provider that is not ours, on a free port: where it is, and how it is told things. */
export async function openProvider() {
  const { hello, tell } = await converse(process.execPath, ["provider.js"], new URL("../oidc", import.meta.url));
  return { ...hello, tell };
}

/**
 * Starts the simulator of Stripe, on a free port: what a site has set that is paid there, where it is, and how it is told
 * things (`tests/support/stripe/main.rs`). Its events wait until it is told where to bring them.
 */
export async function openStripe(atEnd = after) {
  const { hello, tell } = await converse(simulator, [], undefined, atEnd);
  return { settings: hello, origin: hello.STRIPE_API_BASE, tell };
}

/** Starts a program that says hello in a line of JSON, and answers each line with one. It ends with its stdin. */
async function converse(command, given, cwd, atEnd = after) {
  const child = spawn(command, given, { cwd: cwd && fileURLToPath(cwd), stdio: ["pipe", "pipe", "inherit"] });
  child.once("error", (error) => console.error(String(error)));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const said = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} has ended`);
    return JSON.parse(value);
  };
  const tell = (line) => {
    child.stdin.write(`${JSON.stringify(line)}\n`);
    return said();
  };
  atEnd(() => child.stdin.end());
  return { hello: await said(), tell };
}

/** The browser. It ends as the site does. */
export async function openBrowser(atEnd = after) {
  const executablePath = process.env.CHROME_PATH ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath });
  atEnd(() => browser.close());
  return browser;
}

let visitors = 0;

/**
 * Opens a page for a visitor whom nobody knows, has them do something, and asks that nothing went wrong meanwhile that
 * only the console tells, violations of the content security policy among it. What matches `expected` may be told.
 */
export async function visit(browser, { js = true, expected = /^$/, ...options }, steps) {
  // Smooth scrolling would have every click wait for its end.
  // And each visitor comes from an address of their own, or all of them together would come too often.
  const extraHTTPHeaders = { "x-forwarded-for": `10.1.0.${(visitors = (visitors % 250) + 1)}` };
  const given = { javaScriptEnabled: js, reducedMotion: "reduce", extraHTTPHeaders, ...options };
  const context = await browser.newContext(given);
  context.setDefaultTimeout(10_000);
  const problems = [];
  const note = (problem) => expected.test(problem) || problems.push(problem);
  context.on("console", (message) => {
    const { url } = message.location();
    // A page that says what is wrong has the status that says so, and Chromium mentions it; a file has to be there.
    const refusal = /the server responded with a status of 4\d\d/.test(message.text());
    if (refusal && !url.includes("/static/")) return;
    if (["error", "warning"].includes(message.type())) note(`${url}: ${message.text()}`);
  });
  context.on("weberror", (error) => note(String(error.error())));
  try {
    await steps(await context.newPage(), context);
  } finally {
    await context.close();
  }
  assert.deepEqual(problems, []);
}

/** Fills in the fields of a form, by name. */
export async function fill(page, fields) {
  for (const [name, value] of Object.entries(fields)) {
    await page.locator(`main [name="${name}"]`).fill(value);
  }
}

// Playwright waits for what is clicked to stand still, with timers that do not run where scripts are off; `force` leaves
// that out. The click itself is the mouse's, at the place on the screen, and hits what is there.
export const click = (locator) => locator.click({ force: true });

export const press = (page, name) => click(page.getByRole("button", { name, exact: true }));

/** The heading of the page, once it is the one that is waited for. */
export const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

export async function signIn(page, origin) {
  await page.goto(`${origin}/sign-in`);
  await fill(page, owner);
  await press(page, "Sign in");
  await heading(page, "Desk");
}

/** Whether there is what the HTML checker needs. */
export const java = spawnSync("java", ["-version"]).status === 0;

/** What the Nu HTML checker says of these files: nothing, where all is well. */
export const checkHtml = (files) =>
  new Promise((done) => {
    const jar = createRequire(import.meta.url).resolve("vnu-jar/build/dist/vnu.jar");
    const command = ["-Xss1m", "-jar", jar, "--format", "gnu", ...files];
    execFile("java", command, { maxBuffer: 1 << 24 }, (_, out, err) => done(out + err));
  });

/** The id of what has the focus. */
export const focused = (page) => page.evaluate(() => document.activeElement.id);
