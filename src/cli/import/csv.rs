//! Reads the provisioning file: `imsi,msisdn,external_id`, in any order of columns, one subscriber a line.
//!
//! A line that cannot be taken is reported by number and reason, never by content, and the next one is read.

use std::io::{self, BufRead};

use crate::cli::lines::{LineError, Lines, column_names, split, unknown_column};
use crate::domain::{ExternalIdentifier, IdentifierError, Imsi, Msisdn};

/// The columns, all of them required.
const COLUMNS: [&str; 3] = ["imsi", "msisdn", "external_id"];

/// Why a file cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// Reading failed.
    #[error("cannot read the file: {0}")]
    Read(#[from] io::Error),
    /// The first line is not a header.
    #[error("line {line}: {problem}; the header must name the columns imsi,msisdn,external_id in any order")]
    Header {
        /// Where.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// Why a line was not taken. Never contains what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no line of a table.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Not as many fields as the header has.
    #[error("the line has {found} fields where the header has 3")]
    Fields {
        /// How many.
        found: usize,
    },
    /// A field is not the identifier it should be.
    #[error("column {column}: {reason}")]
    Identifier {
        /// Which.
        column: &'static str,
        /// Why.
        reason: IdentifierError,
    },
    /// No IMSI: the row does not say whom it is about.
    #[error("column imsi: it is empty")]
    NoImsi,
    /// Nothing that a lookup could ask by.
    #[error("both msisdn and external_id are empty: there is nothing to bind")]
    NothingToBind,
}

/// One line that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From 1, the header included.
    pub line: u64,
    /// Whom it is about.
    pub imsi: Imsi,
    /// The number, if there is one.
    pub msisdn: Option<Msisdn>,
    /// The external identifier, if there is one. One of the two is there.
    pub external: Option<ExternalIdentifier>,
}

/// Reads rows from `source`.
#[derive(Debug)]
pub struct Rows<R> {
    lines: Lines<R>,
    /// Where each of [`COLUMNS`] stands.
    places: [usize; 3],
}

impl<R: BufRead> Rows<R> {
    /// Reads the header.
    pub fn new(source: R) -> Result<Self, CsvError> {
        let mut rows = Self {
            lines: Lines::new(source),
            places: [0; 3],
        };
        rows.places = rows.header()?;
        Ok(rows)
    }

    fn header(&mut self) -> Result<[usize; 3], CsvError> {
        let read = self.lines.advance()?;
        let problem = |problem: &str| CsvError::Header {
            line: 1,
            problem: problem.to_owned(),
        };
        match read {
            None => return Err(problem("the file is empty")),
            Some(Err(error)) => return Err(problem(&error.to_string())),
            Some(Ok(())) => {}
        }
        let names = column_names(self.lines.octets()).map_err(|what| problem(&what))?;
        if let Some(unknown) = names.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
            return Err(problem(&unknown_column(unknown)));
        }
        let mut places = [0; 3];
        for (column, place) in COLUMNS.into_iter().zip(&mut places) {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == column);
            match (found.next(), found.next()) {
                (Some((at, _)), None) => *place = at,
                (None, _) => return Err(problem(&format!("column {column} is missing"))),
                (Some(_), Some(_)) => {
                    return Err(problem(&format!("column {column} is there twice")));
                }
            }
        }
        Ok(places)
    }

    /// The next line that is not empty: a row, or the line's number and why it was refused. `None` at the end.
    #[allow(
        clippy::type_complexity,
        reason = "two kinds of trouble: of the file, and of one line"
    )]
    pub fn next_row(&mut self) -> Result<Option<Result<Row, (u64, Refusal)>>, io::Error> {
        loop {
            let Some(read) = self.lines.advance()? else {
                return Ok(None);
            };
            let row = read.map_err(Refusal::from).and_then(|()| {
                let text = self.lines.text()?;
                if text.trim().is_empty() {
                    return Ok(None);
                }
                self.row(text).map(Some)
            });
            match row {
                Ok(None) => {}
                Ok(Some(row)) => return Ok(Some(Ok(row))),
                Err(refusal) => return Ok(Some(Err((self.lines.number(), refusal)))),
            }
        }
    }

    fn row(&self, text: &str) -> Result<Row, Refusal> {
        let fields = split(text)?;
        if fields.len() != COLUMNS.len() {
            return Err(Refusal::Fields { found: fields.len() });
        }
        let field = |column: usize| {
            let at = self.places.get(column).copied().unwrap_or_default();
            Some(fields.get(at)?.trim()).filter(|field| !field.is_empty())
        };
        let refused = |column, reason| Refusal::Identifier { column, reason };
        let imsi = field(0)
            .map(Imsi::parse)
            .transpose()
            .map_err(|reason| refused("imsi", reason))?
            .ok_or(Refusal::NoImsi)?;
        let msisdn = field(1)
            .map(Msisdn::parse)
            .transpose()
            .map_err(|reason| refused("msisdn", reason))?;
        let external = field(2)
            .map(ExternalIdentifier::parse)
            .transpose()
            .map_err(|reason| refused("external_id", reason))?;
        if msisdn.is_none() && external.is_none() {
            return Err(Refusal::NothingToBind);
        }
        Ok(Row {
            line: self.lines.number(),
            imsi,
            msisdn,
            external,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cli::lines::MAX_LINE;

    /// Every line taken, as `line: imsi msisdn external`, or refused, as `line: reason`.
    fn read(file: &[u8]) -> Result<Vec<String>, String> {
        // A small buffer, so that lines span reads.
        let source = io::BufReader::with_capacity(7, file);
        let mut rows = Rows::new(source).map_err(|error| error.to_string())?;
        let mut seen = Vec::new();
        while let Some(row) = rows.next_row().map_err(|error| error.to_string())? {
            seen.push(match row {
                Ok(row) => {
                    let msisdn = row.msisdn.map(Msisdn::digits);
                    let external = row.external.map(|external| external.text().to_owned());
                    let bound: Vec<String> = msisdn.into_iter().chain(external).collect();
                    format!("{}: {}", row.line, bound.join(" "))
                }
                Err((line, refusal)) => format!("{line}: {refusal}"),
            });
        }
        Ok(seen)
    }

    fn rows(body: &str) -> Vec<String> {
        read(format!("imsi,msisdn,external_id\n{body}").as_bytes()).unwrap()
    }

    const ROW: &str = "999010000000001,+999000000001,a@sim.example";

    #[test]
    fn a_row_is_taken_whatever_the_order_of_columns() {
        let expected = ["2: 999000000001 a@sim.example"];
        assert_eq!(rows(ROW), expected);
        let file = b"External_ID, MSISDN ,imsi\na@sim.example,999000000001,999010000000001\n";
        assert_eq!(read(file).unwrap(), expected);
    }

    #[test]
    fn line_ends_byte_order_marks_quotes_and_blanks_of_spreadsheets_are_understood() {
        let file =
            b"\xef\xbb\xbfimsi,\"msisdn\",external_id\r\n\"999010000000001\",\"+999000000001\" ,\"a@sim.example\"\r\n";
        assert_eq!(read(file).unwrap(), ["2: 999000000001 a@sim.example"]);
    }

    #[test]
    fn empty_lines_are_passed_over_and_counted() {
        assert_eq!(
            rows(&format!("\n\r\n  \n{ROW}\n\n")),
            ["5: 999000000001 a@sim.example"]
        );
        assert_eq!(rows(""), [""; 0]);
    }

    #[test]
    fn a_row_needs_an_imsi_and_something_to_ask_by() {
        assert_eq!(
            rows(
                "999010000000001,999000000001,\n999010000000001,,b@sim.example\n999010000000001,,\n,999000000001,\n"
            ),
            [
                "2: 999000000001",
                "3: b@sim.example",
                "4: both msisdn and external_id are empty: there is nothing to bind",
                "5: column imsi: it is empty",
            ]
        );
    }

    #[test]
    fn a_bad_line_is_named_without_its_values_and_the_rest_is_read() {
        let seen = rows(&format!(
            "12345,999000000001,\n99901x,999000000001,\n{ROW}\n999010000000001,0123456,\n\
             999010000000001,,no-at-sign\n999010000000001,999000000001\n{ROW},more\n{ROW}\n"
        ));
        assert_eq!(
            seen,
            [
                "2: column imsi: an IMSI has 6 to 15 decimal digits",
                "3: column imsi: an IMSI has 6 to 15 decimal digits",
                "4: 999000000001 a@sim.example",
                "5: column msisdn: an international number (E.164) has 5 to 15 decimal digits, the first of them not 0",
                "6: column external_id: an external identifier has the form local@domain, at most 253 octets, without \
                 blanks",
                "7: the line has 2 fields where the header has 3",
                "8: the line has 4 fields where the header has 3",
                "9: 999000000001 a@sim.example",
            ]
        );
    }

    #[test]
    fn an_open_quote_harms_its_own_line_only() {
        assert_eq!(
            rows(&format!("\"999010000000001,999000000001,\n{ROW}\n")),
            [
                "2: a quoted field does not end on the line",
                "3: 999000000001 a@sim.example"
            ]
        );
        assert_eq!(
            rows(&format!("x\"y,\"z,\n{ROW}\n")).len(),
            2,
            "quotes that csv reads in two ways"
        );
    }

    #[test]
    fn a_giant_line_is_refused_without_being_kept() {
        let giant = "9".repeat(3_000_000);
        assert_eq!(
            rows(&format!("{giant}\n{ROW}\n{giant}")),
            [
                "2: the line is longer than 4096 octets",
                "3: 999000000001 a@sim.example",
                "4: the line is longer than 4096 octets"
            ]
        );
        let mut reader = Rows::new(io::Cursor::new(format!(
            "imsi,msisdn,external_id\n{giant}\n{ROW}\n"
        )))
        .unwrap();
        while reader.next_row().unwrap().is_some() {}
        assert!(reader.lines.capacity() <= 2 * MAX_LINE + 2);
    }

    #[test]
    fn the_longest_line_allowed_is_read() {
        let blanks = " ".repeat(MAX_LINE - ROW.len());
        assert_eq!(rows(&format!("{ROW}{blanks}\r\n")).len(), 1);
        assert!(rows(&format!("{ROW}{blanks}\r\n"))[0].ends_with("a@sim.example"));
        assert!(rows(&format!("{ROW}{blanks} \r\n"))[0].ends_with("4096 octets"));
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused_by_line() {
        let file = b"imsi,msisdn,external_id\n\xff\xfe,,\n999010000000001,999000000001,\n";
        assert_eq!(
            read(file).unwrap(),
            ["2: the line is not valid UTF-8", "3: 999000000001"]
        );
    }

    #[test]
    fn a_header_that_is_missing_or_wrong_is_refused_by_name_and_shows_no_values() {
        let tail = "; the header must name the columns imsi,msisdn,external_id in any order";
        for (file, problem) in [
            ("", "the file is empty"),
            ("imsi,msisdn\n", "column external_id is missing"),
            ("imsi,msisdn,external_id,iccid\n", "there is no column \"iccid\""),
            ("imsi,msisdn,external_id,imsi\n", "column imsi is there twice"),
            ("imsi,msisdn,external_id,\n", "field 4 is not a column's name"),
            (ROW, "field 1 is not a column's name"),
        ] {
            assert_eq!(
                read(file.as_bytes()),
                Err(format!("line 1: {problem}{tail}")),
                "{file:?}"
            );
        }
    }

    #[test]
    fn repeated_rows_are_both_taken() {
        assert_eq!(rows(&format!("{ROW}\n{ROW}\n")).len(), 2);
    }
}
