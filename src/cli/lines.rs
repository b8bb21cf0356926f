//! Lines of a file that may hold anything: bounded before they are looked at, so no file can make the reader grow. For the
//! same reason a quoted field cannot span lines.

use std::io::{self, BufRead};

/// The longest line, without its end.
pub const MAX_LINE: usize = 4096;

/// Why a line was not taken. Never contains what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Longer than [`MAX_LINE`].
    #[error("the line is longer than 4096 octets")]
    TooLong,
    /// Not UTF-8.
    #[error("the line is not valid UTF-8")]
    Encoding,
    /// A quote without its end.
    #[error("a quoted field does not end on the line")]
    Quote,
}

/// Reads lines from `source`.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Nothing read yet.
    pub fn new(source: R) -> Self {
        Self {
            source,
            number: 0,
            buffer: Vec::with_capacity(MAX_LINE),
        }
    }

    /// The number of the line that was read last, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The line that was read last.
    ///
    /// # Errors
    /// [`LineError::Encoding`].
    pub fn text(&self) -> Result<&str, LineError> {
        str::from_utf8(&self.buffer).map_err(|_| LineError::Encoding)
    }

    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads one line into the buffer, without its end. `None` at the end of the file. Of a line that is too long no more
    /// is kept than fits.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn advance(&mut self) -> Result<Option<Result<(), LineError>>, io::Error> {
        self.buffer.clear();
        let (mut too_long, mut any) = (false, false);
        loop {
            let chunk = match self.source.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            any = true;
            let (text, used, ended) = match chunk.iter().position(|byte| *byte == b'\n') {
                Some(end) => (chunk.get(..end).unwrap_or_default(), end + 1, true),
                None => (chunk, chunk.len(), false),
            };
            // One more than fits, for the carriage return before the end.
            if !too_long && self.buffer.len() + text.len() <= MAX_LINE + 1 {
                self.buffer.extend_from_slice(text);
            } else {
                too_long = true;
            }
            self.source.consume(used);
            if ended {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        if too_long || self.buffer.len() > MAX_LINE {
            return Ok(Some(Err(LineError::TooLong)));
        }
        Ok(Some(Ok(())))
    }

    /// How much room the buffer takes.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

/// The fields of one line. Most lines have no quotes and need no parser.
///
/// # Errors
/// A quote without its end.
pub fn split(line: &str) -> Result<Vec<String>, LineError> {
    if !line.contains('"') {
        return Ok(line.split(',').map(str::to_owned).collect());
    }
    if line.matches('"').count() % 2 == 1 {
        return Err(LineError::Quote);
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record.iter().map(str::to_owned).collect()),
        Ok(false) => Ok(Vec::new()),
        Err(_) => Err(LineError::Encoding),
    }
}

/// The names of the columns in a header, in lower case and without what spreadsheets put before them.
///
/// # Errors
/// What is wrong with it. A column's name is no personal data, but a file without a header has a person's number in its
/// place: such a field is named by its place alone.
pub fn column_names(octets: &[u8]) -> Result<Vec<String>, String> {
    // Spreadsheets write a byte order mark.
    let line = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let line = str::from_utf8(line).map_err(|_| LineError::Encoding.to_string())?;
    let names = split(line).map_err(|error| error.to_string())?;
    let names: Vec<String> = names
        .iter()
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let wrong = names
        .iter()
        .position(|name| name.is_empty() || name.bytes().any(|b| b.is_ascii_digit() || b == b'@'));
    match wrong {
        Some(place) => Err(format!("field {} is not a column's name", place + 1)),
        None => Ok(names),
    }
}

/// A column that nobody knows, as it may be shown.
pub fn unknown_column(name: &str) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    format!("there is no column {shown:?}")
}
