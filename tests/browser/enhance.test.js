// What static/enhance.js adds, and that nothing is lost where it cannot.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { click, fill, focused, heading, openBrowser, openSite, owner, press, signIn, visit } from "./support.js";

const [site, browser] = await Promise.all([openSite(), openBrowser()]);

const thanks = "Thank you, your message has arrived";
const isPost = (request) => request.method() === "POST";
// How Chromium mentions a request that a test has broken.
const broken = /net::ERR_FAILED|status of 502/;

test("while the answer is awaited the button says so, and pressing it again does nothing", () =>
  contact("Is anybody in?", {}, async (page) => {
    const gate = await holdPosts(page);
    await press(page, "Send message");
    const button = page.getByRole("button", { name: "Sending…" });
    await button.waitFor();
    assert.equal(await button.getAttribute("aria-disabled"), "true");
    assert.equal(await page.locator("form[aria-busy=true]").count(), 1);
    assert.equal(await announced(page), "Sending…");
    await click(button);
    await page.locator("#name").press("Enter");
    gate.open();
    await heading(page, thanks);
    assert.equal(gate.seen.length, 1);
    assert.equal(gate.seen[0].resourceType(), "fetch");
    assert.equal((await site.leads("Is anybody in?")).length, 1);
  }));

test("a success is a page like any other: address, title, focus, top of the page, announcement, Back, Forward", () =>
  contact("Where do I end up?", { viewport: { width: 400, height: 300 } }, async (page) => {
    await page.evaluate(() => (window.still = "the same document"));
    await press(page, "Send message");
    await heading(page, thanks);
    assert.equal(await page.evaluate(() => window.still), "the same document");
    assert.equal(page.url(), `${site.origin}/contact/thanks`);
    assert.equal(await page.title(), "Thank you · Oakum & Rule");
    assert.equal(await announced(page), "Thank you · Oakum & Rule");
    assert.equal(await page.evaluate(() => document.activeElement.localName), "h1");
    assert.equal(await page.evaluate(() => scrollY), 0);

    await page.goBack();
    await heading(page, "Tell us what you need");
    assert.equal(page.url(), `${site.origin}/contact`);
    assert.equal(await page.getByRole("button", { name: "Send message" }).count(), 1);
    await page.goForward();
    await heading(page, thanks);
  }));

test("a refusal leaves no entry in the history, and the button can be pressed again", () =>
  visit(browser, {}, async (page) => {
    await page.goto(`${site.origin}/posts`);
    await page.goto(`${site.origin}/contact`);
    await press(page, "Send message");
    await page.getByRole("alert").waitFor();
    assert.equal(await announced(page), "Error: Tell us what you need · Oakum & Rule");
    const again = page.waitForResponse((response) => isPost(response.request()));
    await press(page, "Send message");
    await again;
    await page.getByRole("alert").waitFor();
    await page.goBack();
    await heading(page, "Posts");
  }));

test("the fragment of the address that is posted to says where on the next page to go", () =>
  visit(browser, { viewport: { width: 400, height: 300 } }, async (page) => {
    const caller = { name: "Caller", email: "caller@example.test", message: "Please ring me back." };
    const { id } = await site.shell("lead", "add", ...Object.entries(caller).flatMap(([k, v]) => [`--${k}`, v]));
    await signIn(page, site.origin);
    await page.goto(`${site.origin}/admin/leads/${id}`);
    const before = await page.evaluate(() => history.length);
    await page.locator("form", { has: page.locator("[name=note]") }).evaluate((form) => (form.action += "#history"));
    await fill(page, { note: "Rang back." });
    await press(page, "Add note");
    await page.locator("#history").getByText("Rang back.").waitFor();
    assert.equal(page.url(), `${site.origin}/admin/leads/${id}#history`);
    assert.equal(await focused(page), "history");
    assert.ok(Math.abs(await page.locator("#history").evaluate((it) => it.getBoundingClientRect().top)) < 2);
    // The page leads to itself: as after any form that does, Back leads away from it.
    assert.equal(await page.evaluate(() => history.length), before);
  }));

test("how the visitor found us goes along", () =>
  visit(browser, {}, async (page) => {
    const message = "I have your flyer in my hand.";
    await page.goto(`${site.origin}/posts?utm_source=flyer&utm_campaign=härbst`);
    await page.goto(`${site.origin}/contact`);
    await fill(page, { name: "Ann Li", email: "ann@example.test", message });
    await press(page, "Send message");
    await heading(page, thanks);
    const [{ id }] = await site.leads(message);
    await signIn(page, site.origin);
    await page.goto(`${site.origin}/admin/leads/${id}`);
    const details = await page.locator(".details dd").allInnerTexts();
    for (const known of ["flyer", "härbst", "/posts"]) assert.ok(details.includes(known), `${known} in ${details}`);
  }));

test("the form at the foot of a page says what is wrong there, and the page stays", () =>
  visit(browser, { expected: /status of 422/ }, async (page) => {
    await page.goto(`${site.origin}/posts`);
    const form = page.locator("footer form");
    const button = form.getByRole("button", { name: "Subscribe" });
    await form.locator("[name=email]").fill("nowhere");
    await click(button);
    await form.getByRole("alert").getByText("Enter an email address").waitFor();
    assert.equal(page.url(), `${site.origin}/posts`);
    await heading(page, "Posts");
    await form.locator("[name=email]").fill("ann@example.test");
    await click(button);
    await heading(page, "Look into your mailbox");
    assert.equal(page.url(), `${site.origin}/newsletter/thanks`);
  }));

test("the progress of an issue moves by itself until it has ended", () =>
  visit(browser, {}, async (page) => {
    await signIn(page, site.origin);
    await page.goto(`${site.origin}/admin/issues/new`);
    await fill(page, { subject: "To nobody yet", body: "Words." });
    await press(page, "Save issue");
    await heading(page, "To nobody yet");
    // As if it were being sent: what the server says next is what is shown next.
    await page.evaluate(() => {
      const part = Object.assign(document.createElement("section"), { id: "preview-live", textContent: "0 of 2" });
      part.dataset.live = "";
      document.querySelector("main").append(part);
    });
    await page.route("**/admin/issues/*", async (route) => {
      const answer = await route.fetch();
      const text = (await answer.text()).replace("</main>", '<section id="preview-live">2 of 2</section></main>');
      await route.fulfill({ response: answer, body: text });
    });
    await page.getByText("2 of 2").waitFor();
    assert.equal(await page.locator("[data-live]").count(), 0);
  }));

const obstacles = {
  "the network fails": (route) => route.abort(),
  "the answer is lost on its way": async (route) => {
    await route.fetch({ maxRedirects: 0 });
    await route.abort();
  },
  "something in between answers": (route) => route.fulfill({ status: 502, contentType: "text/plain", body: "Bad gateway" }),
};

for (const [what, obstacle] of Object.entries(obstacles)) {
  test(`where ${what}, the browser's own way delivers the message, once`, () =>
    contact(`Can you hear me? ${what}`, { expected: broken }, async (page) => {
      const kinds = [];
      await page.route("**/contact", (route, request) => {
        if (!isPost(request)) return route.continue();
        kinds.push(request.resourceType());
        return kinds.length === 1 ? obstacle(route) : route.continue();
      });
      await press(page, "Send message");
      await heading(page, thanks);
      assert.deepEqual(kinds, ["fetch", "document"]);
      assert.equal(page.url(), `${site.origin}/contact/thanks`);
      assert.equal((await site.leads(`Can you hear me? ${what}`)).length, 1);
    }));
}

test("where the page after the success is lost, it is loaded, and nothing is sent again", () =>
  contact("Only the thanks is lost.", {}, async (page) => {
    await page.evaluate(() => {
      const { fetch } = window;
      window.still = "the same document";
      window.fetch = async (...sent) => Object.assign(await fetch(...sent), { text: () => Promise.reject() });
    });
    const posts = [];
    page.on("request", (request) => isPost(request) && posts.push(request));
    await press(page, "Send message");
    await heading(page, thanks);
    assert.equal(await page.evaluate(() => window.still), undefined);
    assert.equal(posts.length, 1);
  }));

test("a refusal that comes without the form is put above it, and nothing typed is lost", () =>
  contact("A very long story. ".repeat(5000), {}, async (page) => {
    const typed = await page.locator("#message").inputValue();
    await press(page, "Send message");
    await page.getByRole("alert").waitFor();
    assert.equal(await focused(page), "error-summary");
    assert.equal(await page.getByRole("alert").getByRole("heading").count(), 1);
    assert.equal(await page.locator("#message").inputValue(), typed);
    await fill(page, { message: "A very short story." });
    await press(page, "Send message");
    await heading(page, thanks);
  }));

test("where the browser lacks what it takes, the form is an ordinary form", () =>
  contact("From a browser of long ago.", {}, async (page) => {
    await page.evaluate(() => delete window.fetch);
    const [request] = await Promise.all([page.waitForRequest(isPost), press(page, "Send message")]);
    assert.equal(request.resourceType(), "document");
    await heading(page, thanks);
    assert.equal((await site.leads("From a browser of long ago.")).length, 1);
  }));

for (const js of [true, false]) {
  test(`a session that has ended asks for a sign-in and gives back what was typed, scripts ${js ? "on" : "off"}`, () =>
    visit(browser, { js }, async (page, context) => {
      const [title, body] = [`Half written ${js}`, "Two\nlines, \"quoted\"."];
      await signIn(page, site.origin);
      await page.goto(`${site.origin}/admin/posts/new`);
      await fill(page, { title, body, topic: "Craft" });
      await context.clearCookies();
      await press(page, "Save post");
      await heading(page, "Sign in");
      await fill(page, { email: owner.email, password: "wrong" });
      await press(page, "Sign in");
      await page.getByRole("alert").getByText("Email or password is wrong.").waitFor();
      await fill(page, owner);
      await page.locator("main [name=password]").press("Enter");
      await heading(page, "It is you");
      assert.equal(await page.locator("main [name=body]").inputValue(), body);
      await press(page, "Open it in its form");
      await heading(page, "New post");
      assert.equal(page.url(), `${site.origin}/admin/posts/new`);
      assert.equal(await page.locator("#title").inputValue(), title);
      await press(page, "Save post");
      await heading(page, "Edit post");
      const posts = await site.shell("post", "list");
      assert.equal(posts.filter((post) => post.title === title).length, 1);
    }));
}

test("the script weighs at most 4 kB", () =>
  visit(browser, {}, async (page) => {
    await page.goto(`${site.origin}/contact`);
    const address = await page.locator("script").getAttribute("src");
    const script = await page.request.get(site.origin + address);
    assert.ok(gzipSync(await script.body()).length <= 4096);
  }));

/** Opens the contact form and fills it in. */
function contact(message, options, steps) {
  return visit(browser, options, async (page) => {
    await page.goto(`${site.origin}/contact`);
    await fill(page, { name: "Ann Li", email: "ann@example.test", message });
    await steps(page);
  });
}

/** Keeps what is posted from arriving until the gate is opened. */
async function holdPosts(page) {
  const gate = { seen: [] };
  const opened = new Promise((open) => (gate.open = open));
  await page.route("**/*", async (route, request) => {
    if (isPost(request)) {
      gate.seen.push(request);
      await opened;
    }
    await route.continue();
  });
  return gate;
}

function announced(page) {
  return page.locator("#announcer").textContent();
}
