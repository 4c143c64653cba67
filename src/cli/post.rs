//! `frontdesk post …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::{self, Valid};
use crate::services::posts::{self, Author, Draft, Listed, Summary};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Read;
use uuid::Uuid;

/// What can be done with posts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a post; its Markdown text comes on stdin.
    Add(Add),
    /// List the last posts, drafts included.
    List {
        /// Only those older than the post with this id.
        #[arg(long)]
        before: Option<Uuid>,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Show a post as a file that SYNC_FOLDER takes.
    Show(Which),
    /// Change what is given, and nothing else.
    Edit(Edit),
    /// Have a post published now.
    Publish(Which),
    /// Have a post published later.
    Schedule {
        #[command(flatten)]
        which: Which,
        /// When: RFC 3339, or as in "2027-01-31 09:00" (UTC).
        #[arg(long)]
        publish_at: String,
    },
    /// Withdraw a post; its address says so from now on.
    Archive(Which),
}

/// A post to be written.
#[derive(Debug, Args)]
pub struct Add {
    /// The heading.
    #[arg(long)]
    title: String,
    /// A topic's name; a new name is a new topic.
    #[arg(long)]
    topic: String,
    /// Its place in the address; made from the title if not given.
    #[arg(long)]
    slug: Option<String>,
    /// One sentence for lists.
    #[arg(long)]
    summary: Option<String>,
    /// Whom the text is for: everyone, members, or paid: those who pay. Everyone, if not given.
    #[arg(long)]
    audience: Option<String>,
    /// Have it published at once.
    #[arg(long, conflicts_with = "publish_at")]
    publish: bool,
    /// Have it published then: RFC 3339, or as in "2027-01-31 09:00" (UTC).
    #[arg(long)]
    publish_at: Option<String>,
}

/// A post.
#[derive(Debug, Args)]
pub struct Which {
    /// Its id, or its place in the address.
    post: String,
}

/// What is to be changed.
#[derive(Debug, Args)]
pub struct Edit {
    #[command(flatten)]
    which: Which,
    /// The heading.
    #[arg(long)]
    title: Option<String>,
    /// A topic's name; a new name is a new topic.
    #[arg(long)]
    topic: Option<String>,
    /// Its place in the address. The old one goes on leading to it.
    #[arg(long)]
    slug: Option<String>,
    /// One sentence for lists.
    #[arg(long)]
    summary: Option<String>,
    /// The text: it comes on stdin.
    #[arg(long)]
    body: bool,
    /// Whom the text is for: everyone, members, or paid.
    #[arg(long)]
    audience: Option<String>,
    /// Who may see it: draft, scheduled, published or archived.
    #[arg(long)]
    status: Option<String>,
    /// For a scheduled post: from when on.
    #[arg(long)]
    publish_at: Option<String>,
    /// The `updated_at` that you have seen: where the post was changed since, it stays as it is.
    #[arg(long)]
    version: Option<String>,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        let author = Author::Operator(&operator);
        let change = async |which: &Which, changes: Value| {
            edit(app, output, &operator, which, &changes).await
        };
        match self {
            Self::Add(new) => add(app, output, &operator, new).await,
            Self::List { before, limit } => {
                let found =
                    app.read(async |db| posts::list(db, &author, before, limit).await).await?;
                output.print(&found, || found.iter().map(line).collect())
            }
            Self::Show(Which { post }) => {
                let found = app.read(async |db| {
                    let id = posts::named(&mut *db, &author, &post).await?;
                    posts::stored(db, &author, id).await
                });
                let found = found.await?;
                output.print(&found, || posts::to_file(&found))
            }
            Self::Edit(given) => change(&given.which, given.changes()?).await,
            Self::Publish(which) => change(&which, json!({ "status": "published" })).await,
            Self::Schedule { which, publish_at } => {
                change(&which, json!({ "status": "scheduled", "publish_at": publish_at })).await
            }
            Self::Archive(which) => change(&which, json!({ "status": "archived" })).await,
        }
    }
}

async fn add(app: &App, output: &Output, operator: &Operator, new: Add) -> Result<(), Refused> {
    let Add { title, topic, slug, summary, audience, publish, publish_at } = new;
    let status = match (publish, &publish_at) {
        (true, _) => "published",
        (false, Some(_)) => "scheduled",
        (false, None) => "draft",
    };
    let draft: Valid<Draft> = input::decode(json!({
        "title": title, "topic": topic, "slug": slug, "summary": summary, "body": on_stdin()?, "status": status,
        "audience": audience, "publish_at": publish_at,
    }))?;
    let post = record(app, operator, async |tx| {
        let post = posts::create(tx, &Author::Operator(operator), app.clock.id(), &draft).await?;
        let line = Act::PostWritten.on("post", post.id);
        let line = line.with("status", post.status.as_str());
        Ok((post, line))
    });
    shown(output, &post.await?)
}

/// Changes a post. What is not named among the `changes` is as it was when we looked, in the same transaction.
async fn edit(
    app: &App,
    output: &Output,
    operator: &Operator,
    which: &Which,
    changes: &Value,
) -> Result<(), Refused> {
    let author = Author::Operator(operator);
    let post = record(app, operator, async |tx| {
        let id = posts::named(&mut *tx, &author, &which.post).await?;
        let mut fields = posts::stored(&mut *tx, &author, id).await?.as_draft();
        if let (Some(fields), Some(changes)) = (fields.as_object_mut(), changes.as_object()) {
            fields.extend(changes.clone());
        }
        let draft: Valid<Draft> = input::decode(fields)?;
        let post = posts::update(tx, &author, id, &draft).await?;
        let line = Act::PostEdited.on("post", id).with("status", post.status.as_str());
        Ok((post, line))
    });
    shown(output, &post.await?)
}

impl Edit {
    /// The fields that are given, as they are typed.
    fn changes(&self) -> Result<Value, Refused> {
        let body = if self.body { Some(on_stdin()?) } else { None };
        let given = [
            ("title", &self.title),
            ("topic", &self.topic),
            ("slug", &self.slug),
            ("summary", &self.summary),
            ("body", &body),
            ("audience", &self.audience),
            ("status", &self.status),
            ("publish_at", &self.publish_at),
            ("version", &self.version),
        ];
        let given = given.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
        Ok(given.map(|(name, text)| (name.to_owned(), json!(text))).collect())
    }
}

fn on_stdin() -> Result<String, Refused> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("could not read the text from stdin")?;
    Ok(text)
}

fn shown(output: &Output, post: &Summary) -> Result<(), Refused> {
    output.print(post, || format!("{}  {}  {}\n", post.id, post.status.as_str(), post.slug))
}

fn line(post: &Listed) -> String {
    format!("{}  {:<9}  {}  {}\n", post.id, post.status.as_str(), post.slug, post.title)
}
