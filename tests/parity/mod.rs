//! The same, sent through every door: what is accepted has the same effect, and what is refused is refused for the same reason
//! in the same words, whether a form, a program, another program's event, a scheduler or the operator sends it.
//!
//! An [`Operation`] is a table: what is sent, and what is wrong with it. Each row goes through each door of the operation.

mod doors;
mod leads;
mod others;
mod posts;

use super::support::TestApp;
use futures_util::future::LocalBoxFuture;
use std::collections::BTreeMap;

/// Fields by the names that the API has for them.
type Fields = Vec<(&'static str, String)>;

/// What a door made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It is done. Says what the door answered, as far as that is the same for the same.
    Accepted(String),
    /// What is wrong, by field.
    Refused(BTreeMap<String, Vec<String>>),
    /// Whoever sent it has not shown that they may.
    Unauthorised,
    /// There is no such thing.
    NotFound,
    /// Too often; it is said when it is worth trying again.
    Throttled,
    /// What it needs is not set up.
    Off,
}

/// Something that arrives.
#[derive(Clone, Copy)]
struct Sent<'a> {
    fields: &'a Fields,
    /// From which address.
    from: &'a str,
    /// The id that a form on a live page carries.
    submission: &'a str,
}

/// A way in.
trait Door {
    /// What it is called where something is not as it should be.
    fn name(&self) -> String;

    /// Whether this can be said here at all.
    fn can_say(&self, _: &Fields) -> bool {
        true
    }

    /// Sends it.
    fn send<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Outcome>;

    /// Sends it as all those who may not.
    fn send_as_strangers<'a>(&'a self, sent: Sent<'a>) -> LocalBoxFuture<'a, Vec<Outcome>>;

    /// How often a minute one address may come. None for the operator, who could as well write to the database, and for a
    /// folder, which nobody sends.
    fn limit(&self) -> Option<usize>;
}

/// Something that can be sent, and what is to become of it.
struct Case {
    what: String,
    fields: Fields,
    /// The field that is wrong, and what is said about it; none where nothing is.
    wrong: Option<(&'static str, &'static str)>,
}

/// What can be done by several doors.
struct Operation<'a> {
    app: &'a TestApp,
    doors: Vec<Box<dyn Door + 'a>>,
    cases: Vec<Case>,
    /// What is there before.
    before: &'static str,
    /// A query that says what the effect is, apart from who had it by which door and when; nothing where there was none.
    effect: &'static str,
    /// Has it gone.
    undo: &'static str,
}

/// `base` with another value in one field, and what is wrong with that.
fn but(
    base: &Fields,
    field: &'static str,
    value: impl Into<String>,
    wrong: Option<(&'static str, &'static str)>,
) -> Case {
    let value = value.into();
    let what = format!("{field}: {:?}", value.chars().take(40).collect::<String>());
    let mut fields: Fields = base.iter().filter(|(name, _)| *name != field).cloned().collect();
    fields.push((field, value));
    Case { what, fields, wrong }
}

const CONTROL: &str = "Remove the invisible control characters from this text.";

/// What no line of text may be: each way in which it can be wrong, and what is said about it.
fn wrong_lines(
    base: &Fields,
    field: &'static str,
    most: usize,
    length: &'static str,
) -> impl Iterator<Item = Case> {
    let texts = [
        ("x".repeat(most + 1), length),
        ("A\u{0}nn".to_owned(), CONTROL),
        ("A\u{7}nn".to_owned(), CONTROL),
        ("Ann\nLi".to_owned(), CONTROL),
        ("Ann\u{85}Li".to_owned(), CONTROL),
    ];
    texts.map(|(text, said)| but(base, field, text, Some((field, said)))).into_iter()
}

impl Operation<'_> {
    /// Sends everything through every door and compares.
    async fn compare(&self) {
        assert!(self.doors.len() > 1, "there is nothing to compare");
        let (mut first, mut said_by) = (BTreeMap::new(), vec![0; self.doors.len()]);
        for (at, door) in self.doors.iter().enumerate() {
            for (number, case) in self.cases.iter().enumerate() {
                if !door.can_say(&case.fields) {
                    continue;
                }
                said_by[at] += 1;
                let what = format!("{} by {}", case.what, door.name());
                let effect = self.once(door.as_ref(), case, &what, (at, number)).await;
                let expected = first.entry(number).or_insert_with(|| effect.clone());
                assert_eq!(*expected, effect, "{what} is something else than by the first door");
            }
        }
        assert!(said_by.iter().all(|said| *said * 2 > self.cases.len()), "{said_by:?}");
    }

    /// One case at one door, twice where it is accepted: its effect.
    async fn once(
        &self,
        door: &dyn Door,
        case: &Case,
        what: &str,
        (at, number): (usize, usize),
    ) -> Vec<String> {
        self.app.psql(self.before).await;
        let from = format!("10.{at}.{}.{}", number / 250, number % 250 + 1);
        let submission = self.app.state.clock.id().to_string();
        let sent = Sent { fields: &case.fields, from: &from, submission: &submission };
        let outcome = door.send(sent).await;
        let effect = self.app.ask(self.effect).await;
        match case.wrong {
            Some((field, said)) => {
                let said = BTreeMap::from([(field.to_owned(), vec![said.to_owned()])]);
                assert_eq!(outcome, Outcome::Refused(said), "{what}");
                assert_eq!(effect, [""; 0], "{what}: refused, and done");
            }
            None => {
                assert!(matches!(outcome, Outcome::Accepted(_)), "{what}: {outcome:?}");
                assert!(!effect.is_empty(), "{what}: accepted, and not done");
                let again = door.send(sent).await;
                // Who sends no id along, and has seen what it was before, is told that it is another one by now.
                let is_stale =
                    matches!(&again, Outcome::Refused(said) if said.keys().eq(["version"]));
                assert!(again == outcome || is_stale, "{what}: once more: {again:?}");
                assert_eq!(self.app.ask(self.effect).await, effect, "{what}: done twice");
            }
        }
        self.app.psql(self.undo).await;
        effect
    }

    /// What is as these fields have it already: every door takes them, with nothing changed and nothing recorded.
    async fn is_so_already(&self, fields: &Fields) {
        let recorded = "select act from audit order by id";
        for (at, door) in self.doors.iter().enumerate() {
            self.app.psql(self.before).await;
            let before = self.app.ask(recorded).await;
            let (from, submission) = (format!("10.202.{at}.1"), self.app.state.clock.id());
            let submission = submission.to_string();
            let outcome = door.send(Sent { fields, from: &from, submission: &submission }).await;
            assert!(matches!(outcome, Outcome::Accepted(_)), "{}: {outcome:?}", door.name());
            assert_eq!(self.app.ask(self.effect).await, [""; 0], "{}", door.name());
            assert_eq!(self.app.ask(recorded).await, before, "{}", door.name());
            self.app.psql(self.undo).await;
        }
    }

    /// Nobody who may not has it done, and nobody has it done as often as they like.
    async fn guard(&self) {
        self.app.psql(self.before).await;
        let valid = self.cases.iter().find(|case| case.wrong.is_none()).unwrap();
        let wrong = self.cases.iter().find(|case| case.wrong.is_some()).unwrap();
        let submission = self.app.state.clock.id().to_string();
        for (at, door) in self.doors.iter().enumerate() {
            let from = format!("10.200.{at}.1");
            let sent = Sent { fields: &valid.fields, from: &from, submission: &submission };
            for outcome in door.send_as_strangers(sent).await {
                assert_eq!(outcome, Outcome::Unauthorised, "{}", door.name());
            }
            let Some(limit) = door.limit() else { continue };
            let from = format!("10.201.{at}.1");
            let sent = Sent { fields: &wrong.fields, from: &from, submission: &submission };
            let mut before = 0;
            // A place is free again every so often, so some more than the limit may come through.
            while !matches!(door.send(sent).await, Outcome::Throttled) {
                before += 1;
                assert!(before < limit * 3, "{} is never closed", door.name());
            }
            assert!(before >= limit, "{} is closed after {before}", door.name());
            let sent = Sent { fields: &valid.fields, ..sent };
            assert_eq!(door.send(sent).await, Outcome::Throttled, "{}", door.name());
        }
        assert_eq!(self.app.ask(self.effect).await, [""; 0], "by somebody who may not");
        self.app.psql(self.undo).await;
    }
}
