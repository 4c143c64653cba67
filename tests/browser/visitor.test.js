// What a visitor does with the contact form. With JavaScript or without, it is the same.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { click, fill, focused, heading, openBrowser, openSite, press, visit } from "./support.js";

const [site, browser] = await Promise.all([openSite(), openBrowser()]);

for (const js of [true, false]) {
  describe(js ? "with JavaScript" : "without JavaScript", () => {
    const how = js ? "by fetch" : "by the browser";

    test("a visitor writes, is thanked, and is one lead", () =>
      visit(browser, { js }, async (page) => {
        const message = `Eine Tafel für die Bäckerei,\nzwei Ellen breit, ${how}: “Brot & Söhne” 🥖`;
        await page.goto(`${site.origin}/`);
        await click(page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Contact" }));
        await fill(page, { name: "Zoë Núñez", email: "zoe@example.test", company: "Brot & Söhne", message });
        await press(page, "Send message");
        await heading(page, "Thank you, your message has arrived");
        assert.equal(page.url(), `${site.origin}/contact/thanks`);
        const leads = await site.leads(message);
        assert.equal(leads.length, 1);
        const [{ name, email, company, source }] = leads;
        assert.deepEqual(
          { name, email, company, source },
          { name: "Zoë Núñez", email: "zoe@example.test", company: "Brot & Söhne", source: "website-form" },
        );
      }));

    test("what is wrong is said where it is wrong, nothing typed is lost, and then it can be sent", () =>
      visit(browser, { js }, async (page) => {
        const typed = { name: "A", email: "nowhere", company: 'Fish & "Co"', phone: "", message: `\n Short ` };
        await page.goto(`${site.origin}/contact`);
        await fill(page, typed);
        const [answer] = await Promise.all([
          page.waitForResponse((response) => response.request().method() === "POST"),
          press(page, "Send message"),
        ]);
        assert.equal(answer.status(), 422);
        await page.getByRole("alert").waitFor();
        assert.equal(await focused(page), "error-summary");
        assert.equal(await page.title(), "Error: Tell us what you need · Oakum & Rule");
        assert.equal(page.url(), `${site.origin}/contact`);

        for (const [name, value] of Object.entries(typed)) {
          const field = page.locator(`#${name}`);
          assert.equal(await field.inputValue(), value);
          const wrong = ["name", "email", "message"].includes(name);
          assert.equal(await field.getAttribute("aria-invalid"), wrong ? "true" : null, name);
          if (!wrong) continue;
          const described = (await field.getAttribute("aria-describedby")).split(" ");
          assert.ok(described.includes(`${name}-error`), name);
          const link = page.locator(`#error-summary a[href="#${name}"]`);
          assert.equal((await page.locator(`#${name}-error`).innerText()).trim(), await link.innerText());
          await click(link);
          assert.equal(await focused(page), name);
        }
        assert.equal((await site.leads("Short")).length, 0);

        const message = `Now it is long enough, ${how}.`;
        await fill(page, { name: "Ann Li", email: "ann@example.test", message });
        await press(page, "Send message");
        await heading(page, "Thank you, your message has arrived");
        const [lead] = await site.leads(message);
        assert.deepEqual([lead.name, lead.company], ["Ann Li", 'Fish & "Co"']);
      }));

    test("the same message sent again from the form that Back leads to is still one lead", () =>
      visit(browser, { js }, async (page) => {
        const message = `Please call me about a menu, ${how}.`;
        for (const time of ["first", "second"]) {
          if (time === "first") await page.goto(`${site.origin}/contact`);
          else await page.goBack();
          await fill(page, { name: "Bob Ray", email: "bob@example.test", message });
          await press(page, "Send message");
          await heading(page, "Thank you, your message has arrived");
        }
        assert.equal((await site.leads(message)).length, 1);
      }));

    test("what a program fills into the field that people do not see is thanked for and kept as spam", () =>
      visit(browser, { js }, async (page) => {
        const message = `Buy our followers, ${how}.`;
        await page.goto(`${site.origin}/contact`);
        assert.equal(await page.getByLabel("Leave this field empty").evaluate(isInView), false);
        await fill(page, { name: "Bot", email: "bot@example.test", message });
        await page.locator("#website").evaluate((field) => (field.value = "https://spam.example"));
        await press(page, "Send message");
        await heading(page, "Thank you, your message has arrived");
        assert.equal((await site.leads(message))[0].status, "spam");
      }));

    test("a page that is not there says so and leads back", () =>
      visit(browser, { js }, async (page) => {
        const answer = await page.goto(`${site.origin}/posts/never-written`);
        assert.equal(answer.status(), 404);
        await click(page.getByRole("link", { name: "Go to the start page" }));
        assert.equal(page.url(), `${site.origin}/`);
      }));
  });
}

function isInView(element) {
  const { right, bottom } = element.getBoundingClientRect();
  return right > 0 && bottom > 0;
}
