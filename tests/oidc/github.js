// As much of GitHub as signing in needs, for the Rust tests. Commands (see talk.js):
//   {"be": {…}}   who is signed in there, and how it is: see `be`
//   {"ask": "seen"}   what it was asked, in order

import { createHash, randomBytes } from "node:crypto";
import { bodyOf, serve } from "./talk.js";

const codes = new Map();
const tokens = new Set();
const seen = [];
let be = {
  user: { id: 583231, login: "octocat", name: "Mona Lisa", email: null },
  emails: [{ email: "mona@example.test", primary: true, verified: true, visibility: null }],
  iss: true, // whether it says who it is in answers, as it has since 2026
  apiStatus: 200,
  emailsStatus: 200,
};

function authorize(query) {
  const code = randomBytes(10).toString("hex");
  const [challenge, method] = [query.get("code_challenge"), query.get("code_challenge_method")];
  codes.set(code, { challenge, method, redirect: query.get("redirect_uri"), scope: query.get("scope") });
  const back = new URL(query.get("redirect_uri"));
  back.searchParams.set("code", code);
  back.searchParams.set("state", query.get("state"));
  if (be.iss) back.searchParams.set("iss", be.iss === true ? `${base}/login/oauth` : be.iss);
  return back.href;
}

/** GitHub says 200 whatever happens, and gives a form unless JSON is asked for. */
function exchange(form, accept) {
  const asked = codes.get(form.get("code"));
  codes.delete(form.get("code"));
  const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
  const known = form.get("client_id") === "frontdesk" && form.get("client_secret") === "a GitHub secret";
  if (!known) return { error: "incorrect_client_credentials" };
  if (!asked || asked.method !== "S256" || asked.challenge !== challenge) return { error: "bad_verification_code" };
  if (accept !== "application/json") throw new Error("not as JSON");
  const token = `gho_${randomBytes(18).toString("hex")}`;
  tokens.add(token);
  return { access_token: token, scope: asked.scope.replaceAll(" ", ","), token_type: "bearer" };
}

async function handle(request, response) {
  const url = new URL(request.url, base);
  const form = new URLSearchParams(await bodyOf(request));
  seen.push(`${request.method} ${url.pathname}`);
  const json = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (url.pathname === "/login/oauth/authorize") return response.writeHead(302, { location: authorize(url.searchParams) }).end();
  if (url.pathname === "/login/oauth/access_token") return json(200, exchange(form, request.headers.accept));
  const known = tokens.has(request.headers.authorization?.replace("Bearer ", "")) && request.headers["user-agent"];
  if (!known) return json(401, { message: "Bad credentials" });
  if (url.pathname === "/api/user") return json(be.apiStatus, be.user);
  if (url.pathname === "/api/user/emails") return json(be.emailsStatus, be.emails);
  return json(404, { message: "Not Found" });
}

let base;
base = await serve(handle, (command) => {
  if (command.be) be = { ...be, ...command.be };
  return command.ask ? { seen } : {};
});
