// An identity provider that is not ours, for the Rust tests: the certified `oidc-provider`, with its own pages to sign in and to
// agree. Whoever signs in as NAME has the subject NAME. Commands (see talk.js):
//   {"open": {…}}     who may come: redirect_uri, algorithm of tokens, where people's addresses are told
//   {"people": {…}}   claims by name, beside the subject
//   {"rotate": true}  other keys from now on
//   {"ask": "events"} how often it has granted, and refused, a token

import { generateKeyPairSync, webcrypto } from "node:crypto";
import { serve } from "./talk.js";

// What Node has from 19 and 22 on.
globalThis.crypto ??= webcrypto;
URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
console.warn = console.info = () => {}; // its words about development are for others
const { Provider } = await import("oidc-provider");

let issuer;
let provider;
let people = {};
let wanted = {};
let generation = 0;
const events = { granted: 0, refused: [] };

function keys() {
  generation += 1;
  const make = (type, options, alg) => {
    const { privateKey } = generateKeyPairSync(type, options);
    return { ...privateKey.export({ format: "jwk" }), use: "sig", alg, kid: `${alg}-${generation}` };
  };
  return [
    make("rsa", { modulusLength: 2048 }, "RS256"),
    make("rsa", { modulusLength: 2048 }, "PS256"),
    make("ec", { namedCurve: "P-256" }, "ES256"),
    make("ed25519", {}, "EdDSA"),
  ];
}

function open() {
  const algorithm = wanted.algorithm ?? "RS256";
  provider = new Provider(issuer, {
    clients: [
      {
        client_id: "frontdesk",
        client_secret: "a secret: with / odd + characters",
        redirect_uris: [wanted.redirect_uri],
        response_types: ["code"],
        grant_types: ["authorization_code"],
        id_token_signed_response_alg: algorithm,
        token_endpoint_auth_method: wanted.method ?? "client_secret_basic",
      },
    ],
    clientAuthMethods: [wanted.method ?? "client_secret_basic"],
    pkce: { required: () => true },
    scopes: ["openid"],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: wanted.conform ?? true, // whether addresses are told at another place than in the token
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ["of the tests"] },
    jwks: { keys: keys() },
    renderError: (context, out) => {
      context.body = JSON.stringify(out);
    },
  });
  provider.on("grant.success", () => (events.granted += 1));
  provider.on("grant.error", (_, error) => events.refused.push(error.message));
}

function obey(command) {
  if (command.open) {
    wanted = command.open;
    open();
  }
  if (command.people) people = command.people;
  if (command.rotate) open();
  return command.ask ? events : {};
}

issuer = await serve((request, response) => {
  if (provider) return provider.callback()(request, response);
  response.statusCode = 503;
  response.end();
}, obey);
