// Signs as others do: one JSON document a line in, one signature a line out.
//   { "standard": secret, "id", "at", "body" }   by the reference library of Standard Webhooks
//   { "stripe": secret, "at", "body" }                by Stripe's own library
//   { "hmac": secret, "as": "hex" | "base64", "body" }   as GitHub and many others
// A body is in base 64, as it need not be text.
import { createHmac } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const body = Buffer.from(order.body, 'base64');
  if (order.hmac !== undefined) {
    console.log(createHmac('sha256', order.hmac).update(body).digest(order.as));
  } else if (order.stripe !== undefined) {
    const [payload, secret, timestamp] = [body.toString(), order.stripe, order.at];
    console.log(Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp }));
  } else if (body.equals(Buffer.from(body.toString()))) {
    console.log(new Webhook(order.standard).sign(order.id, new Date(order.at * 1000), body.toString()));
  } else {
    // The library takes text alone.
    const key = Buffer.from(order.standard.replace('whsec_', ''), 'base64');
    const signed = Buffer.concat([Buffer.from(`${order.id}.${order.at}.`), body]);
    console.log(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  }
}
