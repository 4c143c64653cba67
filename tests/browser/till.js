// A site that is paid at a simulator of Stripe, and the way through its shop.

import assert from "node:assert/strict";
import { click, fill, heading, openBrowser, openSite, openStripe, press } from "./support.js";

const soon = () => new Promise((later) => setTimeout(later, 50));

/** Asks again until it is so, or ten seconds have passed. */
export async function until(what, isSo) {
  for (const began = Date.now(); !(await isSo()); await soon()) assert.ok(Date.now() - began < 10_000, what);
}

/** Opens all of it. Events wait until somebody hears them. */
export async function openTill() {
  const stripe = await openStripe();
  const [site, browser] = await Promise.all([openSite(undefined, stripe.settings), openBrowser()]);
  return {
    stripe,
    site,
    browser,

    /** Puts something into the shop. */
    add: (title, price, stock, ...more) =>
      site.shell("product", "add", "--title", title, "--price", price, "--stock", `${stock}`, ...more),

    /** Has the events that have happened brought, and waits until they were taken. */
    async hear() {
      await stripe.tell({ to: `${site.origin}/api/webhooks/stripe` });
      await until("events are taken", async () => (await stripe.tell({ ask: "waiting" })) === 0);
      await stripe.tell({ to: null });
    },

    /** Puts something into the cart, from the shop on. */
    async choose(page, title) {
      await page.goto(site.origin);
      await click(page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Shop" }));
      await heading(page, "Shop");
      await click(page.getByRole("link", { name: title, exact: true }));
      await heading(page, title);
      await press(page, "Put it into the cart");
      await heading(page, "Your cart");
    },

    /** Orders what is in the cart, and is at the till then. */
    async order(page, sum) {
      await fill(page, { name: "Ann Li", email: "ann@example.test" });
      await press(page, "Order and pay");
      await heading(page, `Pay ${sum}`);
      assert.equal(new URL(page.url()).origin, stripe.origin);
    },

    /** Where whoever pays for the last checkout is led back to. */
    async orderPage() {
      const sessions = await stripe.tell({ ask: "checkout.session" });
      return sessions.at(-1).success_url;
    },
  };
}
