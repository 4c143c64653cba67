//! A folder of Markdown files becomes posts.
//!
//! A file is known by its path and told from its last version by its hash: what has not changed is not touched, so a run that
//! stopped half way goes on where it was. A post stays when its file goes, and says what its file says once that changes,
//! whatever was done to it in the editor. What cannot become a post is said, file by file, after all others are done.

use super::{Plan, Progress, Turn};
use crate::error::{Error, FieldErrors, Result};
use crate::policies::Operator;
use crate::services::posts::{self, Author};
use crate::services::sync::{self, Synced};
use anyhow::Context;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When it is due.
pub const PLAN: Plan = Plan::hourly("Posts from files").skipped_after(Duration::from_secs(30 * 60));

/// No post is larger.
const LARGEST: u64 = 1024 * 1024;

/// What a file has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    New,
    Changed,
    Unchanged,
}

/// Goes through the files in the order of their names.
///
/// # Errors
/// A folder that cannot be read; [`Error::Invalid`], by file, where some were no posts.
pub async fn run(turn: &mut Turn<'_>) -> Result<Progress> {
    let Some(folder) = turn.app().config.sync_folder.clone() else { return Ok(Progress::Finished) };
    let listed = folder.clone();
    let names = in_background(move || names(&listed)).await?;
    let (mut refused, mut changed) = (FieldErrors::new(), false);
    for name in names {
        // At least one file further than last time, however long it takes to see what has not changed.
        if changed && !turn.has_time() {
            return Ok(Progress::Unfinished);
        }
        match file(turn, &folder, &name).await {
            Ok(done) => {
                changed |= done != Done::Unchanged;
                let what = match done {
                    Done::New => "posts_made",
                    Done::Changed => "posts_changed",
                    Done::Unchanged => "files_unchanged",
                };
                turn.count(what, 1);
            }
            Err(Error::Invalid(fields)) => {
                let said =
                    |(field, said): (String, Vec<String>)| format!("{field}: {}", said.join(" "));
                refused.insert(name, fields.into_iter().map(said).collect());
                turn.count("files_refused", 1);
            }
            Err(error) => return Err(error),
        }
    }
    if refused.is_empty() { Ok(Progress::Finished) } else { Err(Error::Invalid(refused)) }
}

async fn file(turn: &Turn<'_>, folder: &Path, name: &str) -> Result<Done> {
    let path = folder.join(name);
    let text = in_background(move || read(&path)).await?;
    let hash = Sha256::digest(&text).to_vec();
    let known = turn.app().ask(async |db| sync::of_path(db, name).await).await?;
    if known.as_ref().is_some_and(|known| known.hash == hash) {
        return Ok(Done::Unchanged);
    }
    let draft = posts::of_file(name, &text)?;
    let done = if known.is_some() { Done::Changed } else { Done::New };
    if turn.run().is_none() {
        return Ok(done);
    }
    let operator = Operator::as_configured();
    let (author, id) = (Author::Operator(&operator), turn.app().clock.id());
    turn.part(async |tx| {
        let post = match &known {
            Some(known) => posts::update(&mut *tx, &author, known.post, &draft).await?,
            None => posts::create(&mut *tx, &author, id, &draft).await?,
        };
        sync::note(tx, name, &Synced { hash, post: post.id }).await
    })
    .await?;
    Ok(done)
}

/// Files wait for disks, and threads that serve do not.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.context("a thread that reads files").and_then(|read| read).map_err(Error::Unavailable)
}

/// The paths, below `folder`, of its Markdown files and those of its folders; what begins with a dot is nobody's business,
/// and links lead who knows where.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        let entries =
            fs::read_dir(&at).with_context(|| format!("could not read {}", at.display()))?;
        for entry in entries {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "md") {
                found.extend(path.strip_prefix(folder)?.to_str().map(str::to_owned));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let named = || format!("could not read {}", path.display());
    let size = fs::metadata(path).with_context(named)?.len();
    anyhow::ensure!(size <= LARGEST, "{} is larger than a post can be", path.display());
    fs::read_to_string(path).with_context(named)
}
