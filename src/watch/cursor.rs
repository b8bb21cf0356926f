//! A place in the sequence of changes, as a client keeps it.

use std::fmt;
use std::str::FromStr;

/// A place in the sequence of changes of one run of the daemon. Clients keep its text and give it back; to them it means
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which run: drawn at start, so that a cursor of another run or another replica is known for what it is.
    pub epoch: u64,
    /// The last change before this place.
    pub sequence: u64,
}

/// The text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor as it was given out")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.epoch, self.sequence)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let number = |digits: &str| {
            let is_hex = (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            is_hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        let (epoch, sequence) = text.split_once('-').ok_or(NotACursor)?;
        Ok(Self {
            epoch: number(epoch).ok_or(NotACursor)?,
            sequence: number(sequence).ok_or(NotACursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(epoch: u64, sequence: u64) {
            let cursor = Cursor { epoch, sequence };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_refused(text in ".{0,40}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn what_was_never_given_out_is_no_cursor() {
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "1-2-3",
            "+1-2",
            "x-1",
            "11111111111111111-1",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }
}
