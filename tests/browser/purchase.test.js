// What somebody buys, and what becomes of their money: against a simulator of Stripe with a checkout page of its own, on
// another site. Without JavaScript and with it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { click, fill, heading, openBrowser, openSite, openStripe, press, signIn, visit } from "./support.js";

const stripe = await openStripe();
const [site, browser] = await Promise.all([openSite(undefined, stripe.settings), openBrowser()]);
const events = `${site.origin}/api/webhooks/stripe`;

const add = (title, price, stock) =>
  site.shell("product", "add", "--title", title, "--price", price, "--stock", `${stock}`);
await site.shell("plan", "add", "--slug", "friend", "--name", "Friend", "--monthly", "900", "--yearly", "9000");
await site.shell("stripe", "sync");

/** Has the events that have happened brought, and waits until they were taken. */
async function hear() {
  await stripe.tell({ to: events });
  while (await stripe.tell({ ask: "waiting" })) await soon();
  await stripe.tell({ to: null });
}

const soon = () => new Promise((later) => setTimeout(later, 50));

/** Asks again until it is so, or ten seconds have passed. */
async function until(what, isSo) {
  for (const began = Date.now(); !(await isSo()); await soon()) assert.ok(Date.now() - began < 10_000, what);
}

/** What a page says to somebody who has never been here. */
const read = async (path) => (await fetch(site.origin + path)).text();
const says = (path, words) => until(`${path}: ${words}`, async () => (await read(path)).includes(words));

/** Puts something into the cart, from the shop on. */
async function choose(page, title) {
  await page.goto(site.origin);
  await click(page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Shop" }));
  await heading(page, "Shop");
  await click(page.getByRole("link", { name: title, exact: true }));
  await heading(page, title);
  await press(page, "Put it into the cart");
  await heading(page, "Your cart");
}

/** Orders what is in the cart, and is at the till then. */
async function order(page, sum) {
  await fill(page, { name: "Ann Li", email: "ann@example.test" });
  await press(page, "Order and pay");
  await heading(page, `Pay ${sum}`);
  assert.equal(new URL(page.url()).origin, stripe.origin);
}

/** Where whoever pays for the last checkout is led back to. */
async function orderPage() {
  const sessions = await stripe.tell({ ask: "checkout.session" });
  return sessions.at(-1).success_url;
}

for (const js of [true, false]) {
  const how = js ? "by fetch" : "by the browser";
  describe(js ? "with JavaScript" : "without JavaScript", () => {
    test("somebody buys without an account, and sees that it is paid for before any event has come, and after", async () => {
      const title = `Linocut ${how}`;
      const { slug } = await add(title, "25.00", 3);
      const path = `/shop/${slug}`;
      await visit(browser, { js }, async (page) => {
        await says(path, "3 pieces left");
        await choose(page, title);
        await page.getByText("It is in your cart.").waitFor();
        await fill(page, { [`quantity-${slug}`]: "5" });
        await press(page, "Update the cart");
        await page.getByText("Only 3 left.").waitFor();
        await fill(page, { name: "Ann Li", email: "ann@example.test" });
        await press(page, "Order and pay");
        await page.getByRole("alert").getByText("there are only 3 left").waitFor();
        assert.equal(await page.locator("[name=email]").first().inputValue(), "ann@example.test");
        await fill(page, { [`quantity-${slug}`]: "2" });
        await press(page, "Update the cart");
        await page.getByText("In all EUR 50.00").waitFor();

        await order(page, "EUR 50.00");
        await says(path, "1 piece left");
        await press(page, "Pay with a bad card");
        await page.getByRole("alert").getByText("Your card was declined.").waitFor();
        await press(page, "Pay");
        await heading(page, "Thank you for your order");
        assert.match(page.url(), new RegExp(`^${site.origin}/orders/[0-9a-f]{64}$`));
        await page.getByText("It is paid for, and yours. Your receipt goes to ann@example.test.").waitFor();
        assert.equal(await page.locator("table tbody tr").first().innerText().then((row) => row.includes("EUR 50.00")), true);
        assert.ok((await stripe.tell({ ask: "waiting" })) > 0, "no event has come yet");
        await says(path, "1 piece left");
        await hear();
        await page.reload();
        await heading(page, "Thank you for your order");
        await click(page.locator("footer").getByRole("link", { name: "Cart" }));
        await page.getByText("There is nothing in it yet.").waitFor();
        await says(path, "1 piece left");
      });
    });
  });
}
