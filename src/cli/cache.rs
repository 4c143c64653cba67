//! `frontdesk cache …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::revalidation::{self, By, Revalidation};
use crate::tags::EVERYTHING;
use clap::{Args, Subcommand};

/// What can be done with kept pages.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Have pages rendered again, on every instance.
    Drop(Drop),
}

/// Which pages.
#[derive(Debug, Args)]
pub struct Drop {
    /// Those that depend on this: posts, post:ID, topics, topic:SLUG, page:NAME. May be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// The one at this address. May be given several times.
    #[arg(long = "path")]
    paths: Vec<String>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let Self::Drop(Drop { mut tags, paths, all }) = self;
        tags.extend(all.then(|| EVERYTHING.to_owned()));
        let asked = Valid::check(Revalidation { tags, paths })?;
        let operator = Operator::at_the_shell();
        let by = By::Operator(&operator);
        record(app, &operator, async |tx| {
            revalidation::revalidate(tx, &by, &asked).await?;
            let wanted = [asked.tags.as_slice(), &asked.paths].concat().join(" ");
            Ok(((), Act::PagesDropped.to("pages").with("tag", wanted)))
        })
        .await?;
        output.done("These pages are rendered again when they are next wanted.")
    }
}
