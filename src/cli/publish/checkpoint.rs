//! How far a file is published, kept beside it: who starts again goes on from there.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

/// Not written more often than that. What is lost with a crash is published again, which does no harm.
const APART: Duration = Duration::from_millis(20);

/// The file that holds the last line that is durable or refused, in decimal digits.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    written: u64,
    at: Instant,
}

impl Checkpoint {
    /// Where it was left; line 0 if there is no such file yet.
    ///
    /// # Errors
    /// It cannot be read or holds no line, or could not be written.
    pub(super) fn open(path: PathBuf) -> anyhow::Result<(Self, u64)> {
        let line = match fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|_| anyhow!("{} holds no line number", path.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let mut this = Self {
            path,
            written: line,
            at: Instant::now(),
        };
        this.write(line)?;
        Ok((this, line))
    }

    /// Everything up to that line is durable or refused. Writes it down unless it did so just now.
    pub(super) fn note(&mut self, line: u64) -> anyhow::Result<()> {
        if line == self.written || self.at.elapsed() < APART {
            return Ok(());
        }
        self.write(line)
    }

    /// As [`Self::note`], at the end.
    pub(super) fn finish(&mut self, line: u64) -> anyhow::Result<()> {
        if line == self.written {
            return Ok(());
        }
        self.write(line)
    }

    /// Whole or not at all.
    fn write(&mut self, line: u64) -> anyhow::Result<()> {
        let mut unfinished = self.path.clone().into_os_string();
        unfinished.push(".new");
        fs::write(&unfinished, format!("{line}\n"))
            .and_then(|()| fs::rename(&unfinished, &self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        self.written = line;
        self.at = Instant::now();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_found_again_where_it_was_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl.done");
        let (mut checkpoint, line) = Checkpoint::open(path.clone()).unwrap();
        assert_eq!(line, 0);
        checkpoint.finish(41).unwrap();
        assert_eq!(Checkpoint::open(path.clone()).unwrap().1, 41);
        fs::write(&path, "{}").unwrap();
        assert!(Checkpoint::open(path).is_err());
        assert!(Checkpoint::open(dir.path().join("no/such/dir")).is_err());
    }
}
