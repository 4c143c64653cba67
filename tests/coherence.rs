//! Whatever is changed, and by whomever: every kept page is what would be rendered now.
//!
//! Each column of each table that pages show is changed at random, with values the table allows, as a person in psql
//! would. After the next poll every page is compared with that of an instance that can keep nothing.

use super::cache::{HIT, confirmed};
use super::posts::many;
use super::support::{Chance, TestApp, with_settings};
use std::collections::HashMap;

const TABLES: [&str; 6] = ["posts", "post_slugs", "topics", "pages", "products", "settings"];
const ROUNDS: usize = 3;

impl Chance {
    fn word(&mut self) -> String {
        format!("word{}", self.below(1_000_000))
    }

    fn moment(&mut self) -> String {
        format!("timestamptz '2026-01-01' + {} * interval '1 minute'", self.below(500_000))
    }

    async fn row(&mut self, app: &TestApp, column: &str, table: &str) -> String {
        let rows = app.ask(&format!("select {column} from {table} order by 1")).await;
        rows[self.below(rows.len() as u64) as usize].clone()
    }
}

/// A statement that changes this column somewhere, as the table's rules allow.
async fn change(app: &TestApp, chance: &mut Chance, table: &str, column: &str) -> String {
    let (word, moment) = (chance.word(), chance.moment());
    match (table, column) {
        ("posts", "id") => {
            let id = chance.row(app, "id", "posts").await;
            format!(
                "create temp table kept as select slug from post_slugs where post_id = '{id}';
                 delete from post_slugs where post_id = '{id}';
                 with changed as (update posts set id = gen_random_uuid() where id = '{id}' returning id)
                 select id into temp new from changed;
                 insert into post_slugs select slug, id from kept, new"
            )
        }
        ("posts", _) => {
            let id = chance.row(app, "id", "posts").await;
            let value = match column {
                "slug" | "title" | "summary" | "body" => format!("'{word}'"),
                "topic" => {
                    let others =
                        format!("topics where slug <> (select topic from posts where id = '{id}')");
                    format!("'{}'", chance.row(app, "slug", &others).await)
                }
                "published_at" | "created_at" | "updated_at" => moment.clone(),
                "api_key_id" => "null".to_owned(),
                "appeared" => "not appeared".to_owned(),
                "audience" => {
                    format!("'{}'", ["everyone", "members", "paid"][chance.below(3) as usize])
                }
                "status" => {
                    let statuses = ["draft", "published", "archived", "published"];
                    let status = statuses[chance.below(4) as usize];
                    return format!(
                        "update posts set status = '{status}', published_at = coalesce(published_at, {moment}) where id = '{id}'"
                    );
                }
                unknown => panic!("what may stand in posts.{unknown}?"),
            };
            format!("update posts set {column} = {value} where id = '{id}'")
        }
        ("post_slugs", "slug") => {
            let slug = chance.row(app, "slug", "post_slugs").await;
            format!("update post_slugs set slug = '{word}' where slug = '{slug}'")
        }
        ("post_slugs", "post_id") => {
            let slug = chance.row(app, "slug", "post_slugs").await;
            let post = chance.row(app, "id", "posts").await;
            format!("update post_slugs set post_id = '{post}' where slug = '{slug}'")
        }
        ("topics", "slug" | "name" | "description") => {
            let slug = chance.row(app, "slug", "topics").await;
            format!("update topics set {column} = '{word}' where slug = '{slug}'")
        }
        ("pages", "name") => {
            "update pages set name = case name when 'home' then 'contact' else 'home' end"
                .to_owned()
        }
        ("pages", "title" | "body") => format!("update pages set {column} = '{word}'"),
        // One of another name is as if there were none.
        ("settings", "name") => {
            "update settings set name = case name when 'free-posts' then 'other' else 'free-posts' end"
                .to_owned()
        }
        ("settings", "value") => format!("update settings set value = '{}'", chance.below(101)),
        ("settings", "updated_at") => format!("update settings set updated_at = {moment}"),
        ("products", _) => {
            let id = chance.row(app, "id", "products").await;
            let value = match column {
                "id" => "gen_random_uuid()".to_owned(),
                "slug" | "title" | "text" => format!("'{word}'"),
                "kind" => "case kind when 'goods' then 'ticket' else 'goods' end".to_owned(),
                "currency" => "case currency when 'eur' then 'usd' else 'eur' end".to_owned(),
                "amount" | "position" => (1 + chance.below(10_000)).to_string(),
                "stock" => format!("sold + {}", chance.below(4)),
                "sold" => format!("stock - least(stock, {})", chance.below(4)),
                "active" => "not active".to_owned(),
                "happens_at" | "created_at" | "updated_at" => moment.clone(),
                unknown => panic!("what may stand in products.{unknown}?"),
            };
            format!("update products set {column} = {value} where id = '{id}'")
        }
        (table, unknown) => panic!("what may stand in {table}.{unknown}?"),
    }
}

/// Every page there is or was.
async fn pages(app: &TestApp) -> Vec<String> {
    let fixed =
        ["/", "/posts", "/posts?page=2", "/contact", "/contact/thanks", "/callers", "/shop"];
    let mut pages: Vec<String> = fixed.map(str::to_owned).into();
    pages.extend(
        app.ask(
            "select '/posts/' || slug from post_slugs union select '/posts/' || slug from posts",
        )
        .await,
    );
    pages.extend(app.ask("select '/topics/' || slug from topics").await);
    pages.extend(app.ask("select '/shop/' || slug from products").await);
    pages
}

#[test]
fn whichever_column_is_changed_every_page_follows() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("CACHE_MAX_BYTES", "1")];
    with_settings(&settings[..1], async |app| {
        many(app, 12).await;
        app.psql(
            "insert into topics values ('print', 'Print', ''), ('signs', 'Signs', 'On walls');
             update posts set topic = 'print' where right(slug, 1) in ('1', '4');
             update posts set slug = slug || '-renamed' where right(slug, 1) = '5';
             insert into pages values ('home', 'Hello', 'Words');
             insert into settings (name, value) values ('free-posts', '3');
             update posts set audience = 'paid' where right(slug, 1) in ('2', '7');
             insert into products (id, slug, title, kind, amount, currency, stock, sold, position) values
                (gen_random_uuid(), 'print', 'Print', 'goods', 2500, 'eur', 3, 1, 1),
                (gen_random_uuid(), 'workshop', 'Workshop', 'ticket', 8500, 'eur', 10, 0, 2)",
        )
        .await;
        let forgetful = app.instance_with(&settings[1..]).await;
        let columns = app
            .ask(&format!(
                "select table_name || '.' || column_name from information_schema.columns
                  where table_schema = 'public' and table_name in ('{}') order by 1",
                TABLES.join("', '")
            ))
            .await;
        let mut chance = Chance(20_260_113);
        let mut outcomes: HashMap<String, usize> = HashMap::new();
        for round in 0..ROUNDS * columns.len() {
            let (table, column) = columns[round % columns.len()].split_once('.').unwrap();
            let sql = change(app, &mut chance, table, column).await;
            app.psql(&sql).await;
            confirmed(app).await;
            let address = format!("10.0.{}.1", round); // one address may not come so often
            let eve = app.eve().coming_from(&address);
            let cold = forgetful.eve().asking_for(&app.origin).coming_from(&address);
            for path in pages(app).await {
                let (kept, rendered) =
                    futures_util::future::join(eve.get(&path), cold.get(&path)).await;
                assert_ne!(rendered.header("cache-status"), HIT);
                assert_eq!(
                    (kept.status, &kept.location, &kept.body),
                    (rendered.status, &rendered.location, &rendered.body),
                    "{path} after {sql}"
                );
                *outcomes.entry(kept.header("cache-status").to_owned()).or_default() += 1;
            }
        }
        assert!(outcomes[HIT] > 100, "some pages were kept: {outcomes:?}");
        assert!(outcomes["frontdesk; fwd=stale; stored"] > 100, "others changed: {outcomes:?}");
        forgetful.close().await;
    });
}
