// Every page of the shop and of membership where payments are on, and every order as it can stand: as it is looked at, on a
// narrow screen and a wide one, in light and dark, by whoever cannot see it, and by a program that knows HTML's rules.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { barriers, moved, stickingOut } from "./looks.js";
import { checkHtml, fill, heading, java, owner, press, visit } from "./support.js";
import { openTill } from "./till.js";

const { stripe, site, browser, add, hear, orderPage } = await openTill();

// Nothing in it can be broken between two words.
const long = "W".repeat(100);
const plan = (slug, name, ...more) => site.shell("plan", "add", "--slug", slug, "--name", name, ...more);
const coupon = ["--trial-days", "14", "--coupon-percent", "50", "--coupon-until", "2099-01-01T00:00:00Z"];
await plan("friend", "Friend", "--text", "M".repeat(200), "--monthly", "900", "--yearly", "9000", ...coupon);
await plan("patron", "W".repeat(60), "--monthly", "99999999");
await site.shell("stripe", "sync");
await plan("soon", "Soon", "--yearly", "19000");
await add(long, "999999.99", 1, "--slug", "wide", "--text", "M".repeat(200));
await add("Gone", "5.00", 0, "--slug", "gone");
await add(long, "5.00", 3, "--slug", "old");
await add("Talk", "5.00", 20, "--slug", "talk", "--kind", "ticket", "--happens-at", "2099-01-01T09:00:00Z");

const context = await browser.newContext({ javaScriptEnabled: false });
const page = await context.newPage();

/** Somebody else from now on; what the last one leaves is kept. */
async function another() {
  const left = await context.storageState();
  await context.clearCookies();
  return left;
}

async function put(...slugs) {
  for (const slug of slugs) {
    await page.goto(`${site.origin}/shop/${slug}`);
    await press(page, "Put it into the cart");
    await heading(page, "Your cart");
  }
}

/** Somebody orders, and `become` says what becomes of it; gives where the order is. */
async function ordered(slug, become) {
  await another();
  await put(slug);
  await fill(page, { name: "Ann Li", email: `${"long".repeat(15)}@example.test` });
  await press(page, "Order and pay");
  await heading(page, /^Pay /);
  const { pathname } = new URL(await orderPage());
  await become(site.origin + pathname);
  return pathname;
}

const pay = async () => {
  await press(page, "Pay");
  await page.waitForURL(`${site.origin}/**`);
  await hear();
};
const orders = {
  waiting: await ordered("talk", async () => {}),
  paid: await ordered("talk", pay),
  "under way": await ordered("talk", () => press(page, "Pay in a way that takes days")),
  "not arrived": await ordered("talk", async () => {
    await press(page, "Pay in a way that takes days");
    await stripe.tell({ arrive: false });
    await hear();
  }),
  expired: await ordered("talk", () => stripe.tell({ expire: true }).then(hear)),
  cancelled: await ordered("talk", async (order) => {
    await page.goto(order);
    await press(page, "Let go of this order");
    await heading(page, "This order is let go");
  }),
  "given back in part": await ordered("talk", async () => {
    await pay();
    await stripe.tell({ refund: 200 });
    await hear();
  }),
  "given back": await ordered("talk", async () => {
    await pay();
    await stripe.tell({ refund: null });
    await hear();
  }),
  "come again": await ordered("talk", async () => {
    await pay();
    for (const command of [{ refund: null }, { bounce: true }]) await stripe.tell(command).then(hear);
  }),
  disputed: await ordered("talk", async () => {
    await pay();
    await stripe.tell({ dispute: true });
    await hear();
  }),
};

await another();
await put("talk", "wide", "old");
await site.shell("product", "stock", "wide", "0");
await site.shell("product", "retire", "old");
const shopper = await another();

/** A member, and what becomes of what they are. */
async function member(name, price, become) {
  const email = `${name}@example.test`;
  const { password } = await site.shell("user", "add", "--name", "W".repeat(60), "--email", email);
  await another();
  await page.goto(`${site.origin}/sign-in`);
  await fill(page, { email, password });
  await press(page, "Sign in");
  await heading(page, "Desk");
  await page.goto(`${site.origin}/membership`);
  await press(page, price);
  await press(page, "Pay");
  await heading(page, "Welcome! You are a member");
  const thanks = page.url().slice(site.origin.length);
  await become();
  return { thanks, left: await another() };
}

const members = {
  begun: await member("begun", "EUR 9.00 a month", async () => {
    await put("talk");
    await press(page, "Order and pay");
    await heading(page, /^Pay /);
    await pay();
  }),
  ending: await member("ending", "EUR 90.00 a year", async () => {
    await page.goto(`${site.origin}/account/membership`);
    await press(page, "End it");
    await page.getByText("when it ends").waitFor();
  }),
  owing: await member("owing", "EUR 999999.99 a month", async () => {
    await stripe.tell({ renew: false });
    await hear();
  }),
};

await page.goto(`${site.origin}/sign-in`);
await fill(page, owner);
await press(page, "Sign in");
await heading(page, "Desk");
await page.goto(`${site.origin}/admin/orders`);
const inTable = () => page.locator("tbody th a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
const deskOrders = await inTable();
assert.equal(deskOrders.length, Object.keys(orders).length + 1);
await page.goto(`${site.origin}/admin/products`);
const products = await inTable();
await page.goto(`${site.origin}/admin/outbox?kind=mail`);
const mails = await inTable();
const staff = await context.storageState();
await context.close();

// Who sees what.
const tours = [
  ["anyone", undefined, ["/shop", "/shop/wide", "/shop/gone", "/shop/talk", "/cart", "/membership", ...Object.values(orders)]],
  ["a shopper", shopper, ["/shop", "/cart"]],
  ["a member", members.begun.left, [members.begun.thanks, "/account", "/account/membership", "/account/orders", "/membership"]],
  ["a member whose membership ends", members.ending.left, [members.ending.thanks, "/account/membership", "/account/orders"]],
  ["a member who owes a payment", members.owing.left, ["/account", "/account/membership"]],
  ["staff", staff, ["/admin/products", "/admin/products/new", ...products, "/admin/orders", "/admin/orders?status=paid", "/admin/ledger", ...deskOrders, ...mails]],
];

for (const colorScheme of ["light", "dark"]) {
  describe(`in ${colorScheme}`, () => {
    for (const [who, storageState, paths] of tours) {
      for (const width of [320, 1280]) {
        test(`at ${width} pixels nothing moves and nothing is cut off for ${who}`, () =>
          visit(browser, { colorScheme, storageState, viewport: { width, height: 640 } }, async (page) => {
            for (const path of paths) {
              await page.goto(site.origin + path);
              assert.deepEqual(await moved(page), [], `${path} moves`);
              assert.deepEqual(await stickingOut(page), [], `${path} has to be scrolled sideways`);
            }
          }));
      }

      test(`axe finds nothing on the pages of ${who}`, () =>
        visit(browser, { colorScheme, storageState, bypassCSP: true }, async (page) => {
          for (const path of paths) {
            await page.goto(site.origin + path);
            assert.deepEqual(await barriers(page), [], path);
          }
        }));
    }

    test("what is refused is whole too, and axe finds nothing", () =>
      visit(browser, { colorScheme, storageState: shopper, bypassCSP: true, viewport: { width: 320, height: 640 } }, async (page) => {
        const look = async (what) => {
          await page.getByRole("alert").waitFor();
          assert.deepEqual(await stickingOut(page), [], `${what} has to be scrolled sideways`);
          assert.deepEqual(await barriers(page), [], what);
        };
        await page.goto(`${site.origin}/shop/talk`);
        await fill(page, { quantity: long });
        await press(page, "Put it into the cart");
        await look("a product");
        await page.goto(`${site.origin}/cart`);
        await press(page, "Order and pay");
        await look("an order of nobody");
        await fill(page, { name: "Ann Li", email: "ann@example.test" });
        await press(page, "Order and pay");
        await look("an order of what is gone");
        await fill(page, { "quantity-talk": "many" });
        await press(page, "Update the cart");
        await look("a cart");
      }));
  });
}

test("the Nu HTML checker finds nothing", { skip: !java && "java is not installed" }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "pages-"));
  const files = [];
  const keep = async (name, status, answer) => {
    assert.equal(answer.status(), status, name);
    const file = join(folder, `${files.length} ${name.replace(/\W+/g, " ")}.html`);
    writeFileSync(file, await answer.body());
    files.push(file);
  };
  try {
    for (const [, storageState, paths] of tours) {
      const context = await browser.newContext({ storageState });
      for (const path of paths) await keep(path, 200, await context.request.get(site.origin + path));
      await context.close();
    }
    const refused = [
      [shopper, "/shop/talk/add", { quantity: "<b>" }],
      [shopper, "/cart", { "quantity-talk": "<b>" }],
      [shopper, "/cart/checkout", { name: "A", email: 'no"where' }],
      [members.begun.left, "/membership", { price: "x" }],
      [staff, "/admin/products/new", { title: "x", price: "<b>" }],
      [staff, products[0], { title: "" }],
      [staff, `${deskOrders.at(-2)}/refund`, { amount: "<b>" }],
      [staff, `${deskOrders[1]}/refund`, { amount: "1.00" }],
    ];
    for (const [storageState, path, form] of refused) {
      const context = await browser.newContext({ storageState });
      const headers = { origin: site.origin, accept: "text/html" };
      await keep(`${path} refused`, 422, await context.request.post(site.origin + path, { headers, form, maxRedirects: 0 }));
      await context.close();
    }
    assert.equal((await checkHtml(files)).replaceAll(`${folder}/`, ""), "");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
