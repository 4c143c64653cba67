// What a public linter has to say of docs/openapi.json, one line each; nothing is what is wanted.

import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({
  extends: ["recommended"],
  // Everything of ours is under the licence of the repository; headers that announce an end wait for something to end.
  rules: { "info-license": "off", "no-unused-components": "off" },
});
for (const { severity, ruleId, message, location } of await lint({ ref: "../../docs/openapi.json", config })) {
  console.log(`${severity} ${ruleId}: ${message} ${location[0]?.pointer ?? ""}`);
}
