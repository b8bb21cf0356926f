//! Where acts are written, and the thread that does it: what has gathered is written and flushed together.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Counter;
use tokio::sync::{mpsc, oneshot};

use super::{TARGET, now};

/// What the thread is asked to do.
pub(super) enum Message {
    /// Write a line, and tell whoever waits when it is on disk.
    Act(String, Option<oneshot::Sender<()>>),
    /// Open the file again.
    Reopen,
    /// Tell when everything before is on disk.
    Flush(oneshot::Sender<()>),
}

/// A file, or the log.
pub(super) struct Sink {
    file: Option<(PathBuf, File)>,
    lost: Arc<AtomicU64>,
    counted: Counter,
    failing: bool,
}

impl Sink {
    pub(super) fn open(path: Option<&Path>, lost: Arc<AtomicU64>, counted: Counter) -> io::Result<Self> {
        let file = path
            .map(|path| append(path).map(|file| (path.to_owned(), file)))
            .transpose()?;
        Ok(Self {
            file,
            lost,
            counted,
            failing: false,
        })
    }

    /// Writes until nobody sends any more.
    pub(super) fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let (mut lines, mut waiting) = (String::new(), Vec::new());
        while let Some(first) = messages.blocking_recv() {
            let (mut next, mut acts) = (Some(first), 0);
            while let Some(message) = next {
                match message {
                    Message::Act(line, told) => {
                        lines.push_str(&line);
                        lines.push('\n');
                        acts += 1;
                        waiting.extend(told);
                    }
                    Message::Flush(told) => waiting.push(told),
                    Message::Reopen => {
                        self.write(&mut lines, std::mem::take(&mut acts));
                        self.reopen();
                    }
                }
                next = messages.try_recv().ok();
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                lines.push_str(&format!(
                    "{{\"time\":\"{}\",\"act\":\"lost\",\"acts\":{lost}}}\n",
                    now()
                ));
            }
            self.write(&mut lines, acts);
            for told in waiting.drain(..) {
                let _ = told.send(());
            }
        }
    }

    fn write(&mut self, lines: &mut String, acts: u64) {
        if lines.is_empty() {
            return;
        }
        let Some((_, file)) = &mut self.file else {
            for line in lines.lines() {
                tracing::info!(target: TARGET, "{line}");
            }
            lines.clear();
            return;
        };
        let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
        lines.clear();
        match written {
            Ok(()) => self.failing = false,
            Err(error) => {
                self.lost.fetch_add(acts, Ordering::Relaxed);
                self.counted.increment(acts);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "the audit log cannot be written: acts are lost");
                }
            }
        }
    }

    fn reopen(&mut self) {
        let Some((path, file)) = &mut self.file else {
            return;
        };
        match append(path) {
            Ok(opened) => *file = opened,
            Err(error) => {
                tracing::error!(%error, "the audit log cannot be opened again: the old file is written on");
            }
        }
    }
}

/// Opens a file to append to, its owner's alone if it is new.
fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}
