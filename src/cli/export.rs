//! `frontdesk export`: everything a business takes along, on stdout or in a folder.
//!
//! It is read part by part from one snapshot, and is on the record before the first byte of it is handed out. A folder is
//! there whole or not at all, for nobody but its owner to read. Posts become the files that `SYNC_FOLDER` takes.

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::db::Snapshot;
use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::csv;
use crate::services::export::{self, Kind, Row};
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How many rows are read at a time.
const AT_ONCE: i64 = 1000;

/// What to take along, and how.
#[derive(Debug, Args)]
pub struct Export {
    /// What; everything, if not given.
    #[arg(value_enum)]
    what: Vec<Kind>,
    /// The folder to put it in, which must be new or empty: posts as Markdown, all else as tables.
    #[arg(long)]
    to: Option<PathBuf>,
    /// A table, or a JSON document a line.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table (RFC 4180).
    Csv,
    /// A JSON document a line.
    Jsonl,
    /// One JSON document: a list.
    #[value(skip)]
    List,
}

impl Export {
    /// Does it.
    ///
    /// # Errors
    /// A folder that cannot be written; what the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let mut kinds: BTreeSet<Kind> = self.what.iter().copied().collect();
        if kinds.is_empty() {
            kinds.extend(Kind::ALL);
        }
        let operator = Operator::at_the_shell();
        let take = Take { app, operator: &operator, kinds: &kinds };
        match &self.to {
            Some(folder) => take.to_folder(folder, self.format, output).await,
            None => {
                let format = if output.json { Format::List } else { self.format };
                take.to_stdout(format).await
            }
        }
    }
}

/// What is taken along, and by whom.
struct Take<'a> {
    app: &'a App,
    operator: &'a Operator,
    kinds: &'a BTreeSet<Kind>,
}

impl Take<'_> {
    async fn to_stdout(&self, format: Format) -> Result<(), Refused> {
        let mut kinds = self.kinds.iter();
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            let why = "Name a folder, or one thing to print: this is more than one file.";
            return Err(Error::field("to", why).into());
        };
        self.note().await?;
        let written = self.app.read_in_parts(async |snapshot| {
            let mut table = Table::new(BufWriter::new(io::stdout().lock()), *kind, format);
            each(snapshot, self.operator, *kind, |row| table.row(row)).await?;
            Ok(table.end())
        });
        match written.await {
            // Whoever has stopped reading has what they wanted.
            Err(Error::Internal(cause)) if is_broken_pipe(&cause) => Ok(()),
            Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Ok(Err(error)) => Err(Refused::Other(error.into())),
            Ok(Ok(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn to_folder(
        &self,
        folder: &Path,
        format: Format,
        output: &Output,
    ) -> Result<(), Refused> {
        let begun = begin(folder)?;
        let taken = async {
            self.note().await?;
            let read = self.app.read_in_parts(async |snapshot| {
                let mut files = Vec::new();
                for kind in self.kinds {
                    files.push(file(snapshot, self.operator, *kind, format, &begun).await?);
                }
                Ok(files)
            });
            let files = read.await?;
            let moved = fs::rename(&begun, folder);
            moved.with_context(|| format!("could not make {}", folder.display()))?;
            Ok::<_, Refused>(files)
        };
        let taken = taken.await;
        if taken.is_err() {
            // What cannot be removed is named as what has not come to its end.
            let _ = fs::remove_dir_all(&begun);
        }
        let files = taken?;
        let shown = files.iter().map(|(name, rows)| json!({ "file": name, "rows": rows }));
        output.print(&json!({ "files": shown.collect::<Vec<_>>() }), || {
            files.iter().map(|(name, rows)| format!("{rows:>8}  {name}\n")).collect()
        })
    }

    /// Puts it on the record; then it may be handed out.
    async fn note(&self) -> Result<()> {
        for kind in self.kinds {
            let line = kind.act().to(kind.as_str());
            record(self.app, self.operator, async |_| Ok(((), line))).await?;
        }
        Ok(())
    }
}

/// The folder that becomes the one that was named, once everything is in it.
fn begin(folder: &Path) -> Result<PathBuf> {
    let unusable = |why: &str| Error::field("to", format!("{}: {why}.", folder.display()));
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(false) => {}
        Ok(true) => return Err(unusable("there is something in it; name a new folder")),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(&error.to_string())),
    }
    let name = folder.file_name().ok_or_else(|| unusable("that is no name of a folder"))?;
    let begun = folder.with_file_name(format!("{}.unfinished", name.to_string_lossy()));
    let made = DirBuilder::new().mode(0o700).create(&begun);
    made.map_err(|error| unusable(&format!("{} cannot be made: {error}", begun.display())))?;
    Ok(begun)
}

/// Writes one kind: its name there, and how many rows.
async fn file(
    snapshot: &mut Snapshot<'_>,
    by: &Operator,
    kind: Kind,
    format: Format,
    folder: &Path,
) -> Result<(String, u64)> {
    if kind == Kind::Posts {
        let (name, mut rows) = (kind.as_str().to_owned(), 0);
        let posts = folder.join(&name);
        DirBuilder::new().mode(0o700).create(&posts).map_err(unwritten)?;
        each(snapshot, by, kind, |row| {
            let Some((name, text)) = &row.file else { return Ok(()) };
            rows += 1;
            create(&posts.join(name))?.write_all(text.as_bytes())
        })
        .await?;
        return Ok((name, rows));
    }
    let ending = if format == Format::Csv { "csv" } else { "jsonl" };
    let name = format!("{}.{ending}", kind.as_str());
    let out = BufWriter::new(create(&folder.join(&name)).map_err(unwritten)?);
    let mut table = Table::new(out, kind, format);
    each(snapshot, by, kind, |row| table.row(row)).await?;
    Ok((name, table.end().map_err(unwritten)?))
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Reads all rows, a part at a time, and hands on each.
async fn each(
    snapshot: &mut Snapshot<'_>,
    by: &Operator,
    kind: Kind,
    mut write: impl FnMut(&Row) -> io::Result<()>,
) -> Result<()> {
    let mut after = None;
    loop {
        let read = async |db: &mut _| export::part(db, by, kind, after, AT_ONCE).await;
        let part = snapshot.part(read).await?;
        part.rows.iter().try_for_each(&mut write).map_err(unwritten)?;
        after = part.after;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn unwritten(error: io::Error) -> Error {
    Error::Internal(anyhow::Error::new(error))
}

fn is_broken_pipe(cause: &anyhow::Error) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Rows on their way out.
struct Table<W> {
    out: W,
    kind: Kind,
    format: Format,
    rows: u64,
}

impl<W: Write> Table<W> {
    fn new(out: W, kind: Kind, format: Format) -> Self {
        Self { out, kind, format, rows: 0 }
    }

    fn row(&mut self, row: &Row) -> io::Result<()> {
        self.begin()?;
        self.rows += 1;
        match self.format {
            Format::Csv => {
                self.out.write_all(export::line(self.kind.columns(), &row.fields).as_bytes())
            }
            Format::Jsonl => writeln!(self.out, "{}", row.fields),
            Format::List => {
                let before = if self.rows == 1 { "" } else { ",\n" };
                write!(self.out, "{before}{}", row.fields)
            }
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        match self.format {
            Format::Csv if self.rows == 0 => {
                self.out.write_all(csv::line(self.kind.columns()).as_bytes())
            }
            Format::List if self.rows == 0 => self.out.write_all(b"["),
            _ => Ok(()),
        }
    }

    /// How many rows there were.
    fn end(mut self) -> io::Result<u64> {
        if self.rows == 0 {
            self.begin()?;
        }
        if self.format == Format::List {
            self.out.write_all(b"]\n")?;
        }
        self.out.flush()?;
        Ok(self.rows)
    }
}
