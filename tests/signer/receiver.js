// A receiver of webhooks that is not ours, for the Rust tests: node receiver.js
//
// It listens with TLS at 127.0.0.1, where it is allowed to be, and at 127.0.0.2, where nobody may come, and verifies what comes by the
// reference library of Standard Webhooks. Once it listens it says so in one line of JSON: its port and the certificate it made for
// itself. From then on each line on stdin is a command, and each is answered by one line:
//   {"set": {"/path": {…}}}   how to answer there: see `answer`
//   {"secrets": {"/path": […]}}   what is to be signed with; each has to verify by itself
//   {"ask": "log"}            every request, in the order in which it came
// It ends with its stdin.

import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { generate } from 'selfsigned';
import { Webhook } from 'standardwebhooks';

const names = ['localhost', 'hook.example', 'moving.example'].map((value) => ({ type: 2, value }));
const secure = await generate([{ name: 'commonName', value: 'localhost' }], {
  keySize: 2048,
  algorithm: 'sha256',
  extensions: [
    { name: 'basicConstraints', cA: false },
    { name: 'subjectAltName', altNames: [...names, { type: 7, ip: '127.0.0.1' }, { type: 7, ip: '127.0.0.2' }] },
  ],
});

const weather = {};
const secrets = {};
const log = [];
let chance = 1;

/** The same sequence in each run (Park and Miller). */
function percent() {
  chance = (chance * 48271) % 2147483647;
  return chance % 100;
}

/** What is answered; nothing at all where it stalls. */
function answer(path, count) {
  const how = weather[path] ?? {};
  if (how.goneAfter !== undefined && count > how.goneAfter) return [410, {}, 'No more.'];
  if (how.stallEach && count % how.stallEach === 20) return undefined;
  let drawn = percent();
  for (const [kind, made] of [
    ['stall', () => undefined],
    ['fail', () => [500, {}, 'Something went wrong with ann@example.test']],
    ['busy', () => [503, { 'retry-after': '2' }, 'Later.']],
    ['redirect', () => [302, { location: how.to }, '']],
  ]) {
    if (drawn < (how[kind] ?? 0)) return made();
    drawn -= how[kind] ?? 0;
  }
  return [how.status ?? 200, how.headers ?? {}, how.body ?? 'Thank you.'];
}

function verified(path, body, headers) {
  const keys = secrets[path] ?? [];
  return keys.length > 0 && keys.every((key) => {
    try {
      new Webhook(key).verify(body, headers);
      return true;
    } catch {
      return false;
    }
  });
}

const counts = {};
function serve(host) {
  return createServer({ key: secure.private, cert: secure.cert }, (request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      const [body, path] = [Buffer.concat(pieces).toString(), request.url];
      counts[path] = (counts[path] ?? 0) + 1;
      const answered = answer(path, counts[path]);
      const id = request.headers['webhook-id'];
      const at = Number(request.headers['webhook-timestamp']);
      log.push({
        host, path, id, at, status: answered?.[0] ?? null, verified: verified(path, body, request.headers),
        signatures: request.headers['webhook-signature']?.split(' ').length, event: JSON.parse(body || 'null'),
      });
      if (answered) response.writeHead(answered[0], answered[1]).end(answered[2]);
    });
  });
}

const listen = (server, port, host) => new Promise((done, failed) => {
  server.once('error', failed).listen(port, host, () => done(server.address().port));
});

const port = await listen(serve('127.0.0.1'), 0, '127.0.0.1');
await listen(serve('127.0.0.2'), port, '127.0.0.2');
console.log(JSON.stringify({ port, cert: secure.cert }));

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  Object.assign(weather, command.set);
  Object.assign(secrets, command.secrets);
  console.log(JSON.stringify(command.ask === 'log' ? log : {}));
}
process.exit(0);
