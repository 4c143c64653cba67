// Forms without a page load. Takes exactly the answers every browser gets: a redirect, or the page with the form again.
// Whatever is not one of these goes the browser's own way. Sending twice does no harm: the server knows a repeat.
{
  const $ = (selector, root = document) => root.querySelector(selector);
  let shownAt = performance.now(); // when the visitor got to see this page
  let shown = location.pathname + location.search; // the address whose content is on the screen
  let pending = null; // { form, button, label } while an answer is awaited
  let leaving = false; // on the way to another page, which cancels what is awaited

  // How the visitor found us, remembered from the first page of the visit.
  const origin = () => {
    try {
      const kept = sessionStorage.getItem("origin");
      if (kept) return JSON.parse(kept);
      // What stands in a mailed link is nobody's business but its reader's.
      const landing = location.pathname.replace(/\/[0-9a-f]{64}$/, "");
      const first = { landing_page: landing, referrer: document.referrer };
      for (const [name, value] of new URLSearchParams(location.search)) {
        if (name.startsWith("utm_")) first[name] ??= value;
      }
      sessionStorage.setItem("origin", JSON.stringify(first));
      return first;
    } catch {
      return {}; // storage is off: the form works without
    }
  };
  origin();

  const fillOrigin = (form) => {
    const input = (name) => $(`input[type=hidden][name="${CSS.escape(name)}"]`, form);
    if (!input("landing_page")) return;
    for (const [name, value] of Object.entries(origin())) {
      if (input(name)) input(name).value ||= value.slice(0, 500);
    }
    if (input("elapsed_ms")) input("elapsed_ms").value = Math.round(performance.now() - shownAt);
  };

  // The body as the browser would send it: submitter included, line breaks as CRLF.
  const bodyOf = (form, submitter) => {
    const data = new FormData(form, submitter);
    if (form.enctype === "multipart/form-data") return data;
    const body = new URLSearchParams();
    for (const [name, value] of data) {
      body.append(name, (value.name ?? value).replace(/\r\n?|\n/g, "\r\n"));
    }
    return body;
  };

  // A word about what was done, for the page that is loaded next.
  const keepWord = (word) => {
    try {
      if (word) sessionStorage.setItem("word", word);
    } catch {
      // Storage is off: what was done is there to be seen.
    }
  };
  const sayWord = () => {
    try {
      const word = sessionStorage.getItem("word");
      sessionStorage.removeItem("word");
      if (!word || $("main .flash")) return;
      const flash = document.createElement("p");
      flash.className = "flash";
      flash.setAttribute("role", "status");
      flash.textContent = word;
      $("main").prepend(flash);
    } catch {
      // As above.
    }
  };
  sayWord();

  const wait = (form, button) => {
    pending = { form, button, label: button?.textContent };
    form.setAttribute("aria-busy", "true");
    if (!button) return;
    button.setAttribute("aria-disabled", "true"); // not `disabled`, which would lose the focus
    if (button.dataset.pending) button.textContent = button.dataset.pending;
  };

  const release = () => {
    if (!pending) return;
    const { form, button, label } = pending;
    pending = null;
    form.removeAttribute("aria-busy");
    button?.removeAttribute("aria-disabled");
    if (button) button.textContent = label;
  };

  const say = (text) => {
    $("#announcer").textContent = text;
  };

  const focus = (element) => {
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
  };

  const put = (page, selector) => {
    const [old, fresh] = [$(selector), $(selector, page)];
    if (old && fresh) old.replaceWith(document.adoptNode(fresh));
  };

  // After a redirect: the page that it led to, with history, scroll and focus as after a click.
  const arrive = (page, url) => {
    const here = url.pathname + url.search;
    history[here === shown ? "replaceState" : "pushState"](null, "", url);
    shown = here;
    shownAt = performance.now();
    put(page, "header");
    put(page, "main");
    document.title = page.title;
    const target = url.hash && document.getElementById(decodeURIComponent(url.hash.slice(1)));
    focus(target || $("main h1") || $("main"));
    if (target) target.scrollIntoView();
    else scrollTo({ top: 0, behavior: "instant" });
  };

  // Refused: the same form with what is wrong, or, where the answer has no form or the form stands on every page, its
  // words above the one that was sent, so that nothing typed is lost and the page stays.
  const refuse = (page, form) => {
    if (!form.closest("footer") && $("main form[method=post]", page)) {
      $("main [autofocus]", page)?.removeAttribute("autofocus"); // it is for a page that loads; the console would complain
      put(page, "main");
    } else {
      $("#error-summary")?.remove();
      const notice = document.createElement("div");
      notice.id = notice.className = "error-summary";
      notice.setAttribute("role", "alert");
      const said = $("#error-summary", page) ? "#error-summary h2, #error-summary li" : "main h1, main .lede";
      for (const part of page.querySelectorAll(said)) {
        const line = document.createElement(part.localName.startsWith("h") ? "h2" : "p");
        line.textContent = part.textContent;
        notice.append(line);
      }
      form.prepend(notice);
    }
    document.title = page.title;
    const summary = $("#error-summary") ?? $("main h1");
    focus(summary);
    summary.scrollIntoView({ block: "nearest" });
  };

  // The browser's own way. form.submit() leaves the submitter out, so its value goes along as a hidden input.
  const native = (form, submitter) => {
    release();
    const extra = document.createElement("input");
    Object.assign(extra, { type: "hidden", name: submitter?.name ?? "", value: submitter?.value ?? "" });
    if (extra.name) form.append(extra);
    HTMLFormElement.prototype.submit.call(form);
    extra.remove();
  };

  const send = async (form, submitter, action, body) => {
    let arrived = null;
    try {
      const answer = await fetch(action, {
        method: "POST",
        body,
        redirect: "follow",
        credentials: "same-origin",
        headers: { Accept: "text/html" },
      });
      const url = new URL(answer.url);
      url.hash = new URL(action).hash; // a redirect inherits the fragment of the address it answers
      if (answer.redirected) arrived = url;
      const refused = answer.status >= 400 && answer.status < 500;
      if (!answer.headers.get("content-type")?.startsWith("text/html")) throw 0;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!$("main", page) || (!arrived && !refused)) throw 0;
      // A new release needs its own stylesheet, and some pages a script of their own. A session that has ended needs a
      // real page, so that Back leads to the form as it was filled in. A frame needs a policy that this page does not
      // have, and so does a form that the browser sends because it leads elsewhere.
      const sheet = (root) => $("link[rel=stylesheet]", root)?.getAttribute("href");
      const brought = (root) => [...root.scripts].map((script) => script.getAttribute("src"));
      const missing = brought(page).some((script) => !brought(document).includes(script));
      const own = missing || sheet(page) !== sheet(document) || $("main :is([type=password], iframe, [data-native])", page);
      if (arrived && own) {
        keepWord($("main .flash", page)?.textContent); // it is said once, and the page is asked for once more
        throw 0;
      }
      release();
      arrived ? arrive(page, url) : refuse(page, form);
      say(page.title);
    } catch {
      if (leaving) return;
      if (!arrived) return native(form, submitter);
      arrived.hash = ""; // the effect is done: go where it led, by a real load even if that is here
      location.assign(arrived);
    }
  };

  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || !form.matches("form[method=post]:not([data-native])")) return;
    if (submitter?.matches("[formaction], [formmethod], [formenctype], [formtarget]")) return;
    if (pending) return event.preventDefault();
    let action, body;
    try {
      fillOrigin(form);
      action = new URL(form.getAttribute("action") || location.href, location.href).href;
      body = bodyOf(form, submitter);
      if (!fetch || !DOMParser || !$("#announcer") || new URL(action).origin !== location.origin) return;
    } catch {
      return; // something this needs is missing; the browser goes on by itself
    }
    event.preventDefault();
    wait(form, submitter ?? $("button[type=submit]", form));
    say((submitter ?? form).dataset.pending ?? "");
    send(form, submitter, action, body);
  });

  // A part of a page that says that it changes by itself is fetched again for as long as it says so.
  setInterval(async () => {
    const part = $("[data-live]");
    if (!part || pending || document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok && !answer.redirected && part.isConnected) put(page, `#${CSS.escape(part.id)}`);
    } catch {
      // the next time
    }
  }, 2000);

  // Back and forward between pages that were put here by script. A mere change of the fragment is not one.
  addEventListener("popstate", () => {
    if (location.pathname + location.search !== shown) location.reload();
  });

  // Back on this page as it was left: nothing is awaited any more.
  addEventListener("pagehide", () => (leaving = true));
  addEventListener("pageshow", () => {
    leaving = false;
    release();
  });
}
