//! The doors: each says the same in its own language, and what it is answered is read back from it.

use super::super::support::{Answer, Person, Shell, TestApp};
use super::{Door, Fields, Outcome, Sent};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use reqwest::Method;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Who may not: somebody on another site.
const ELSEWHERE: &str = "https://elsewhere.example";

/// The fields, by their names at this door.
fn renamed<'a>(
    fields: &'a Fields,
    names: &'a [(&'a str, &'a str)],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    fields.iter().map(move |(name, value)| {
        let here = names.iter().find(|(known, _)| known == name).map_or(*name, |(_, here)| *here);
        (here, value.as_str())
    })
}

/// What was said by fields that are called something else here.
fn by_field(said: Vec<(String, String)>, names: &[(&str, &str)]) -> Outcome {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, message) in said {
        let known = names.iter().find(|(_, here)| *here == name);
        let name = known.map_or(name, |(known, _)| (*known).to_owned());
        fields.entry(name).or_default().push(message);
    }
    Outcome::Refused(fields)
}

fn is_throttled(answer: &Answer) -> bool {
    let again = answer.header("retry-after").parse::<u64>();
    assert_eq!(answer.status == 429, again.is_ok_and(|again| again > 0) && answer.status == 429);
    answer.status == 429
}

/// A form, in a browser.
pub struct Form<'a> {
    pub path: &'a str,
    pub who: Person<'a>,
    /// Somebody without an account, where the form is not for them.
    pub nobody: Option<Person<'a>>,
    pub limit: usize,
    pub names: &'a [(&'a str, &'a str)],
}

impl<'a> Form<'a> {
    /// A form for everybody.
    pub fn open(app: &'a TestApp, path: &'a str, limit: usize) -> Self {
        Self { path, who: app.eve(), nobody: None, limit, names: &[] }
    }

    /// A form for staff.
    pub fn of(ada: &Person<'a>, app: &'a TestApp, path: &'a str, limit: usize) -> Self {
        Self { path, who: ada.clone(), nobody: Some(app.eve()), limit, names: &[] }
    }

    fn pairs<'b>(&'b self, sent: Sent<'b>) -> Vec<(&'b str, &'b str)> {
        let mut pairs: Vec<_> = renamed(sent.fields, self.names).collect();
        if self.nobody.is_some() {
            pairs.push(("submission", sent.submission));
        }
        pairs
    }

    fn outcome(&self, answer: &Answer) -> Outcome {
        if is_throttled(answer) {
            answer.is_page(429);
            return Outcome::Throttled;
        }
        match answer.status {
            303 if answer.location.starts_with("/sign-in") => Outcome::Unauthorised,
            303 => Outcome::Accepted(answer.location.clone()),
            403 => Outcome::Unauthorised,
            404 => Outcome::NotFound,
            422 => by_field(summary(&answer.body), self.names),
            503 => Outcome::Off,
            other => panic!("{}: {other}: {}", self.path, answer.body),
        }
    }
}

/// What the summary of a form says, by field.
fn summary(body: &str) -> Vec<(String, String)> {
    let (_, list) = body.split_once(r#"id="error-summary-title""#).unwrap();
    let (list, _) = list.split_once("</ul>").unwrap();
    let said = list.split("<li").skip(1).map(|item| {
        let (name, rest) = match item.split_once("href=\"#") {
            Some((_, rest)) => rest.split_once("\">").unwrap(),
            None => ("", item.split_once('>').unwrap().1),
        };
        let text = rest.split("</").next().unwrap();
        let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
        (name.to_owned(), text.replace("&amp;", "&"))
    });
    said.collect()
}

impl Door for Form<'_> {
    fn name(&self) -> String {
        format!("the form {}", self.path)
    }

    fn send<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Outcome> {
        let pairs = self.pairs(sent);
        async move {
            let answer = self.who.coming_from(sent.from).post(self.path, &pairs).await;
            self.outcome(&answer)
        }
        .boxed_local()
    }

    fn send_as_strangers<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Vec<Outcome>> {
        async move {
            let pairs = self.pairs(sent);
            let who = self.who.coming_from(sent.from);
            let planted = who.request(Method::POST, self.path).form(&pairs);
            let planted =
                planted.header("sec-fetch-site", "cross-site").header("origin", ELSEWHERE);
            let mut outcomes = vec![self.outcome(&who.send(planted).await)];
            if let Some(nobody) = &self.nobody {
                let answer = nobody.coming_from(sent.from).post(self.path, &pairs).await;
                outcomes.push(self.outcome(&answer));
            }
            outcomes
        }
        .boxed_local()
    }

    fn limit(&self) -> Option<usize> {
        Some(self.limit)
    }
}

/// What a program proves itself by.
pub enum Proof {
    /// The site whose page the script stands on.
    Site(&'static str),
    /// A key, and one that is good for something else.
    Key(String, String),
}

/// A program that sends JSON.
pub struct Program<'a> {
    pub path: &'a str,
    pub who: Person<'a>,
    pub proof: Proof,
    pub limit: usize,
    /// Fields that are lists there.
    pub lists: &'a [&'a str],
}

impl Program<'_> {
    async fn ask(&self, sent: Sent<'_>, header: Option<(&str, &str)>) -> Answer {
        let value = |name: &str, value: &str| match self.lists.contains(&name) {
            true => Value::from(vec![value]),
            false => Value::from(value),
        };
        let fields = sent.fields.iter().map(|(name, text)| ((*name).to_owned(), value(name, text)));
        let who = self.who.coming_from(sent.from);
        let request = who.request(Method::POST, self.path).json(&fields.collect::<Map<_, _>>());
        let request = match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        who.send(request).await
    }
}

/// What a problem document says.
fn problem(problem: &Value) -> Vec<(String, String)> {
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}")).iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let name = |error: &Value| text(&error["pointer"]).trim_start_matches(['#', '/']).to_owned();
    errors.map(|error| (name(error), text(&error["detail"]))).collect()
}

/// What an answer in JSON means.
pub fn of_json(answer: &Answer) -> Outcome {
    if is_throttled(answer) {
        answer.is_problem(429);
        return Outcome::Throttled;
    }
    match answer.status {
        200..=202 => Outcome::Accepted(answer.json()["id"].as_str().unwrap_or_default().to_owned()),
        401 | 403 => {
            answer.is_problem(answer.status);
            Outcome::Unauthorised
        }
        404 => Outcome::NotFound,
        422 => by_field(problem(&answer.is_problem(422)), &[]),
        503 => Outcome::Off,
        other => panic!("{other}: {}", answer.body),
    }
}

impl Door for Program<'_> {
    fn name(&self) -> String {
        format!("a program at {}", self.path)
    }

    fn send<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Outcome> {
        let header = match &self.proof {
            Proof::Site(origin) => ("origin", *origin),
            Proof::Key(key, _) => ("x-api-key", key.as_str()),
        };
        async move { of_json(&self.ask(sent, Some(header)).await) }.boxed_local()
    }

    fn send_as_strangers<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Vec<Outcome>> {
        async move {
            match &self.proof {
                Proof::Site(_) => vec![of_json(&self.ask(sent, Some(("origin", ELSEWHERE))).await)],
                Proof::Key(_, other) => vec![
                    of_json(&self.ask(sent, None).await),
                    of_json(&self.ask(sent, Some(("x-api-key", other))).await),
                    of_json(&self.ask(sent, Some(("x-api-key", "fd_live_nonsense"))).await),
                ],
            }
        }
        .boxed_local()
    }

    fn limit(&self) -> Option<usize> {
        Some(self.limit)
    }
}

/// A program that changes what is there. What others say by a field, which state they have seen, it says by the tag of that.
pub struct Editor<'a> {
    pub app: &'a TestApp,
    pub path: &'a str,
    /// Where it reads what is there.
    pub source: &'a str,
    /// Its key, and one that is good for something else.
    pub keys: [String; 2],
    pub limit: usize,
    /// What it has to say besides.
    pub besides: &'a [(&'a str, &'a str)],
    pub seen: Option<Seen<'a>>,
    /// The tags it has read, by the submission they are for.
    pub tags: RefCell<BTreeMap<String, String>>,
}

/// A state that somebody has seen.
pub struct Seen<'a> {
    /// How others say it.
    pub field: &'a str,
    /// The states there can be. The first is the one that is there.
    pub states: &'a [&'a str],
    /// The statement that brings one about.
    pub brought_about: fn(&str) -> String,
    /// What others are told where it is another one by now.
    pub stale: &'a str,
}

impl Editor<'_> {
    /// The tag of the state that was seen, read when that was so.
    async fn tag(&self, sent: Sent<'_>) -> String {
        let Some(seen) = &self.seen else { return "*".to_owned() };
        if let Some(read) = self.tags.borrow().get(sent.submission) {
            return read.clone();
        }
        let (_, state) = sent.fields.iter().find(|(name, _)| *name == seen.field).unwrap();
        self.app.psql(&(seen.brought_about)(state)).await;
        let who = self.app.eve().coming_from(sent.from);
        let request = who.request(Method::GET, self.source).header("x-api-key", &self.keys[0]);
        let tag = who.send(request).await.header("etag").to_owned();
        assert!(!tag.is_empty(), "{} is not there", self.source);
        self.app.psql(&(seen.brought_about)(seen.states[0])).await;
        self.tags.borrow_mut().insert(sent.submission.to_owned(), tag.clone());
        tag
    }

    async fn ask(&self, sent: Sent<'_>, key: Option<&str>, tag: &str) -> Answer {
        let is_seen = |name: &str| self.seen.as_ref().is_some_and(|seen| seen.field == name);
        let fields = sent.fields.iter().map(|(name, text)| (*name, text.as_str()));
        let fields = fields.filter(|(name, _)| !is_seen(name)).chain(self.besides.iter().copied());
        let fields: Map<_, _> =
            fields.map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
        let who = self.app.eve().coming_from(sent.from);
        let request = who.request(Method::PATCH, self.path).json(&fields).header("if-match", tag);
        let request = request.header("idempotency-key", format!("\"{}\"", sent.submission));
        who.send(key.into_iter().fold(request, |request, key| request.header("x-api-key", key)))
            .await
    }
}

impl Door for Editor<'_> {
    fn name(&self) -> String {
        format!("a program that edits {}", self.path)
    }

    /// What nobody can have seen has no tag.
    fn can_say(&self, fields: &Fields) -> bool {
        let Some(seen) = &self.seen else { return true };
        fields.iter().all(|(name, value)| *name != seen.field || seen.states.contains(&&**value))
    }

    fn send<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Outcome> {
        async move {
            let tag = self.tag(sent).await;
            let answer = self.ask(sent, Some(&self.keys[0]), &tag).await;
            match (&self.seen, answer.status) {
                (Some(seen), 412) => {
                    answer.is_problem(412);
                    by_field(vec![(seen.field.to_owned(), seen.stale.to_owned())], &[])
                }
                _ => of_json(&answer),
            }
        }
        .boxed_local()
    }

    fn send_as_strangers<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Vec<Outcome>> {
        async move {
            let mut outcomes = Vec::new();
            for key in [None, Some(&*self.keys[1]), Some("fd_live_nonsense")] {
                outcomes.push(of_json(&self.ask(sent, key, "*").await));
            }
            outcomes
        }
        .boxed_local()
    }

    fn limit(&self) -> Option<usize> {
        Some(self.limit)
    }
}

/// The operator. Whoever has the shell may, and nobody counts.
pub struct Operator<'a> {
    pub app: &'a TestApp,
    pub command: &'a [&'a str],
    pub names: &'a [(&'a str, &'a str)],
    /// What is given without a name, in this order.
    pub places: &'a [&'a str],
    /// What comes on stdin.
    pub stdin: &'a str,
    /// What is said here by leaving it out, and only so.
    pub unsaid: &'a [(&'a str, &'a str)],
}

impl<'a> Operator<'a> {
    /// A command whose flags are called as the fields are.
    pub fn at(app: &'a TestApp, command: &'a [&'a str]) -> Self {
        Self { app, command, names: &[], places: &[], stdin: "", unsaid: &[] }
    }
}

/// What the shell says.
fn of_shell(shell: &Shell) -> Outcome {
    match shell.code {
        0 => Outcome::Accepted(shell.json()["id"].as_str().unwrap_or_default().to_owned()),
        1 if shell.json()["status"] == 404 => Outcome::NotFound,
        1 => by_field(problem(&shell.json()), &[]),
        _ => panic!("{}", shell.err),
    }
}

impl Door for Operator<'_> {
    fn name(&self) -> String {
        format!("frontdesk {}", self.command.join(" "))
    }

    /// No argument of a program can hold NUL.
    fn can_say(&self, fields: &Fields) -> bool {
        fields.iter().all(|(name, value)| {
            let only = self.unsaid.iter().find(|(unsaid, _)| unsaid == name);
            only.is_none_or(|(_, only)| only == value)
                && (*name == self.stdin || !value.contains('\0'))
        })
    }

    fn send<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Outcome> {
        let mut arguments: Vec<String> = self.command.iter().map(|&one| one.to_owned()).collect();
        let value = |name: &str| {
            let found = sent.fields.iter().find(|(known, _)| *known == name);
            found.map_or("", |(_, value)| value)
        };
        arguments.extend(self.places.iter().map(|place| value(place).to_owned()));
        for (name, value) in renamed(sent.fields, self.names) {
            let is_left_out = self.unsaid.iter().any(|(unsaid, _)| *unsaid == name);
            if name != self.stdin && !self.places.contains(&name) && !is_left_out {
                arguments.push(format!("--{}={value}", name.replace('_', "-")));
            }
        }
        arguments.push("--json".to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = of_shell(&self.app.cli(&arguments, value(self.stdin)));
        async move { outcome }.boxed_local()
    }

    fn send_as_strangers<'a>(&'a self, _: Sent<'a>) -> LocalBoxFuture<'a, Vec<Outcome>> {
        async { Vec::new() }.boxed_local()
    }

    fn limit(&self) -> Option<usize> {
        None
    }
}
