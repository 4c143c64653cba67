// Passkeys, where the browser has them. A form leads to a page with what a device is to sign; this asks the device, puts
// its answer into the form on that page, and sends it like any other. Where no script runs, all of it is out of sight.
{
  const named = /[a-z]/i.test(location.hostname.replace(/^\[.*/, "")); // a passkey belongs to a name, not to a number
  const able = Boolean(named && window.PublicKeyCredential && navigator.credentials);

  // Bytes travel as base64url, in both directions.
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => {
    const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
    return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };

  const read = (options) => {
    const withBytes = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));
    const read = { ...options, challenge: bytes(options.challenge) };
    if (options.user) read.user = { ...options.user, id: bytes(options.user.id) };
    if (options.excludeCredentials) read.excludeCredentials = withBytes(options.excludeCredentials);
    if (options.allowCredentials) read.allowCredentials = withBytes(options.allowCredentials);
    return read;
  };

  const written = ({ id, rawId, type, response }) => {
    const parts = ["attestationObject", "clientDataJSON", "authenticatorData", "signature", "userHandle"];
    const given = parts.filter((part) => response[part]).map((part) => [part, text(response[part])]);
    return JSON.stringify({ id, rawId: text(rawId), type, response: Object.fromEntries(given) });
  };

  const ask = async (place) => {
    if (place.dataset.asking) return; // a device is asked one thing at a time
    place.dataset.asking = "yes";
    const [form, problem] = [place.querySelector("form"), place.querySelector("[data-problem]")];
    problem.hidden = true;
    try {
      const publicKey = read(JSON.parse(place.dataset.options));
      form.elements.answer.value = written(await navigator.credentials[place.dataset.ceremony]({ publicKey }));
      form.requestSubmit();
    } catch {
      problem.hidden = false; // they have said no, or there is none; they may try again
    }
    delete place.dataset.asking;
  };

  const look = () => {
    if (!able) return;
    for (const part of document.querySelectorAll("[data-passkeys]")) part.hidden = part.dataset.passkeys !== "able";
    const place = document.querySelector("[data-ceremony]:not([data-seen])");
    if (!place) return;
    place.dataset.seen = "yes";
    ask(place);
  };

  // Before anyone else hears of it: without an answer there is nothing to send.
  addEventListener(
    "submit",
    (event) => {
      const place = event.target.closest("[data-ceremony]");
      if (!able || !place || event.target.elements.answer.value) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(place);
    },
    true,
  );

  // enhance.js puts another page here without loading it.
  new MutationObserver(look).observe(document.body, { childList: true });
  look();
}
