//! The file, read on a thread of its own: lines in, events out, a bounded number ahead of the stream.

use std::io::{self, BufRead};

use tokio::sync::mpsc;

use super::json;
use crate::cli::lines::Lines;
use crate::proto::v1;

/// Events read ahead.
const AHEAD: usize = 1024;

/// A line that was read; blank ones are passed over.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) line: u64,
    /// The event, or what is wrong with the line.
    pub(super) event: Result<v1::Event, String>,
}

/// What is being read.
#[derive(Debug)]
pub(super) struct Source {
    items: mpsc::Receiver<io::Result<Item>>,
}

impl Source {
    /// Begins to read, from that line on.
    ///
    /// # Errors
    /// There are no more threads.
    pub(super) fn read(source: Box<dyn BufRead + Send>, from_line: u64) -> io::Result<Self> {
        let (sender, items) = mpsc::channel(AHEAD);
        // Not one of the runtime's: it may wait for a terminal for ever, and nobody waits for it then.
        std::thread::Builder::new()
            .name("publish-read".to_owned())
            .spawn(move || read(Lines::new(source), from_line, &sender))?;
        Ok(Self { items })
    }

    /// Takes up to `most` lines. None at the end of the file.
    pub(super) async fn next(&mut self, into: &mut Vec<io::Result<Item>>, most: usize) -> usize {
        self.items.recv_many(into, most).await
    }
}

fn read(mut lines: Lines<impl BufRead>, from_line: u64, to: &mpsc::Sender<io::Result<Item>>) {
    loop {
        let item = match lines.advance() {
            Ok(None) => return,
            Ok(Some(_)) if lines.number() < from_line => continue,
            Ok(Some(Err(error))) => Some(Err(error.to_string())),
            Ok(Some(Ok(()))) => event(&lines),
            Err(error) => {
                // Whoever does not take it has ended before.
                let _ = to.blocking_send(Err(error));
                return;
            }
        };
        let line = lines.number();
        if let Some(event) = item
            && to.blocking_send(Ok(Item { line, event })).is_err()
        {
            return;
        }
    }
}

fn event(lines: &Lines<impl BufRead>) -> Option<Result<v1::Event, String>> {
    let text = match lines.text() {
        Ok(text) => text.trim(),
        Err(error) => return Some(Err(error.to_string())),
    };
    if text.is_empty() {
        return None;
    }
    Some(json::event(text).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    async fn all(text: &str, from_line: u64) -> Vec<(u64, Option<String>)> {
        let source = Source::read(Box::new(Cursor::new(text.to_owned())), from_line);
        let (Ok(mut source), mut items) = (source, Vec::new()) else {
            return Vec::new();
        };
        while source.next(&mut items, 10).await > 0 {}
        let told = items.into_iter().flatten();
        told.map(|item| (item.line, item.event.err())).collect()
    }

    #[tokio::test]
    async fn lines_are_counted_as_an_editor_counts_them_and_blank_ones_passed_over() {
        let text = "{}\r\n\n  \n{}\nnonsense\n{}";
        let wrong = Some("not JSON, at column 2".to_owned());
        assert_eq!(
            all(text, 1).await,
            [(1, None), (4, None), (5, wrong.clone()), (6, None)]
        );
        assert_eq!(all(text, 5).await, [(5, wrong), (6, None)]);
        assert_eq!(all(text, 7).await, []);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_refused_and_the_next_is_read() {
        let text = format!("{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(5000));
        let wrong = "the line is longer than 4096 octets".to_owned();
        assert_eq!(all(&text, 1).await, [(1, Some(wrong)), (2, None)]);
    }
}
