//! How numbers are written: in the editor, in psql, by programs. A number is acknowledged or its fate is unknown; in
//! either case the next one is tried.

use super::clients::{Clients, EDITORS, Holder, PROGRAMS, id, pages};
use super::history::mark;
use crate::support::{Chance, Person};
use reqwest::Method;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;

/// Milliseconds between two writes of one writer, at most.
const WRITING: u64 = 900;
/// What is never committed.
const NEVER: u32 = 999_999;

impl Clients<'_> {
    /// Writes until it is over. Whoever has a token looks at a page on every instance after each write: most often at
    /// the own.
    pub(super) async fn write_on(&self, holder: &Holder<'_>, key: &str) {
        let writer = holder.writer;
        let mut chance = self.chance(writer);
        let mut connection = None;
        while !(self.over)() {
            let number = self.history.borrow_mut().send(writer, self.clock.moment());
            let acknowledged = if EDITORS.contains(&writer) {
                self.edit(holder, number).await
            } else if PROGRAMS.contains(&writer) {
                self.add(holder, number, key).await
            } else {
                self.update(&mut connection, writer, number, &mut chance).await
            };
            if acknowledged {
                self.history.borrow_mut().acknowledge(writer, self.clock.moment());
            }
            if acknowledged && (EDITORS.contains(&writer) || PROGRAMS.contains(&writer)) {
                holder.number.set(number);
                let any = &pages()[chance.below(pages().len() as u64) as usize];
                let path = if chance.below(4) == 0 { any } else { &holder.place() };
                self.look_everywhere(holder, path).await;
            }
            tokio::time::sleep(Duration::from_millis(100 + chance.below(WRITING))).await;
        }
    }

    async fn edit(&self, holder: &Holder<'_>, number: u32) -> bool {
        let mark = mark(holder.writer, number);
        let (slug, topic) = (format!("w{:02}", holder.writer), format!("T{}", holder.writer % 4));
        let fields = [
            ("title", mark.as_str()),
            ("slug", &slug),
            ("summary", &mark),
            ("topic", &topic),
            ("body", &mark),
            ("status", "published"),
        ];
        let editor = format!("/admin/posts/{}/edit", id(holder.writer));
        let build = |person: &Person<'_>| {
            let request = person.request(Method::POST, &editor).form(&fields);
            request.header("origin", &self.site.name).header("sec-fetch-site", "same-origin")
        };
        let visit = self.ask_next(&holder.person, &build).await;
        let Some(visit) = self.succeeded(visit, 303) else { return false };
        assert_eq!(visit.answer.location, holder.place());
        true
    }

    async fn add(&self, holder: &Holder<'_>, number: u32, key: &str) -> bool {
        let (writer, mark) = (holder.writer, mark(holder.writer, number));
        // Each later than the one before and all of them old, so that the first pages stay the editors'.
        let second =
            format!("{:02}:{:02}:{:02}", number / 3600 % 24, number / 60 % 60, number % 60);
        let post = serde_json::json!({
            "title": mark,
            "slug": format!("w{writer}-{number}"),
            "topic": format!("W{writer}"),
            "body": mark,
            "status": "scheduled",
            "publish_at": format!("20{writer}-01-01T{second}Z"),
        });
        let build = |person: &Person<'_>| {
            person.request(Method::POST, "/api/v1/posts").json(&post).header("x-api-key", key)
        };
        let visit = self.ask_next(&holder.person, &build).await;
        let Some(visit) = self.succeeded(visit, 201) else { return false };
        *holder.token.borrow_mut() = Some(visit.answer.header("consistency-token").to_owned());
        true
    }

    async fn update(
        &self,
        connection: &mut Option<PgConnection>,
        writer: usize,
        number: u32,
        chance: &mut Chance,
    ) -> bool {
        let update = |number| {
            let mark = mark(writer, number);
            let set = format!("title = '{mark}', summary = '{mark}', body = '{mark}'");
            format!("update posts set {set} where slug = 'w{writer}'")
        };
        let (now, never) = (update(number), update(NEVER));
        let sql = match chance.below(4) {
            // Its transaction id is older than those of others that are committed before it.
            0 => {
                let pause = 10 + chance.below(300);
                format!("begin; {now}; select pg_sleep({pause} / 1000.0); commit")
            }
            1 => format!("begin; {never}; rollback; {now}"),
            _ => now,
        };
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => PgConnection::connect(&self.site.database).await,
        };
        let Ok(mut open) = open else { return self.failed() };
        if sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut open).await.is_err() {
            return self.failed();
        }
        *connection = Some(open);
        true
    }

    fn failed(&self) -> bool {
        self.counts.borrow_mut().failed += 1;
        false
    }
}
