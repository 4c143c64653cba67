// What somebody buys, and what becomes of their money: against a simulator of Stripe with a checkout page of its own, on
// another site. Without JavaScript and with it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { click, fill, heading, press, signIn, visit } from "./support.js";
import { openTill, until } from "./till.js";

const { stripe, site, browser, add, hear, choose, order, orderPage } = await openTill();
await site.shell("plan", "add", "--slug", "friend", "--name", "Friend", "--monthly", "900", "--yearly", "9000");
await site.shell("stripe", "sync");
const { slug: stamp } = await add("Stamp", "5.00", 10);

const desk = await (await browser.newContext()).newPage();
await signIn(desk, site.origin);

/** Has an owner send a form. */
async function decide(path, form) {
  const sent = await desk.request.post(site.origin + path, { headers: { origin: site.origin }, form, maxRedirects: 0 });
  assert.equal(sent.status(), 303, path);
}

/** Publishes something for those who pay. */
const write = (slug, title) =>
  decide("/admin/posts/new", {
    title,
    slug,
    topic: "Signs",
    body: "It began well.\n\nAnd then: marzipanfjord.",
    status: "published",
    audience: "paid",
  });
await write("for-friends", "For friends");
await write("for-friends-too", "For friends, too");

/** The path of the link in the mail that somebody was sent: where nobody carries mail, an owner can read it. */
async function mailed(email, start) {
  const link = new RegExp(`${start}[0-9a-f]{64}`);
  let found;
  await until("the mail is written", async () => {
    await desk.goto(`${site.origin}/admin/outbox?to=${email}`);
    const rows = desk.locator('tbody th a[href^="/admin/outbox/"]');
    for (const path of await rows.evaluateAll((all) => all.map((a) => a.getAttribute("href")))) {
      [found] = (await (await desk.request.get(site.origin + path)).text()).match(link) ?? [];
      if (found) break;
    }
    return found;
  });
  return found;
}

/** What a page says to somebody who has never been here. */
const read = async (path) => (await fetch(site.origin + path)).text();
const says = (path, words) => until(`${path}: ${words}`, async () => (await read(path)).includes(words));

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

    test("whoever turns back at the till finds their cart, goes on with the same order, and can let go of it", async () => {
      const title = `Poster ${how}`;
      const { slug } = await add(title, "9.50", 2);
      await visit(browser, { js }, async (page) => {
        await choose(page, title);
        await order(page, "EUR 9.50");
        const till = page.url();
        await click(page.getByRole("link", { name: "Back" }));
        await heading(page, "Your cart");
        assert.equal(await page.locator(`[name="quantity-${slug}"]`).inputValue(), "1");
        await order(page, "EUR 9.50");
        assert.equal(page.url(), till);
        await page.goBack();
        await heading(page, "Your cart");
        await says(`/shop/${slug}`, "1 piece left");

        await page.goto(await orderPage());
        await heading(page, "This order waits for your payment");
        await click(page.getByRole("link", { name: "Go on to the payment" }));
        await heading(page, "Pay EUR 9.50");
        await page.goto(await orderPage());
        await press(page, "Let go of this order");
        await heading(page, "This order is let go");
        await says(`/shop/${slug}`, "2 pieces left");
        await page.goto(till);
        await heading(page, "This page is over");
      });
    });

    test("what is not paid for in time is free for others, and what is sold out is not to be had", async () => {
      const title = `Last one ${how}`;
      const { slug } = await add(title, "100.00", 1);
      const path = `/shop/${slug}`;
      await visit(browser, { js }, (late) =>
        visit(browser, { js }, async (page) => {
          await choose(late, title);
          await choose(page, title);
          await order(page, "EUR 100.00");
          await says(path, "All of them are sold, or being paid for.");
          assert.ok(!(await read(path)).includes("Put it into the cart"));
          await fill(late, { name: "Bo Ek", email: "bo@example.test" });
          await press(late, "Order and pay");
          await late.getByRole("alert").getByText(`“${title}” is sold out at the moment.`).waitFor();

          await stripe.tell({ expire: true });
          await hear();
          await says(path, "1 piece left");
          await page.reload();
          await heading(page, "This page is over");
          await click(page.getByRole("link", { name: "Back" }));
          await heading(page, "Your cart");
          await page.goto(await orderPage());
          await heading(page, "This order has run out");

          await late.goto(`${site.origin}/cart`);
          await order(late, "EUR 100.00");
          await press(late, "Pay");
          await heading(late, "Thank you for your order");
          await hear();
          await says(path, "Sold out");
        }),
      );
    });

    test("a payment that takes days is waited for, and what is not paid for after all is free for others", async () => {
      const title = `Book ${how}`;
      const { slug } = await add(title, "30.00", 1);
      await visit(browser, { js }, async (page) => {
        await choose(page, title);
        await order(page, "EUR 30.00");
        await press(page, "Pay in a way that takes days");
        await heading(page, "Your payment is under way");
        await stripe.tell({ arrive: false });
        await hear();
        await until("it is said that nothing has come", async () => {
          await page.reload();
          return page.getByRole("heading", { name: "Your payment did not arrive" }).isVisible();
        });
        await says(`/shop/${slug}`, "1 piece left");
      });
      await visit(browser, { js }, async (page) => {
        await choose(page, title);
        await order(page, "EUR 30.00");
        await press(page, "Pay in a way that takes days");
        await heading(page, "Your payment is under way");
        await hear();
        await page.reload();
        await heading(page, "Your payment is under way");
        await says(`/shop/${slug}`, "Sold out");
        await stripe.tell({ arrive: true });
        await hear();
        await page.reload();
        await heading(page, "Thank you for your order");
      });
    });

    test("somebody signs up, becomes a member, reads what is for members, looks after payments, ends it and takes it up again", () =>
      visit(browser, { js }, async (page) => {
        const member = { name: "Cy Ro", email: `cy-${js ? "js" : "html"}@example.test`, password: "a sentence that nobody guesses" };
        await page.goto(`${site.origin}/posts/for-friends`);
        await page.getByText("It began well.").waitFor();
        assert.equal(await page.getByText("marzipanfjord").count(), 0);
        await click(page.getByRole("main").getByRole("link", { name: "See what membership is" }));
        await press(page, "EUR 9.00 a month");
        await heading(page, "Sign in");
        await click(page.getByRole("main").getByRole("link", { name: "Sign up" }));
        await fill(page, member);
        await press(page, "Sign up");
        await heading(page, "Look into your mailbox");
        await page.goto(site.origin + (await mailed(member.email, "/sign-up/")));
        await press(page, "Make my account");
        // Where they wanted to go before.
        await heading(page, "Membership");
        await press(page, "EUR 9.00 a month");
        await heading(page, "Pay EUR 9.00");
        assert.equal(new URL(page.url()).origin, stripe.origin);
        await press(page, "Pay with a bad card");
        await page.getByRole("alert").waitFor();
        await press(page, "Pay");
        await heading(page, "Welcome! You are a member");
        await page.goto(`${site.origin}/posts/for-friends`);
        await page.getByText("marzipanfjord").waitFor();
        await hear();
        await page.reload();
        await page.getByText("marzipanfjord").waitFor();

        await page.goto(`${site.origin}/account`);
        await click(page.getByRole("main").getByRole("link", { name: "Look at it" }));
        await heading(page, "Your membership");
        await page.getByText("it is renewed then.").waitFor();
        await press(page, "Look after payments");
        await heading(page, "Your payments");
        assert.equal(new URL(page.url()).origin, stripe.origin);
        await click(page.getByRole("link", { name: "Back" }));
        await heading(page, "Your membership");
        await press(page, "End it");
        await page.getByText("when it ends.").waitFor();
        await page.goto(`${site.origin}/posts/for-friends`);
        await page.getByText("marzipanfjord").waitFor();
        await page.goto(`${site.origin}/account/membership`);
        await press(page, "Let it go on");
        await page.getByText("it is renewed then.").waitFor();
      }));

    test("where some are free, whoever has an account opens those, and no more", async () => {
      const email = `fay-${js ? "js" : "html"}@example.test`;
      await decide("/admin/settings/free-posts", { free_posts: "1" });
      await says("/posts/for-friends", "With an account, one such post a month is free.");
      await visit(browser, { js }, async (page) => {
        await page.goto(`${site.origin}/posts/for-friends`);
        await click(page.getByRole("main").getByRole("link", { name: "Sign up" }));
        await fill(page, { name: "Fay", email, password: "a sentence that nobody guesses" });
        await press(page, "Sign up");
        await heading(page, "Look into your mailbox");
        await page.goto(site.origin + (await mailed(email, "/sign-up/")));
        await press(page, "Make my account");
        await heading(page, "For friends");
        assert.equal(await page.getByText("marzipanfjord").count(), 0, "to look is not to open");
        await press(page, "Read this one: 1 of 1 left this month");
        await page.getByText("marzipanfjord").waitFor();
        await page.goto(`${site.origin}/posts/for-friends-too`);
        await page.getByText("You have opened all that are free this month.").waitFor();
        assert.equal(await page.getByText("marzipanfjord").count(), 0);
        await page.goto(`${site.origin}/posts/for-friends`);
        await page.getByText("marzipanfjord").waitFor();
      });
      await decide("/admin/settings/free-posts", { free_posts: "0" });
      await until("none is free", async () => !(await read("/posts/for-friends")).includes("a month is free"));
    });

    test("whoever has to sign in first comes to the till all the same", async () => {
      const email = `dee-${js ? "js" : "html"}@example.test`;
      const { password } = await site.shell("user", "add", "--name", "Dee", "--email", email);
      await visit(browser, { js }, async (page) => {
        await page.goto(`${site.origin}/membership`);
        await press(page, "EUR 90.00 a year");
        await heading(page, "Sign in");
        await fill(page, { email, password });
        await press(page, "Sign in");
        await heading(page, "Membership");
        await press(page, "EUR 90.00 a year");
        await heading(page, "Pay EUR 90.00");
        await press(page, "Pay");
        await heading(page, "Welcome! You are a member");
      });
    });
  });
}

test("the pages that lead to Stripe name it in their policy, and no others do", () =>
  visit(browser, {}, async (page) => {
    await choose(page, "Stamp");
    await order(page, "EUR 5.00");
    const { pathname } = new URL(await orderPage());
    await signIn(page, site.origin);
    const policy = async (path) => (await page.request.get(site.origin + path)).headers()["content-security-policy"];
    for (const path of ["/cart", "/membership", "/account/membership"]) {
      assert.match(await policy(path), new RegExp(`; form-action 'self' ${stripe.origin};`), path);
    }
    const others = ["/", "/contact", "/posts", "/posts/for-friends", "/shop", `/shop/${stamp}`, pathname, "/membership/thanks", "/account"];
    for (const path of [...others, "/sign-in", "/admin", "/admin/orders", "/admin/products", "/never/made"]) {
      assert.match(await policy(path), /; form-action 'self';/, path);
    }
  }));

test("a page that does not name Stripe could not lead there", () =>
  visit(browser, { js: false, expected: /form-action/ }, async (page) => {
    const told = [];
    page.on("console", (message) => told.push(message.text()));
    await choose(page, "Stamp");
    await page.route("**/cart", async (route) => {
      const answer = await route.fetch();
      const headers = { ...answer.headers() };
      headers["content-security-policy"] = headers["content-security-policy"].replace(/form-action [^;]+/, "form-action 'self'");
      await route.fulfill({ response: answer, headers });
    });
    await page.reload();
    await fill(page, { name: "Ann Li", email: "ann@example.test" });
    await press(page, "Order and pay");
    await until("the browser says why", () => told.some((text) => /form-action.*blocked/.test(text)));
    assert.equal(page.url(), `${site.origin}/cart`);
  }));
