// A member's app on the member's own machine (RFC 8252): it opens their browser, waits there for the answer, and changes it
// into tokens. Browsers look at where a form's answer leads, so that it gets there is to be seen in one.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { fill, heading, openBrowser, openSite, owner, press, signIn, visit } from "./support.js";

const [site, browser] = await Promise.all([openSite(), openBrowser()]);
const { client_id } = await site.shell("app", "add", "--name", "Oakum", "--redirect-uri", "http://127.0.0.1/in");

/** Waits on a free port for the answer; `steps` has the member give it. */
async function answered(steps) {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html").end("<title>Back in the app</title><link rel=icon href=data:,>");
    if (request.url.startsWith("/in?")) server.emit("answer", new URL(request.url, "http://app"));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const answer = once(server, "answer");
  const redirect_uri = `http://127.0.0.1:${server.address().port}/in`;
  const verifier = randomBytes(32).toString("base64url");
  const asks = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    state: "one&two",
  });
  try {
    await steps(`${site.origin}/oauth/authorize?${asks}`);
    const [{ searchParams }] = await answer;
    return { given: Object.fromEntries(searchParams), redirect_uri, verifier };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const ask = (fields) =>
  fetch(`${site.origin}/api/v1/tokens`, { method: "POST", body: new URLSearchParams({ client_id, ...fields }) });

for (const js of [true, false]) {
  test(`an app is let in ${js ? "with" : "without"} JavaScript, and acts for its member`, () =>
    visit(browser, { js }, async (page) => {
      await signIn(page, site.origin);
      const { given, redirect_uri, verifier } = await answered(async (address) => {
        await page.goto(address);
        await heading(page, "May Oakum act for you?");
        await press(page, "Yes");
        await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/in\?/);
      });
      assert.deepEqual([given.state, given.iss], ["one&two", site.origin]);
      const code = { grant_type: "authorization_code", code: given.code, redirect_uri, code_verifier: verifier };
      const { access_token } = await (await ask(code)).json();
      const me = await fetch(`${site.origin}/api/v1/me`, { headers: { authorization: `Bearer ${access_token}` } });
      assert.equal((await me.json()).email, owner.email);
      assert.equal((await ask(code)).status, 400, "once");
    }));

  test(`whoever has to sign in first is asked again ${js ? "with" : "without"} JavaScript, and may say no`, () =>
    visit(browser, { js }, async (page, context) => {
      await signIn(page, site.origin);
      const { given } = await answered(async (address) => {
        await page.goto(address);
        await context.clearCookies();
        await press(page, "Yes");
        await heading(page, "Sign in");
        await fill(page, owner);
        await press(page, "Sign in");
        await heading(page, "May Oakum act for you?");
        await press(page, "No");
        await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/in\?/);
      });
      assert.deepEqual([given.error, given.state, given.code], ["access_denied", "one&two", undefined]);
    }));
}
