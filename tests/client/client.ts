// A partner's program, written against the types that a public generator makes of docs/openapi.json: what the description does
// not say does not compile. It is started with the site's origin and a key, says in one line of JSON what it has found, and
// ends with an error where an answer is another one than described.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[]; stdout: { write(text: string): void } };

type Lead = components["schemas"]["Lead"];

const [, , origin = "", key = ""] = process.argv;
const api = createClient<paths>({ baseUrl: origin, headers: { "x-api-key": key } });

function must<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`no ${what}`);
  return value;
}

// The same request, twice: one lead, one answer.
async function handIn(number: number): Promise<{ lead: Lead; etag: string; replayed: boolean }> {
  const send = () =>
    api.POST("/api/v1/leads", {
      params: { header: { "Idempotency-Key": `"order-${number}"` } },
      body: { name: "Ann Li", email: `ann${number}@example.test`, message: `Could you paint boat ${number}?` },
    });
  const [first, second] = [await send(), await send()];
  const lead = must(first.data, "lead");
  if (second.data?.id !== lead.id) throw new Error("two leads");
  const etag = must(first.response.headers.get("etag"), "ETag");
  return { lead, etag, replayed: second.response.headers.get("idempotent-replayed") === "true" };
}

// Part by part, by the cursor that each part ends with.
async function everyLead(): Promise<Lead[]> {
  const all: Lead[] = [];
  let after: string | undefined;
  do {
    const query = after === undefined ? { limit: 2 } : { limit: 2, after };
    const { data } = await api.GET("/api/v1/leads", { params: { query } });
    const part = must(data, "list");
    all.push(...part.items);
    after = part.next ?? undefined;
  } while (after !== undefined);
  return all;
}

const handedIn = [await handIn(1), await handIn(2), await handIn(3)];
const { lead, etag } = must(handedIn[0], "lead");
const listed = await everyLead();

const at = { path: { id: lead.id } };
const change = (ifMatch: string) =>
  api.PATCH("/api/v1/leads/{id}", {
    params: { ...at, header: { "If-Match": ifMatch } },
    body: { status: "contacted", note: "Rang her." },
  });
const changed = must((await change(etag)).data, "lead");
const stale = must((await change(etag)).error, "problem");

// A member of the wrong length is known to the server alone; its problem says which.
const { error } = await api.POST("/api/v1/leads", { body: { name: "A", email: "ann@example.test", message: "Too short" } });
const problem = must(error, "problem");
const limits = (await api.GET("/api/v1/posts")).response.headers.get("ratelimit-policy");

process.stdout.write(
  JSON.stringify({
    replayed: handedIn.every(({ replayed }) => replayed),
    listed: listed.map(({ email }) => email),
    status: changed.status,
    stale: stale.status,
    pointers: problem.errors?.map(({ pointer }) => pointer),
    limits,
  }) + "\n",
);
