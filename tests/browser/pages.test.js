// Every page as it is looked at: on a narrow screen and a wide one, in light and dark, by whoever cannot see it, and by
// a program that knows HTML's rules.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { barriers, moved, stickingOut } from "./looks.js";
import { checkHtml, java, openBrowser, openSite, signIn, visit } from "./support.js";

const [site, browser] = await Promise.all([openSite(), openBrowser()]);
const posts = await site.shell("post", "list");
const lead = await site.shell("lead", "add", ...arguments_({
  // Nothing in it can be broken between two words.
  name: "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch",
  email: `${"long".repeat(15)}@example.test`,
  company: "W".repeat(100),
  message: "M".repeat(200),
}));

await site.shell("subscriber", "add", "--email", `${"reader".repeat(10)}@example.test`);
const [subscriber] = await site.shell("subscriber", "list");
const [product] = await site.shell("product", "list");
const mails = await untilToldOf();
const [issue, brought] = await made();

const { client_id } = await site.shell("app", "add", "--name", "W".repeat(100), "--redirect-uri", "com.example.app:/in");
const asking = `/oauth/authorize?${new URLSearchParams({
  response_type: "code",
  client_id,
  redirect_uri: "com.example.app:/in",
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  code_challenge_method: "S256",
})}`;

const everyPost = posts.map((post) => `/posts/${post.slug}`);
const open = [
  ["/", "/posts", "/posts?page=2", "/posts/two-winters-on-the-harbour-wall", "/topics/signs", "/contact"],
  ["/posts/closing-a-shops-website", "/contact/thanks", "/callers", "/sign-in", "/never/made"],
  ["/newsletter", "/newsletter/thanks", "/newsletter/issues", "/newsletter/what-the-winter-left-on-the-bench"],
  ["/shop", "/shop/letters-in-a-day", "/cart"],
].flat();
const staff = [
  ["/admin", "/admin/leads", `/admin/leads/${lead.id}`],
  ["/admin/posts", "/admin/posts/new", `/admin/posts/${posts[0].id}/edit`],
  ["/admin/inbox", "/admin/inbox/replay", "/admin/runs", "/admin/routes", "/admin/people", `/admin/people?email=${lead.email}`],
  ["/admin/subscribers", `/admin/subscribers/${subscriber.id}`, "/admin/subscribers/new"],
  ["/admin/subscribers/import", brought],
  ["/admin/issues", "/admin/issues/new", `/admin/issues/new?post=${posts[0].id}`, issue, `${issue}/preview`],
  ["/admin/outbox", "/admin/outbox?state=dead", ...mails, "/admin/notices", "/admin/test-mail"],
  ["/admin/cache", "/admin/cache?q=nothing-like-it", "/admin/cache/page?address=/posts", "/admin/cache/drop"],
  ["/admin/products", "/admin/products/new", `/admin/products/${product.id}`, "/admin/orders", "/admin/orders?status=paid", "/admin/ledger"],
  ["/admin/settings", "/admin/staff", "/admin/audit", "/admin/keys", "/admin/webhooks"],
  ["/account", "/account/two-factor", "/account/two-factor/set-up", "/account/two-factor/off", "/account/passkeys"],
  ["/account/email", "/account/export", "/account/delete", "/oauth/authorize", asking],
].flat();

for (const colorScheme of ["light", "dark"]) {
  describe(`in ${colorScheme}`, () => {
    for (const width of [320, 1280]) {
      test(`at ${width} pixels nothing moves and nothing is cut off`, () =>
        tour({ colorScheme, viewport: { width, height: 640 } }, [...open, ...everyPost], async (page, address) => {
          assert.deepEqual(await moved(page), [], `${address} moves`);
          assert.deepEqual(await stickingOut(page), [], `${address} has to be scrolled sideways`);
        }));
    }

    test("axe finds nothing", () =>
      tour({ colorScheme, bypassCSP: true }, open, async (page, address) => {
        assert.deepEqual(await barriers(page), [], address);
      }));
  });
}

test("the Nu HTML checker finds nothing", { skip: !java && "java is not installed" }, () =>
  visit(browser, {}, async (page) => {
    const folder = mkdtempSync(join(tmpdir(), "pages-"));
    try {
      await signIn(page, site.origin);
      await page.request.post(`${site.origin}/account/two-factor/begin`, { headers: { origin: site.origin }, form: {} });
      const files = [];
      const keep = async (name, answer) => {
        const file = join(folder, `${files.length} ${name.replace(/\W+/g, " ")}.html`);
        writeFileSync(file, await answer.body());
        files.push(file);
      };
      for (const path of [...open, ...everyPost, ...staff]) await keep(path, await page.request.get(site.origin + path));
      for (const [name, status, answer] of await refusals(page.request)) {
        assert.equal(answer.status(), status, name);
        await keep(name, answer);
      }
      assert.equal((await checkHtml(files)).replaceAll(`${folder}/`, ""), "");
    } finally {
      rmSync(folder, { recursive: true });
    }
  }));

/** Waits until staff were told of the lead, and returns where in the outbox that can be read, with the job that did it. */
async function untilToldOf() {
  const context = await browser.newContext();
  const page = await context.newPage();
  await signIn(page, site.origin);
  for (;;) {
    await page.goto(`${site.origin}/admin/outbox`);
    const rows = page.locator('tbody th a[href^="/admin/outbox/"]');
    const listed = await rows.evaluateAll((all) => all.map((a) => [a.textContent, a.getAttribute("href")]));
    const of = (name) => listed.find(([what]) => what === name)?.[1];
    const found = [of("Notice of a lead"), of("A lead has come in")];
    if (found.every(Boolean)) return context.close().then(() => found);
    await new Promise((later) => setTimeout(later, 100));
  }
}

/** Makes an issue and a list of people brought over, and returns where they are. */
async function made() {
  const context = await browser.newContext();
  await signIn(await context.newPage(), site.origin);
  const post = async (path, form) => {
    const answer = await context.request.post(site.origin + path, { headers: { origin: site.origin }, form, maxRedirects: 0 });
    assert.equal(answer.status(), 303, path);
    return answer.headers().location;
  };
  const body = `## ${"W".repeat(100)}\n\n| a | b |\n|---|---|\n| ${"x".repeat(100)} | [us](/contact) |`;
  const csv = `${"long".repeat(15)}@example.test\n`.repeat(2);
  const paths = [
    await post("/admin/issues/new", { subject: "M".repeat(100), body }),
    await post("/admin/subscribers/import", { csv, consent: "C".repeat(200) }),
  ];
  await context.close();
  return paths;
}

/** Pages that say why not, as the server writes them. */
async function refusals(request) {
  const post = (path, form, headers = {}) =>
    request.post(site.origin + path, {
      headers: { origin: site.origin, accept: "text/html", ...headers },
      ...form,
      maxRedirects: 0,
    });
  const typed = { name: "A", email: 'no"where', message: "\n<b>short</b>" };
  const [{ id }] = posts;
  const stranger = (await browser.newContext()).request;
  const late = { headers: { origin: site.origin }, form: { title: "x", body: "\n<b>y</b>", password: "z", submission: id } };
  return [
    ["post held", 403, await stranger.post(`${site.origin}/admin/posts/new`, late)],
    ["contact refused", 422, await post("/contact", { form: typed })],
    ["newsletter refused", 422, await post("/newsletter", { form: { email: "nowhere" } })],
    ["import refused", 422, await post("/admin/subscribers/import", { form: { csv: "nowhere" } })],
    ["issue refused", 422, await post("/admin/issues/new", { form: { subject: "" } })],
    ["sign-in refused", 422, await post("/sign-in", { form: {} })],
    ["post refused", 422, await post("/admin/posts/new", { form: { title: "x", status: "published" } })],
    ["edit refused", 422, await post(`/admin/posts/${id}/edit`, { form: { title: "" } })],
    ["note refused", 422, await post(`/admin/leads/${lead.id}/notes`, { form: { note: "" } })],
    ["notices refused", 422, await post("/admin/notices", { form: { time_zone: "x" } })],
    ["retry refused", 422, await post(`${mails[0]}/retry`, { form: {} })],
    ["drop refused", 422, await post("/admin/cache/drop", { form: { tag: "x" } })],
    ["another origin", 403, await post("/contact", { form: typed }, { origin: "https://elsewhere.example" })],
    ["malformed", 400, await post("/contact", { data: "name=%", headers: { "content-type": "multipart/form-data" } })],
    ["wrong method", 405, await post("/posts", { form: {} })],
    ["too large", 413, await post("/contact", { form: { message: "x".repeat(100_000) } })],
    ["wrong type", 415, await post("/contact", { data: "x" }, { "content-type": "text/plain" })],
  ];
}

/** Looks at pages that everybody sees, at a form that was refused, and at those of staff. */
function tour(options, paths, look) {
  return visit(browser, options, async (page) => {
    const walk = async (paths) => {
      for (const path of paths) {
        await page.goto(site.origin + path);
        await look(page, path);
      }
    };
    await walk(paths);
    // The form with something to say about each field.
    await page.goto(`${site.origin}/contact`);
    await page.getByRole("button", { name: "Send message" }).click();
    await page.getByRole("alert").waitFor();
    await look(page, "/contact, refused");
    await signIn(page, site.origin);
    await walk(staff);
  });
}

function arguments_(fields) {
  return Object.entries(fields).flatMap(([name, value]) => [`--${name}`, value]);
}
