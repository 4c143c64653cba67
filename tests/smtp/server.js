// A mail server that is not ours, for the Rust tests: node server.js plain|starttls|smtps
//
// Once it listens it says so in one line of JSON: its port and, with TLS, the certificate it made for itself. From then on
// each line on stdin is a command, and each is answered by one line:
//   {"set": {…}}      how to behave from now on: see `weather`
//   {"listen": bool}  whether anyone is here; whoever is connected is cut off when not
//   {"ask": "mails"}  every mail that was taken, parsed by a parser that is not ours either
//   {"ask": "counts"} how often each Message-ID was taken, and how many mails were handed in in all
// It ends with its stdin.

import PostalMime from "postal-mime";
import { createInterface } from "node:readline";
import { generate } from "selfsigned";
import { SMTPServer } from "smtp-server";

const mode = process.argv[2] ?? "plain";
const user = { name: "frontdesk", password: "p@ss word/ü" };

const weather = {
  busy: 0, // of so many per cent of recipients it says 450
  unknown: [], // of these addresses it says 550
  unwanted: [], // a mail to one of these has come in, and then it says 554
  slam: [], // when a mail to one of these has come in, it hangs up
  hang: [], // a mail to one of these is never answered
  closing: false, // it says 421 to every sender
  stall: false, // it takes mails and says nothing until this ends
  refuseAuth: false,
};

const taken = [];
const counts = new Map();
const stalled = [];
let handedIn = 0;
let chance = 1;

/** The same sequence in each run (Park and Miller). */
function percent() {
  chance = (chance * 48271) % 2147483647;
  return chance % 100;
}

function refusal(code, text) {
  return Object.assign(new Error(text), { responseCode: code });
}

const secure = mode === "plain" ? undefined : await generate([{ name: "commonName", value: "localhost" }], {
  keySize: 2048,
  algorithm: "sha256",
  extensions: [
    { name: "basicConstraints", cA: false },
    { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }, { type: 7, ip: "127.0.0.1" }] },
  ],
});

function open() {
  return new SMTPServer({
    ...(secure && { key: secure.private, cert: secure.cert }),
    secure: mode === "smtps",
    hideSTARTTLS: mode === "plain",
    authOptional: mode === "plain",
    disabledCommands: mode === "plain" ? ["AUTH"] : [],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 1,
    onAuth({ username, password }, _, done) {
      const known = !weather.refuseAuth && username === user.name && password === user.password;
      done(known ? null : refusal(535, "5.7.8 not you"), { user: username });
    },
    onMailFrom(_, session, done) {
      done(weather.closing ? refusal(421, "4.3.2 closing") : null);
    },
    onRcptTo({ address }, _, done) {
      if (weather.unknown.includes(address)) return done(refusal(550, "5.1.1 nobody of that name"));
      if (percent() < weather.busy) return done(refusal(450, "4.2.0 come back later"));
      done();
    },
    onData(stream, session, done) {
      const parts = [];
      stream.on("data", (part) => parts.push(part));
      stream.on("end", () => {
        handedIn++;
        const envelope = { from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map(({ address }) => address) };
        const isFor = (addresses) => envelope.to.some((address) => addresses.includes(address));
        if (isFor(weather.hang)) return;
        if (isFor(weather.unwanted)) return done(refusal(554, "5.7.1 not wanted"));
        if (isFor(weather.slam)) return hangUp(session.id);
        const take = () => {
          const raw = Buffer.concat(parts);
          const [, id] = raw.toString("latin1").match(/^message-id:\s*(\S+)/im) ?? [];
          counts.set(id, (counts.get(id) ?? 0) + 1);
          taken.push({ envelope, raw, secure: session.secure, user: session.user ?? null, hello: session.hostNameAppearsAs });
          done();
        };
        if (weather.stall) stalled.push(take);
        else take();
      });
    },
  });
}

let server;
let port = 0;

/** Ends one connection, or all. */
function hangUp(id) {
  for (const one of server.connections) if (!id || one.id === id) one._socket.destroy();
}

async function listen(wanted) {
  if (!wanted) {
    hangUp();
    return new Promise((closed) => server.close(closed));
  }
  server = open();
  server.on("error", () => {}); // connections that end are part of what is tested
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  port = server.server.address().port;
}

/** The head as it came: its lines, those that were folded in one. */
function head(raw) {
  const [text] = raw.toString("latin1").split("\r\n\r\n", 1);
  return text.replace(/\r\n[ \t]/g, " ").split("\r\n");
}

async function parsed({ raw, ...rest }) {
  const { from, to, replyTo, subject, messageId, text, html } = await PostalMime.parse(raw);
  return { ...rest, from, to, replyTo, subject, messageId, text, html, head: head(raw), raw: raw.toString("latin1") };
}

async function answer(command) {
  if (command.set) {
    Object.assign(weather, command.set);
    if (!weather.stall) for (const take of stalled.splice(0)) take();
  }
  if ("listen" in command) await listen(command.listen);
  if (command.ask === "mails") return Promise.all(taken.map(parsed));
  if (command.ask === "counts") return { handedIn, counts: Object.fromEntries(counts) };
  return {};
}

await listen(true);
console.log(JSON.stringify({ port, cert: secure?.cert ?? null }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
process.exit(0);
