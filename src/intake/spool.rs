//! Lines on disk, until the database can take them.
//!
//! Each line carries a checksum and is on the disk before its writer goes on; a torn last line was never acknowledged.
//! Several processes may share the folder: each appends to a file it has locked, and takes over files that nobody holds.

use crate::digest::hex;
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// More than this is not kept; then the sender is told.
const FULL: u64 = 16 * 1024 * 1024;
const CHECKSUM: usize = 8;

/// The spool of this process.
#[derive(Clone)]
pub struct Spool(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    files: Mutex<Vec<Spooled>>,
    /// Files left by processes before this one have not been looked for yet.
    unseen: AtomicBool,
}

/// A file of lines, locked by this process.
struct Spooled {
    file: File,
    /// Up to here its lines are in the database.
    done: u64,
}

/// A line that waits.
#[derive(Debug)]
pub struct Waiting {
    /// What was appended.
    pub line: String,
    file: usize,
    end: u64,
}

impl Spool {
    /// A spool in `folder`, which is made when there is something to keep.
    pub fn new(folder: PathBuf) -> Self {
        Self(Arc::new(Inner { folder, files: Mutex::default(), unseen: AtomicBool::new(true) }))
    }

    /// Keeps a line. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the spool is full or the disk refuses.
    pub async fn append(&self, line: String) -> Result<()> {
        self.blocking(move |inner| inner.append(&line)).await
    }

    /// The lines that wait, oldest first within a file.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub async fn waiting(&self) -> Result<Vec<Waiting>> {
        self.blocking(Inner::waiting).await
    }

    /// Lets go of a line, and of the file once all of it is done.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub async fn done(&self, waiting: &Waiting) -> Result<()> {
        let (file, end) = (waiting.file, waiting.end);
        self.blocking(move |inner| inner.done(file, end)).await
    }

    /// Keeps a line where nobody waits for it any more: in a file `.refused`. Called `.spool`, it is tried again at the next start.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub async fn set_aside(&self, waiting: &Waiting) -> Result<()> {
        let line = waiting.line.clone();
        self.blocking(move |inner| inner.set_aside(&line)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.map_err(|error| Error::Internal(error.into()))?
            .map_err(|error| Error::Unavailable(error.into()))
    }
}

impl Inner {
    fn append(&self, line: &str) -> io::Result<()> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.is_empty() {
            files.push(self.new_file()?);
        }
        let Some(spooled) = files.first_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        let before = spooled.file.seek(SeekFrom::End(0))?;
        if before + line.len() as u64 > FULL {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the spool is full"));
        }
        let written = spooled
            .file
            .write_all(as_kept(line).as_bytes())
            .and_then(|()| spooled.file.sync_data());
        if written.is_err() {
            // What is half there must not stand in the way of the next line.
            spooled.file.set_len(before)?;
        }
        written
    }

    fn waiting(&self) -> io::Result<Vec<Waiting>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if self.unseen.swap(false, Ordering::Relaxed) {
            self.take_over(&mut files)?;
        }
        let mut waiting = Vec::new();
        for (number, spooled) in files.iter_mut().enumerate() {
            let mut text = Vec::new();
            spooled.file.seek(SeekFrom::Start(spooled.done))?;
            spooled.file.read_to_end(&mut text)?;
            let mut end = spooled.done;
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                end += line.len() as u64;
                match checked(line) {
                    Some(line) => waiting.push(Waiting { line, file: number, end }),
                    None => tracing::error!("a damaged line in the spool is passed over"),
                }
            }
        }
        Ok(waiting)
    }

    fn done(&self, file: usize, end: u64) -> io::Result<()> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(spooled) = files.get_mut(file) else { return Ok(()) };
        spooled.done = end;
        if end == spooled.file.metadata()?.len() {
            spooled.file.set_len(0)?;
            spooled.done = 0;
        }
        Ok(())
    }

    fn set_aside(&self, line: &str) -> io::Result<()> {
        let mut file = self.open("refused")?;
        file.write_all(as_kept(line).as_bytes())?;
        file.sync_data()
    }

    fn new_file(&self) -> io::Result<Spooled> {
        let file = self.open("spool")?;
        file.try_lock().map_err(io::Error::other)?;
        Ok(Spooled { file, done: 0 })
    }

    /// A file of this process, at whose end is written.
    fn open(&self, kind: &str) -> io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!("leads-{}.{kind}", std::process::id()));
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        File::open(&self.folder)?.sync_all()?; // the name, too, must outlast a power cut
        Ok(file)
    }

    fn take_over(&self, files: &mut Vec<Spooled>) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in
            entries.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "spool"))
        {
            let file = OpenOptions::new().read(true).append(true).open(entry.path())?;
            if file.try_lock().is_ok() {
                files.push(Spooled { file, done: 0 });
            }
        }
        Ok(())
    }
}

/// A line as it stands in a file.
fn as_kept(line: &str) -> String {
    format!("{} {line}\n", checksum(line))
}

/// The beginning of the line's SHA-256.
fn checksum(line: &str) -> String {
    let digest = Sha256::digest(line);
    hex(&digest[..CHECKSUM / 2])
}

/// The line without its checksum, if that is right.
fn checked(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, line) = line.split_once(' ')?;
    (sum == checksum(line)).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(spool: &Spool) -> Vec<String> {
        spool.0.waiting().unwrap().into_iter().map(|waiting| waiting.line).collect()
    }

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("frontdesk-spool-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn what_was_appended_waits_until_it_is_done() {
        let folder = folder("waits");
        let spool = Spool::new(folder.clone());
        assert!(lines(&spool).is_empty() && !folder.exists());
        spool.0.append("one").unwrap();
        spool.0.append("two").unwrap();
        let waiting = spool.0.waiting().unwrap();
        spool.0.done(waiting[0].file, waiting[0].end).unwrap();
        spool.0.append("three").unwrap();
        assert_eq!(lines(&spool), ["two", "three"]);
        for waiting in spool.0.waiting().unwrap() {
            spool.0.done(waiting.file, waiting.end).unwrap();
        }
        assert!(lines(&spool).is_empty());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_process_takes_over_what_another_has_left_but_not_what_it_holds() {
        let folder = folder("left");
        let before = Spool::new(folder.clone());
        before.0.append("left").unwrap();
        assert!(lines(&Spool::new(folder.clone())).is_empty());
        drop(before);
        assert_eq!(lines(&Spool::new(folder.clone())), ["left"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_torn_line_is_passed_over() {
        let folder = folder("torn");
        let spool = Spool::new(folder.clone());
        spool.0.append("whole").unwrap();
        spool.0.files.lock().unwrap()[0].file.write_all(b"1234abcd tor").unwrap();
        assert_eq!(lines(&spool), ["whole"]);
        fs::remove_dir_all(folder).unwrap();
    }
}
