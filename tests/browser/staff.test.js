// What staff do. With JavaScript or without, it is the same.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { click, fill, focused, heading, openBrowser, openSite, owner, press, signIn, visit } from "./support.js";

const [site, browser] = await Promise.all([openSite(), openBrowser()]);

for (const js of [true, false]) {
  describe(js ? "with JavaScript" : "without JavaScript", () => {
    const how = js ? "by fetch" : "by the browser";

    test("signing in leads on to the page that was asked for, once the password is right", () =>
      visit(browser, { js }, async (page) => {
        await page.goto(`${site.origin}/admin/leads?status=new`);
        await heading(page, "Sign in");
        await fill(page, { email: owner.email, password: "wrong horse battery" });
        await press(page, "Sign in");
        await page.getByText("Email or password is wrong.").waitFor();
        assert.equal(await focused(page), "error-summary");
        assert.equal(await page.locator("#email").inputValue(), owner.email);
        assert.equal(await page.locator("#password").inputValue(), "");
        await fill(page, { password: owner.password });
        await press(page, "Sign in");
        await heading(page, "Leads");
        assert.equal(page.url(), `${site.origin}/admin/leads?status=new`);
      }));

    test("a lead gets a status and a note, and its history tells", () =>
      visit(browser, { js }, async (page) => {
        const message = `A sign above the door, ${how}.`;
        const added = ["--name", `Caller ${how}`, "--email", "caller@example.test", "--message", message];
        const { id } = await site.shell("lead", "add", ...added);
        await signIn(page, site.origin);
        await click(page.getByRole("link", { name: "See all leads" }));
        await click(page.getByRole("link", { name: `Caller ${how}` }));
        await heading(page, `Caller ${how}`);
        const history = page.locator("#history");

        await page.getByLabel("Status").selectOption("contacted");
        await press(page, "Save status");
        await history.getByText("contacted").waitFor();
        assert.equal(page.url(), `${site.origin}/admin/leads/${id}`);
        assert.equal((await site.leads(message))[0].status, "contacted");

        await press(page, "Add note");
        await page.getByRole("alert").waitFor();
        assert.equal(await focused(page), "error-summary");
        const note = `Rückruf um drei,\nfragt nach Ŵyn & Söhne (${how}).`;
        await fill(page, { note });
        await press(page, "Add note");
        await history.getByText("Rückruf um drei").waitFor();
        assert.equal((await history.locator(".letter").innerText()).trim(), note);
        assert.equal(await page.locator("[name=note]").inputValue(), "");
        assert.equal(page.url(), `${site.origin}/admin/leads/${id}`);
      }));

    test("a post is there for everybody as soon as it is published, and so is every change to it", () =>
      visit(browser, { js }, async (page) => {
        await signIn(page, site.origin);
        await visitor("/", async (reader) => assert.equal(await reader.getByText("Łódź").count(), 0));
        await click(page.getByRole("link", { name: "Write a post" }));
        await heading(page, "New post");
        const post = {
          title: "Grüße aus Łódź — 看板 & “Schilder”",
          slug: `gruesse-${js ? "js" : "html"}`,
          summary: "Dwa dni wśród szyldów.",
          topic: "Reisen",
          body: "",
        };
        await fill(page, post);
        await page.getByRole("radio", { name: /^Published/ }).check({ force: true });
        await press(page, "Save post");
        await page.getByRole("alert").waitFor();
        for (const [name, value] of Object.entries(post)) {
          assert.equal(await page.locator(`main [name="${name}"]`).inputValue(), value, name);
        }
        assert.ok(await page.getByRole("radio", { name: /^Published/ }).isChecked());

        await fill(page, { body: "\n## Ζωή\r\n\r\nKaffee für **drei Złoty**, ça va. 🪧" });
        await press(page, "Save post");
        await heading(page, post.title);
        assert.equal(page.url(), `${site.origin}/posts/${post.slug}`);
        assert.equal(await page.locator("main strong").innerText(), "drei Złoty");
        await visitor("/", (reader) => click(reader.getByRole("link", { name: post.title })), async (reader) => {
          await heading(reader, post.title);
          assert.equal(await reader.getByRole("heading", { level: 2, name: "Ζωή" }).count(), 1);
        });

        await page.goto(`${site.origin}/admin/posts`);
        await click(page.getByRole("link", { name: post.title }));
        await heading(page, "Edit post");
        const title = `Wieder zu Hause, ${how}`;
        await fill(page, { title, slug: `zu-hause-${js ? "js" : "html"}` });
        await press(page, "Save post");
        await heading(page, title);
        await visitor(`/posts/${post.slug}`, async (reader) => {
          await heading(reader, title);
          assert.equal(reader.url(), page.url());
        });
      }));

    test("the answer to a message is looked at before it is saved", () =>
      visit(browser, { js }, async (page) => {
        await signIn(page, site.origin);
        await click(page.getByRole("link", { name: "Settings" }));
        await heading(page, "Settings");
        const letter = page.locator(".letter");
        const before = await letter.innerText();
        await fill(page, { text: `Ahoi,\n\nwe are on the water (${how}).` });
        await press(page, "Preview");
        await letter.getByText(`we are on the water (${how}).`).waitFor();
        assert.equal(await page.locator("[name=text]").inputValue(), `Ahoi,\n\nwe are on the water (${how}).`);
        await visitor("/sign-in", async (reader) => {
          await signIn(reader, site.origin);
          await reader.goto(`${site.origin}/admin/settings`);
          assert.equal(await reader.locator(".letter").innerText(), before);
        });
        await press(page, "Save");
        await page.getByText("The settings are saved.").waitFor();
        assert.match(await letter.innerText(), /^Ahoi,\n\nwe are on the water/);
      }));

    test("an issue is seen as a mail, also by whoever has to sign in on the way", () =>
      visit(browser, { js }, async (page) => {
        await signIn(page, site.origin);
        await page.goto(`${site.origin}/admin/issues/new`);
        const subject = `Brief ${how}`;
        await fill(page, { subject, body: "## Grüße\n\nAus **Łódź**, mit [Preisen](/contact)." });
        await press(page, "Save issue");
        await heading(page, subject);
        await click(page.getByRole("link", { name: "See it as a mail" }));
        const shown = async () => {
          await page.getByRole("heading", { name: "As plain text" }).waitFor();
          const mail = page.frameLocator("iframe.mail");
          assert.equal(await mail.locator("strong").innerText(), "Łódź");
          // Its looks are its own.
          const width = await mail.locator("body").evaluate((body) => getComputedStyle(body).maxWidth);
          assert.equal(width, "600px");
          await page.getByText("Aus **Łódź**").waitFor();
        };
        await shown();
        const at = page.url();
        await press(page, "Sign out");
        await page.waitForURL(`${site.origin}/`);
        await page.goto(at);
        await heading(page, "Sign in");
        await fill(page, owner);
        await press(page, "Sign in");
        await shown();
      }));

    test("who has signed out is out, and Back shows nothing", () =>
      visit(browser, { js }, async (page) => {
        await signIn(page, site.origin);
        await page.goto(`${site.origin}/admin/leads`);
        await press(page, "Sign out");
        await page.waitForURL(`${site.origin}/`);
        await page.getByRole("button", { name: "Sign out" }).waitFor({ state: "detached" });
        await page.goBack();
        await heading(page, "Sign in");
        assert.equal(await page.getByText("caller@example.test").count(), 0);
      }));
  });

  /** Someone else, who has never been here, looks at a page. */
  async function visitor(path, ...steps) {
    await visit(browser, { js }, async (page) => {
      await page.goto(site.origin + path);
      for (const step of steps) await step(page);
    });
  }
}
