// An identity provider that lies, for the Rust tests: like any other until it is told how to be. Commands (see talk.js):
//   {"be": {…}}       how to be from now on: see `be`
//   {"rotate": true}  another key from now on, and only that
//   {"ask": "seen"}   which of its places were asked, in order, since it was last told how to be

import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { bodyOf, serve } from "./talk.js";

const client = { id: "frontdesk", secret: "a secret: with / odd + characters" };
const codes = new Map(); // what was asked for by each code that has not been used
let generation = 0;
let key = freshKey();
const foreign = freshKey();
let seen = [];

let be = {};
const gently = {
  metadata: {}, // other things it says about itself; null: not at all
  answer: {}, // other things it gives people to bring back; null: not at all
  claims: {}, // other things its token says; null: not at all
  times: {}, // the same, in seconds from now
  header: {}, // other things that stand before them
  sign: "RS256", // or none, public (HMAC with the public key), secret (HMAC with the client's), sha512, foreign, broken, unsigned
  kid: true, // whether the header says which key
  keys: "good", // or none, two (a foreign one of the same name), symmetric, encryption, free (for whatever algorithm)
  access: "an-access-token",
  token: {}, // other things it answers for a code; null: not at all
  userinfo: {}, // what it says besides
  lenient: false, // whether a code is good more than once, and for anyone
  place: {}, // by path: html, text, 500, 404, empty, huge, endless, slow, redirect, cut
};

function freshKey() {
  generation += 1;
  return { ...generateKeyPairSync("rsa", { modulusLength: 2048 }), kid: `key-${generation}` };
}

const jwk = (from, kid = from.kid) => ({ ...from.publicKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid });

function keys() {
  switch (be.keys) {
    case "none":
      return [];
    case "two":
      return [jwk(key), jwk(foreign, key.kid)];
    case "symmetric":
      return [{ kty: "oct", k: Buffer.from("everyone knows").toString("base64url"), kid: key.kid, alg: "HS256" }];
    case "encryption":
      return [{ ...jwk(key), use: "enc", alg: "RSA-OAEP" }];
    case "free":
      return [changed(jwk(key), { alg: null })];
    default:
      return [jwk(key)];
  }
}

/** `object` with these instead; null takes one away. */
const changed = (object, changes) =>
  Object.fromEntries(Object.entries({ ...object, ...changes }).filter(([, value]) => value !== null));

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

function signature(input) {
  const spki = (type) => key.publicKey.export({ type: "spki", format: type });
  switch (be.sign) {
    case "none":
    case "unsigned":
      return "";
    case "public":
      return createHmac("sha256", spki("pem")).update(input).digest("base64url");
    case "secret":
      return createHmac("sha256", client.secret).update(input).digest("base64url");
    case "sha512":
      return sign("sha512", Buffer.from(input), key.privateKey).toString("base64url");
    case "foreign":
      return sign("sha256", Buffer.from(input), foreign.privateKey).toString("base64url");
    case "broken":
      return sign("sha256", Buffer.from(`${input}x`), key.privateKey).toString("base64url");
    default:
      return sign("sha256", Buffer.from(input), key.privateKey).toString("base64url");
  }
}

function idToken(asked) {
  const now = Math.floor(Date.now() / 1000);
  const alg = { none: "none", public: "HS256", secret: "HS256", sha512: "RS512" }[be.sign] ?? "RS256";
  const header = changed({ alg, typ: "JWT", ...(be.kid && { kid: key.kid }) }, be.header);
  const times = Object.fromEntries(Object.entries(be.times).map(([name, from]) => [name, now + from]));
  const said = {
    iss: issuer,
    sub: "mallory",
    aud: client.id,
    exp: now + 300,
    iat: now,
    nonce: asked.nonce,
    email: "mallory@example.test",
    email_verified: true,
    name: "Mallory",
    at_hash: createHash("sha256").update(be.access).digest().subarray(0, 16).toString("base64url"),
  };
  const input = `${encode(header)}.${encode({ ...changed(said, be.claims), ...times })}`;
  return `${input}.${signature(input)}`;
}

function grant(form, authorization) {
  const basic = Buffer.from(authorization?.split(" ")[1] ?? "", "base64").toString();
  const [id, secret] = basic.split(":").map((part) => decodeURIComponent(part.replaceAll("+", " ")));
  const asked = codes.get(form.get("code"));
  if (!be.lenient) codes.delete(form.get("code"));
  const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
  const proven = be.lenient || (asked?.method === "S256" && asked.challenge === challenge);
  const right = asked && id === client.id && secret === client.secret && proven && asked.redirect === form.get("redirect_uri");
  if (!right) return [400, { error: "invalid_grant" }];
  const said = { access_token: be.access, token_type: "Bearer", expires_in: 300, id_token: idToken(asked) };
  return [200, changed(said, be.token)];
}

function metadata() {
  const said = {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256", "HS256", "none"],
    authorization_response_iss_parameter_supported: true,
  };
  return changed(said, be.metadata);
}

function authorize(query) {
  const code = randomBytes(16).toString("hex");
  codes.set(code, {
    nonce: query.get("nonce"),
    challenge: query.get("code_challenge"),
    redirect: query.get("redirect_uri"),
    method: query.get("code_challenge_method"),
  });
  const back = new URL(query.get("redirect_uri"));
  const said = changed({ code, state: query.get("state"), iss: issuer }, be.answer);
  for (const [name, value] of Object.entries(said)) back.searchParams.set(name, value);
  return back.href;
}

/** Answers in a way that nobody should. */
function rudely(way, response) {
  const ways = {
    html: () => response.writeHead(200, { "content-type": "text/html" }).end("<!DOCTYPE html><h1>Hello</h1>"),
    text: () => response.writeHead(200, { "content-type": "application/json" }).end("not JSON"),
    empty: () => response.writeHead(200, { "content-type": "application/json" }).end(),
    500: () => response.writeHead(500, { "content-type": "application/json" }).end('{"error":"server_error"}'),
    404: () => response.writeHead(404, { "content-type": "text/plain" }).end("no"),
    huge: () => response.writeHead(200, { "content-type": "application/json" }).end(`{"x":"${"x".repeat(400_000)}"}`),
    endless: () => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = () => response.writable && response.write("x".repeat(100_000)) !== undefined && setTimeout(more, 10);
      more();
    },
    redirect: () => response.writeHead(307, { location: `${issuer}/elsewhere` }).end(),
    cut: () => response.writeHead(200, { "content-type": "application/json", "content-length": "900" }).write("{", () => response.destroy()),
    slow: () => {}, // for ever
  };
  ways[way]();
}

async function handle(request, response) {
  const url = new URL(request.url, issuer);
  const form = new URLSearchParams(await bodyOf(request));
  seen.push(url.pathname);
  if (be.place[url.pathname]) return rudely(be.place[url.pathname], response);
  const json = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  switch (url.pathname) {
    case "/.well-known/openid-configuration":
      return json(200, metadata());
    case "/jwks":
      return json(200, { keys: keys() });
    case "/auth":
      return response.writeHead(303, { location: authorize(url.searchParams) }).end();
    case "/token":
    case "/elsewhere":
      return json(...grant(form, request.headers.authorization));
    case "/userinfo":
      return json(200, changed({ sub: "mallory" }, be.userinfo));
    default:
      return json(404, {});
  }
}

let issuer;
be = gently;
issuer = await serve(handle, (command) => {
  if (command.be) {
    be = { ...gently, ...command.be };
    if (!command.quietly) seen = [];
  }
  if (command.rotate) key = freshKey();
  return command.ask ? { seen } : {};
});
