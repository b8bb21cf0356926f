//! Targets as a person names them, on the command line and in a file.

use std::fmt;
use std::io::{self, BufRead};

use crate::cli::lines::{LineError, Lines, column_names, split, unknown_column};
use crate::domain::{ExternalIdentifier, IdentifierError, Msisdn};
use crate::proto::v1;

/// One target.
#[derive(Clone, PartialEq, Eq)]
pub enum Named {
    /// E.164 without plus.
    Msisdn(String),
    /// `local@domain`.
    External(String),
    /// `local@domain` of a group.
    Group(String),
}

impl fmt::Debug for Named {
    /// Redacted: a device's name is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Named(redacted)")
    }
}

impl Named {
    /// A subscriber: a phone number with its plus, or an external identifier.
    ///
    /// # Errors
    /// What it should look like.
    pub fn subscriber(text: &str) -> Result<Self, &'static str> {
        if text.contains('@') {
            return ExternalIdentifier::parse(text)
                .map(|external| Self::External(external.text().to_owned()))
                .map_err(|_| "an external identifier looks like meter-7@iot.example");
        }
        match Msisdn::parse(text) {
            Ok(msisdn) if text.starts_with('+') => Ok(Self::Msisdn(msisdn.digits())),
            _ => Err("a phone number has a leading plus and 5 to 15 digits, such as +99912345678"),
        }
    }

    /// A group by its external group identifier.
    ///
    /// # Errors
    /// What it should look like.
    pub fn group(text: &str) -> Result<Self, &'static str> {
        ExternalIdentifier::parse(text)
            .map(|group| Self::Group(group.text().to_owned()))
            .map_err(|_| "an external group identifier looks like meters@iot.example")
    }

    /// As the daemon wants it.
    pub fn on_line(self, line: u64) -> v1::MonitoringTarget {
        let mut target = v1::MonitoringTarget {
            line,
            ..v1::MonitoringTarget::default()
        };
        match self {
            Self::Msisdn(digits) => target.msisdn = digits,
            Self::External(text) => target.external_identifier = text,
            Self::Group(text) => target.external_group_identifier = text,
        }
        target
    }
}

/// The columns that count, and one that is passed over.
const COLUMNS: [&str; 3] = ["msisdn", "external_id", "external_group_id"];
const PASSED_OVER: &str = "imsi";

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading failed.
    #[error("cannot read the file: {0}")]
    Read(#[from] io::Error),
    /// The first line is not a header.
    #[error(
        "line 1: {0}; the header must name at least one of the columns msisdn,external_id,external_group_id"
    )]
    Header(String),
}

/// Why a line was not taken. Never contains what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no line of a table.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Not as many fields as the header has.
    #[error("the line has {found} fields where the header has {expected}")]
    Fields {
        /// How many.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A field is not the identifier it should be.
    #[error("column {column}: {reason}")]
    Identifier {
        /// Which.
        column: &'static str,
        /// Why.
        reason: IdentifierError,
    },
    /// It names nobody.
    #[error("msisdn, external_id and external_group_id are all empty: there is nothing to watch")]
    Nobody,
    /// A group beside a subscriber.
    #[error("a group and a subscriber on one line; put them on two")]
    Both,
}

/// Reads targets from `source`.
#[derive(Debug)]
pub struct Targets<R> {
    lines: Lines<R>,
    /// Where each of [`COLUMNS`] stands.
    places: [Option<usize>; 3],
    columns: usize,
}

impl<R: BufRead> Targets<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn new(source: R) -> Result<Self, FileError> {
        let mut lines = Lines::new(source);
        match lines.advance()? {
            None => return Err(FileError::Header("the file is empty".into())),
            Some(Err(error)) => return Err(FileError::Header(error.to_string())),
            Some(Ok(())) => {}
        }
        let names = column_names(lines.octets()).map_err(FileError::Header)?;
        let mut places = [None; 3];
        for (at, name) in names.iter().enumerate().filter(|(_, name)| *name != PASSED_OVER) {
            let column = COLUMNS
                .iter()
                .zip(&mut places)
                .find(|(column, _)| *column == name);
            match column {
                None => return Err(FileError::Header(unknown_column(name))),
                Some((column, Some(_))) => {
                    return Err(FileError::Header(format!("column {column} is there twice")));
                }
                Some((_, place)) => *place = Some(at),
            }
        }
        if places == [None; 3] {
            return Err(FileError::Header("none of its columns names targets".into()));
        }
        Ok(Self {
            lines,
            places,
            columns: names.len(),
        })
    }

    /// The next line that is not empty: its number and target, or its number and why it was refused. `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read.
    #[allow(
        clippy::type_complexity,
        reason = "two kinds of trouble: of the file, and of one line"
    )]
    pub fn next_target(&mut self) -> Result<Option<Result<(u64, Named), (u64, Refusal)>>, io::Error> {
        loop {
            let Some(read) = self.lines.advance()? else {
                return Ok(None);
            };
            let line = self.lines.number();
            let target = read.map_err(Refusal::from).and_then(|()| {
                let text = self.lines.text()?;
                if text.trim().is_empty() {
                    return Ok(None);
                }
                self.target(text).map(Some)
            });
            match target {
                Ok(None) => {}
                Ok(Some(target)) => return Ok(Some(Ok((line, target)))),
                Err(refusal) => return Ok(Some(Err((line, refusal)))),
            }
        }
    }

    fn target(&self, text: &str) -> Result<Named, Refusal> {
        let fields = split(text)?;
        if fields.len() != self.columns {
            return Err(Refusal::Fields {
                found: fields.len(),
                expected: self.columns,
            });
        }
        let [msisdn, external, group] = self.places.map(|place| {
            let field = place.and_then(|at| fields.get(at))?.trim();
            (!field.is_empty()).then_some(field)
        });
        let refused = |column| move |reason| Refusal::Identifier { column, reason };
        let external_id =
            |text: &str| ExternalIdentifier::parse(text).map(|external| external.text().to_owned());
        match (msisdn, external, group) {
            (None, None, None) => Err(Refusal::Nobody),
            (None, None, Some(group)) => external_id(group)
                .map(Named::Group)
                .map_err(refused("external_group_id")),
            (_, _, Some(_)) => Err(Refusal::Both),
            (Some(msisdn), _, None) => Msisdn::parse(msisdn)
                .map(|msisdn| Named::Msisdn(msisdn.digits()))
                .map_err(refused("msisdn")),
            (None, Some(external), None) => external_id(external)
                .map(Named::External)
                .map_err(refused("external_id")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(file: &str) -> Result<Vec<String>, String> {
        let mut targets = Targets::new(file.as_bytes()).map_err(|error| error.to_string())?;
        let mut seen = Vec::new();
        while let Some(target) = targets.next_target().unwrap() {
            seen.push(match target {
                Ok((line, Named::Msisdn(digits))) => format!("{line}: number {digits}"),
                Ok((line, Named::External(text))) => format!("{line}: external {text}"),
                Ok((line, Named::Group(text))) => format!("{line}: group {text}"),
                Err((line, refusal)) => format!("{line}: {refusal}"),
            });
        }
        Ok(seen)
    }

    #[test]
    fn each_line_is_one_target() {
        let file = "msisdn,external_id,external_group_id\n+999000000001,,\n,Meter-1@IoT.example,\n\n\
                    ,,meters@iot.example\n999000000002,meter-2@iot.example,\n";
        assert_eq!(
            read(file).unwrap(),
            [
                "2: number 999000000001",
                "3: external Meter-1@iot.example",
                "5: group meters@iot.example",
                "6: number 999000000002",
            ]
        );
    }

    #[test]
    fn a_file_for_import_and_a_file_of_one_column_will_do() {
        let file = "imsi,msisdn,external_id\n999010000000001,+999000000001,a@b.example\n999010000000002,,a@b.example\n";
        assert_eq!(
            read(file).unwrap(),
            ["2: number 999000000001", "3: external a@b.example"]
        );
        assert_eq!(
            read("MSISDN\n+999000000001\n").unwrap(),
            ["2: number 999000000001"]
        );
    }

    #[test]
    fn a_bad_line_is_named_without_its_values_and_the_rest_is_read() {
        let file = "msisdn,external_group_id\n077,\n,seven\n,\n+999000000001,a@b.example\n+999000000001\n+999000000002,\n";
        assert_eq!(
            read(file).unwrap(),
            [
                "2: column msisdn: an international number (E.164) has 5 to 15 decimal digits, the first of them not 0",
                "3: column external_group_id: an external identifier has the form local@domain, at most 253 octets, \
                 without blanks",
                "4: msisdn, external_id and external_group_id are all empty: there is nothing to watch",
                "5: a group and a subscriber on one line; put them on two",
                "6: the line has 1 fields where the header has 2",
                "7: number 999000000002",
            ]
        );
    }

    #[test]
    fn a_header_that_is_missing_or_wrong_is_refused_and_shows_no_values() {
        let tail = "; the header must name at least one of the columns msisdn,external_id,external_group_id";
        for (file, problem) in [
            ("", "the file is empty"),
            ("imsi\n", "none of its columns names targets"),
            ("msisdn,iccid\n", "there is no column \"iccid\""),
            ("msisdn,msisdn\n", "column msisdn is there twice"),
            ("+999000000001\n", "field 1 is not a column's name"),
        ] {
            assert_eq!(read(file), Err(format!("line 1: {problem}{tail}")), "{file:?}");
        }
    }

    #[test]
    fn a_name_on_the_command_line_needs_its_plus_or_its_at() {
        assert_eq!(
            Named::subscriber("+99912345"),
            Ok(Named::Msisdn("99912345".into()))
        );
        assert_eq!(
            Named::subscriber("a@B.example"),
            Ok(Named::External("a@b.example".into()))
        );
        assert_eq!(
            Named::group("a@B.example"),
            Ok(Named::Group("a@b.example".into()))
        );
        for wrong in ["99912345", "+0", "", "a@", "meters"] {
            assert!(Named::subscriber(wrong).is_err(), "{wrong}");
        }
        assert!(Named::group("+99912345").is_err());
        assert_eq!(
            format!("{:?}", Named::subscriber("+99912345").unwrap()),
            "Named(redacted)"
        );
    }
}
