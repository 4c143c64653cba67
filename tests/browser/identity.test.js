// Signing in by a certified identity provider, in a browser that enforces where forms may lead.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { checkHtml, click, heading, java, openBrowser, openProvider, openSite, press, signIn, visit } from "./support.js";

const provider = await openProvider();
const settings = {
  OIDC_EXAMPLE_ISSUER: provider.issuer,
  OIDC_EXAMPLE_CLIENT_ID: "frontdesk",
  OIDC_EXAMPLE_CLIENT_SECRET: "a secret: with / odd + characters",
};
// The provider has to be open when the site asks what it is, and the site to be there before it is known where it is.
await provider.tell({ open: { redirect_uri: "http://127.0.0.1:1/" } });
const [site, browser] = await Promise.all([openSite(undefined, settings), openBrowser()]);
await provider.tell({
  open: { redirect_uri: `${site.origin}/api/oauth/example/callback` },
  people: {
    "ann-js": { email: "ann-js@example.test", email_verified: true, name: "Ann" },
    // Nothing in it can be broken between two words, and nobody has looked at it.
    long: { email: `${"long".repeat(15)}@example.test`, email_verified: false, name: "W".repeat(100) },
    "ann-html": { email: "ann-html@example.test", email_verified: true, name: "Ann" },
  },
});

// The site asks the provider what it is as soon as it is open.
const knows = async () => (await (await fetch(`${site.origin}/sign-in`)).text()).includes("/api/oauth/example/start");
for (let tries = 0; !(await knows()) && tries < 100; tries += 1) await new Promise((soon) => setTimeout(soon, 50));

// What the provider's own pages lack is nothing of ours.
const expected = new RegExp(`^(${provider.issuer}|https://fonts\\.googleapis\\.com)/`);

/** Signs in on the provider's own pages, and agrees. */
async function agree(page, name) {
  await page.locator("[name=login]").fill(name);
  await page.locator("[name=password]").fill("any");
  await click(page.locator("[type=submit]"));
  await heading(page, "Authorize");
  await click(page.locator("[type=submit]"));
}

for (const js of [true, false]) {
  const who = js ? "ann-js" : "ann-html";
  describe(js ? "with JavaScript" : "without JavaScript", () => {
    test("somebody new comes by a provider, and has an account", () =>
      visit(browser, { js, expected }, async (page) => {
        await page.goto(`${site.origin}/sign-in?next=%2Faccount%2Fidentities`);
        await press(page, "Go on with Example");
        await agree(page, who);
        await heading(page, "Ways to sign in");
        assert.equal(page.url(), `${site.origin}/account/identities`);
        await page.getByText(`${who}@example.test`).waitFor();
      }));

    test("whoever says no there can sign in another way", () =>
      visit(browser, { js, expected }, async (page) => {
        await page.goto(`${site.origin}/sign-up`);
        await press(page, "Go on with Example");
        await click(page.getByText("[ Cancel ]"));
        await heading(page, "You said no");
        await click(page.locator("main").getByRole("link", { name: "Sign in" }));
        await heading(page, "Sign in");
      }));

    test("a way to sign in is added, removed and added again", () =>
      visit(browser, { js, expected }, async (page) => {
        await signIn(page, site.origin);
        await page.goto(`${site.origin}/account/identities`);
        await press(page, "Add Example");
        await agree(page, `owner-${who}`);
        await heading(page, "Ways to sign in");
        await press(page, "Remove it");
        await page.getByText("You cannot sign in with it any more.").waitFor();
        await press(page, "Add Example");
        // They are known there by now.
        await heading(page, "Ways to sign in");
        await page.getByText("You can sign in with it from now on.").waitFor();
        await press(page, "Remove it");
        await page.getByText("You cannot sign in with it any more.").waitFor();
      }));
  });
}

test("a page that does not name the provider could not lead there", () =>
  visit(browser, { expected: /./ }, async (page) => {
    const told = [];
    page.on("console", (message) => told.push(message.text()));
    await page.route("**/sign-in", async (route) => {
      const answer = await route.fetch();
      const headers = { ...answer.headers() };
      headers["content-security-policy"] = headers["content-security-policy"].replace(/form-action [^;]+/, "form-action 'self'");
      await route.fulfill({ response: answer, headers });
    });
    await page.goto(`${site.origin}/sign-in`);
    await press(page, "Go on with Example");
    await page.waitForTimeout(1000);
    assert.equal(page.url(), `${site.origin}/sign-in`);
    assert.ok(told.some((text) => /form-action/.test(text)), told.join("\n"));
  }));

// Each page as the server writes it, for the program that knows HTML's rules.
const folder = mkdtempSync(join(tmpdir(), "pages-"));
after(() => rmSync(folder, { recursive: true }));
const files = [];

for (const colorScheme of ["light", "dark"]) {
  test(`every page of this is whole on a narrow screen, and axe finds nothing, in ${colorScheme}`, () =>
    visit(browser, { colorScheme, expected, bypassCSP: true, viewport: { width: 320, height: 640 } }, async (page) => {
      const look = async () => {
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
        assert.equal(wide, false, `${page.url()} has to be scrolled sideways`);
        const { violations } = await new AxeBuilder({ page }).analyze();
        const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${page.url()} ${id}: ${node.html}`));
        assert.deepEqual(found, []);
        const file = join(folder, `${files.length} ${new URL(page.url()).pathname.replaceAll("/", " ")}.html`);
        writeFileSync(file, await (await page.request.get(page.url())).body());
        files.push(file);
      };
      await page.goto(`${site.origin}/sign-in`);
      await look();
      await press(page, "Go on with Example");
      await agree(page, "long");
      await heading(page, "Where do you get mail?");
      await look();
      await press(page, "Mail me a link");
      await heading(page, "Look into your mailbox");
      await page.goto(`${site.origin}/api/oauth/example/callback?state=x`);
      await heading(page, "Please start again");
      await look();
      await signIn(page, site.origin);
      await page.goto(`${site.origin}/account/identities`);
      await look();
      await press(page, "Add Example");
      await heading(page, "Ways to sign in");
      await look();
      await press(page, "Remove it");
      await page.getByText("You cannot sign in with it any more.").waitFor();
    }));
}

test("the Nu HTML checker finds nothing", { skip: !java && "java is not installed" }, async () => {
  assert.ok(files.length >= 10, files.join("\n"));
  assert.equal((await checkHtml(files)).replaceAll(`${folder}/`, ""), "");
});
