// Takes the picture in the README anew: node screenshot.js

import { fileURLToPath } from "node:url";
import { openBrowser, openSite } from "./support.js";

const ends = [];
const atEnd = (end) => ends.push(end);
const [site, browser] = await Promise.all([openSite(atEnd), openBrowser(atEnd)]);
const page = await browser.newPage({ colorScheme: "light", viewport: { width: 1280, height: 800 } });
await page.goto(site.origin);
await page.screenshot({ path: fileURLToPath(new URL("../../docs/screenshot.png", import.meta.url)) });
await Promise.all(ends.map((end) => end()));
