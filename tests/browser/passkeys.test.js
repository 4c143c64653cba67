// Passkeys in a real browser, with a device that Chromium makes up. A passkey belongs to a name, so the site is asked for
// as localhost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fill, heading, openBrowser, openSite, owner, press, signIn, visit } from "./support.js";

const [site, browser] = await Promise.all([openSite(), openBrowser()]);
const origin = site.origin.replace("127.0.0.1", "localhost");

/** A device for this page: it holds passkeys, and asks its owner, who says yes. */
async function device(context, page, credentials = []) {
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const tell = (command, more = {}) => cdp.send(`WebAuthn.${command}`, { authenticatorId, ...more });
  for (const credential of credentials) await tell("addCredential", { credential });
  return tell;
}

/** Adds a passkey, as the owner, and leaves; gives what the device then holds. */
async function add(page, tell, name) {
  await signIn(page, origin);
  await page.goto(`${origin}/account/passkeys`);
  await fill(page, { name });
  await press(page, "Add a passkey");
  await page.getByText("Your passkey is ready.").waitFor();
  await press(page, "Sign out");
  await page.waitForURL(`${origin}/`);
  return (await tell("getCredentials")).credentials;
}

test("a passkey is added, and signs in with nothing typed, to where one wanted to go", () =>
  visit(browser, {}, async (page, context) => {
    const tell = await device(context, page);
    const [kept] = await add(page, tell, "Laptop");
    assert.ok(kept.isResidentCredential);
    assert.equal(kept.rpId, "localhost");
    await page.goto(`${origin}/admin/leads?status=new`);
    await heading(page, "Sign in");
    await press(page, "Use a passkey");
    await heading(page, "Leads");
    assert.equal(page.url(), `${origin}/admin/leads?status=new`);
    await page.goto(`${origin}/account/passkeys`);
    await page.getByText("Laptop", { exact: true }).waitFor();
    assert.equal(await page.getByText("last used").count(), 1);
    await page.getByRole("link", { name: "Rename" }).click();
    await fill(page, { name: "Old laptop" });
    await press(page, "Save");
    await page.getByText("The passkey is renamed.").waitFor();
    await page.getByRole("button", { name: "Add a passkey" }).waitFor();
    await press(page, "Remove it");
    await page.getByText("The passkey is removed.").waitFor();
    assert.equal(await page.getByText("None yet.").count(), 1);
  }));

test("whoever says no is asked again when they want to be", () =>
  visit(browser, {}, async (page, context) => {
    const tell = await device(context, page);
    await add(page, tell, "Shy");
    await tell("setUserVerified", { isUserVerified: false });
    await page.goto(`${origin}/sign-in`);
    await press(page, "Use a passkey");
    await page.getByText("That did not work, or you have said no.").waitFor();
    await tell("setUserVerified", { isUserVerified: true });
    await press(page, "Ask my device");
    await heading(page, "Desk");
  }));

test("a passkey of nobody's is refused in words", () =>
  visit(browser, {}, async (page, context) => {
    const tell = await device(context, page);
    const [stray] = await add(page, tell, "Stray");
    await signIn(page, origin);
    await page.goto(`${origin}/account/passkeys`);
    await page.locator("li", { hasText: "Stray" }).getByRole("button", { name: "Remove it" }).click();
    await page.getByText("The passkey is removed.").waitFor();
    await press(page, "Sign out");
    assert.equal((await tell("getCredentials")).credentials[0].credentialId, stray.credentialId);
    await page.goto(`${origin}/sign-in`);
    await press(page, "Use a passkey");
    await page.getByRole("alert").getByText("This passkey is none of this site's").waitFor();
    await tell("clearCredentials");
    await press(page, "Use a passkey");
    await page.getByText("That did not work, or you have said no.").waitFor();
  }));

test("a copy that has signed less often is found out", async () => {
  let copied;
  await visit(browser, {}, async (page, context) => {
    const tell = await device(context, page);
    const [early] = await add(page, tell, "Copied");
    for (const _ of [1, 2, 3]) {
      await page.goto(`${origin}/sign-in`);
      await press(page, "Use a passkey");
      await heading(page, "Desk");
      await press(page, "Sign out");
      await page.waitForURL(`${origin}/`);
    }
    const [late] = (await tell("getCredentials")).credentials;
    assert.ok(late.signCount > early.signCount, "this device counts");
    copied = early;
  });
  await visit(browser, {}, async (page, context) => {
    await device(context, page, [copied]);
    await page.goto(`${origin}/sign-in`);
    await press(page, "Use a passkey");
    await page.getByRole("alert").getByText("may have been copied").waitFor();
    await signIn(page, origin);
    await page.goto(`${origin}/account/passkeys`);
    await page.getByText("It may have been copied, and lets nobody in").waitFor();
  });
});

for (const [where, options, at] of [
  ["without JavaScript", { js: false }, origin],
  ["at a number instead of a name", {}, site.origin],
]) {
  test(`${where} there are none, and nothing else is different`, () =>
    visit(browser, options, async (page) => {
      await page.goto(`${at}/sign-in`);
      assert.ok(await page.getByRole("button", { name: "Use a passkey" }).isHidden());
      await fill(page, owner);
      await press(page, "Sign in");
      await heading(page, "Desk");
      await page.goto(`${at}/account/passkeys`);
      assert.ok(await page.getByText("This browser cannot do it here").isVisible());
      assert.ok(await page.getByRole("button", { name: "Add a passkey" }).isHidden());
    }));
}
