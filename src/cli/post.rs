//! `frontdesk post …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::posts::{self, Author, Draft, Listed};
use anyhow::Context;
use clap::Subcommand;
use serde_json::json;
use std::io::Read;

/// What can be done with posts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a post; its Markdown text comes on stdin.
    Add {
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
        #[arg(long, default_value = "")]
        summary: String,
        /// Whom the text is for: everyone, or members alone.
        #[arg(long, default_value = "everyone", value_parser = ["everyone", "members"])]
        audience: String,
        /// Have it published at once.
        #[arg(long)]
        publish: bool,
    },
    /// List the last posts, drafts included.
    List {
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        let author = Author::Operator(&operator);
        match self {
            Self::Add { title, topic, slug, summary, audience, publish } => {
                let mut body = String::new();
                std::io::stdin()
                    .read_to_string(&mut body)
                    .context("could not read the text from stdin")?;
                let status = if publish { "published" } else { "draft" };
                let fields = json!({
                    "title": title, "topic": topic, "slug": slug, "summary": summary, "body": body, "status": status,
                    "audience": audience,
                });
                let draft: Draft = serde_json::from_value(fields).map_err(anyhow::Error::from)?;
                let draft = Valid::check(draft)?;
                let post = record(app, &operator, async |tx| {
                    let post = posts::create(tx, &author, app.clock.id(), &draft).await?;
                    let line = Act::PostWritten.on("post", post.id);
                    let line = line.with("status", post.status.as_str());
                    Ok((post, line))
                });
                let post = post.await?;
                output.print(&post, || {
                    format!("{}  {}  {}\n", post.id, post.status.as_str(), post.slug)
                })
            }
            Self::List { limit } => {
                let found =
                    app.read(async |db| posts::list(db, &author, None, limit).await).await?;
                output.print(&found, || found.iter().map(line).collect())
            }
        }
    }
}

fn line(post: &Listed) -> String {
    format!("{}  {:<9}  {}  {}\n", post.id, post.status.as_str(), post.slug, post.title)
}
