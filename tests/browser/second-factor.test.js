// A second factor in a real browser, with an app that is not ours: it reads the picture, and makes codes by itself.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import jsQR from "jsqr";
import { PNG } from "pngjs";
import { fill, heading, openBrowser, openSite, owner, press, signIn, visit } from "./support.js";

const [site, browser] = await Promise.all([openSite(), openBrowser()]);

/** What a camera makes of the picture on the page. */
async function read(page) {
  const { data, width, height } = PNG.sync.read(await page.locator("svg.qr").screenshot());
  return new URL(jsQR(new Uint8ClampedArray(data), width, height).data);
}

/** The code of a moment (RFC 6238). */
function code(address, ahead = 0) {
  const bits = [...address.searchParams.get("secret")]
    .map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac("sha1", secret).update(step).digest();
  const at = digest.at(-1) & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, "0");
}

for (const [how, options] of [
  ["with JavaScript, in the light", { js: true, colorScheme: "light" }],
  ["without JavaScript, in the dark", { js: false, colorScheme: "dark", viewport: { width: 320, height: 640 } }],
]) {
  test(`a second factor is set up, asked for and turned off ${how}`, () =>
    visit(browser, options, async (page) => {
      await signIn(page, site.origin);
      await page.goto(`${site.origin}/account/two-factor`);
      await press(page, "Set it up");
      await heading(page, "Set up an app");
      const address = await read(page);
      assert.equal(address.protocol, "otpauth:");
      assert.match(decodeURIComponent(address.pathname), /owner@example\.com$/);
      assert.equal(await page.getByRole("link", { name: "open it on this device" }).getAttribute("href"), address.href);
      await fill(page, { code: "12345" });
      await press(page, "Turn it on");
      await page.getByRole("alert").waitFor();
      assert.equal(await page.locator("#code").inputValue(), ""); // a secret, as a password is
      await fill(page, { code: code(address) });
      await press(page, "Turn it on");
      await heading(page, "Your recovery codes");
      const [recovery] = await page.locator(".recovery-codes code").allInnerTexts();
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "Save them as a text" }).click({ force: true }),
      ]);
      assert.equal(file.suggestedFilename(), "recovery-codes.txt");
      await press(page, "I have kept them");
      await page.getByText("10 left").waitFor();

      await press(page, "Sign out");
      await page.waitForURL(`${site.origin}/`);
      await page.goto(`${site.origin}/admin/leads`);
      await fill(page, owner);
      await press(page, "Sign in");
      await heading(page, "Your code");
      await fill(page, { code: "000000" });
      await press(page, "Sign in");
      await page.getByRole("alert").waitFor();
      await fill(page, { code: code(address, 1) });
      await press(page, "Sign in");
      await heading(page, "Leads");

      await page.goto(`${site.origin}/account/two-factor/off`);
      await fill(page, { code: recovery });
      await press(page, "Turn it off");
      await page.getByText("Your second factor is off.").waitFor();
    }));
}
