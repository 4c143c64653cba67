// How the tests talk to a provider: each line on stdin is a command in JSON, each is answered by one line. The first line says
// where the provider is. It ends with its stdin.

import { createServer } from "node:http";
import { createInterface } from "node:readline";

/** Serves `handle` on a free port of this machine, and hands each command to `obey`. */
export function serve(handle, obey) {
  const server = createServer((request, response) => {
    Promise.resolve(handle(request, response)).catch((error) => {
      console.error(error);
      response.statusCode = 500;
      response.end();
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const issuer = `http://127.0.0.1:${server.address().port}`;
      console.log(JSON.stringify({ issuer }));
      const lines = createInterface({ input: process.stdin });
      lines.on("line", async (line) => console.log(JSON.stringify((await obey(JSON.parse(line))) ?? {})));
      lines.on("close", () => process.exit(0));
      resolve(issuer);
    });
  });
}

/** The body of a request, as text. */
export async function bodyOf(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}
