//! `freshness.query`: how the network is asked for a lookup.

use std::fmt;

use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A way of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActiveQuery {
    /// The HSS over Sh, as `[diameter.sh]` has it.
    Sh,
    /// The HSS over S6t, as `[diameter.s6t]` has it.
    S6t,
}

/// The word for no way at all.
const NONE: &str = "none";

/// What is expected.
const EXPECTED: &str = "\"none\", \"sh\", \"s6t\", or a list of the latter two";

impl ActiveQuery {
    const ALL: [Self; 2] = [Self::Sh, Self::S6t];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sh => "sh",
            Self::S6t => "s6t",
        }
    }

    /// The interface, as the specifications name it.
    pub(super) fn interface(self) -> &'static str {
        match self {
            Self::Sh => "Sh",
            Self::S6t => "S6t",
        }
    }

    /// The key that names whom to ask.
    pub(super) fn realm(self) -> &'static str {
        match self {
            Self::Sh => "diameter.sh.realm",
            Self::S6t => "diameter.s6t.realm",
        }
    }
}

/// Ways of asking in the order in which they are tried, each once. None of them: a lookup never waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queries(Vec<ActiveQuery>);

impl Queries {
    /// Each of them, in its order.
    pub fn iter(&self) -> impl Iterator<Item = ActiveQuery> {
        self.0.iter().copied()
    }
}

impl From<ActiveQuery> for Queries {
    fn from(query: ActiveQuery) -> Self {
        Self(vec![query])
    }
}

impl<'de> Deserialize<'de> for Queries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

/// Reads one word, or a list of words.
struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Queries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Queries, E> {
        match word {
            NONE => Ok(Queries::default()),
            _ => named(word).map(Queries::from),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Queries, A::Error> {
        let mut queries = Queries::default();
        while let Some(word) = words.next_element::<String>()? {
            let query = named(&word)?;
            if queries.0.contains(&query) {
                return Err(A::Error::custom(format!("\"{word}\" stands there twice")));
            }
            queries.0.push(query);
        }
        Ok(queries)
    }
}

fn named<E: Error>(word: &str) -> Result<ActiveQuery, E> {
    ActiveQuery::ALL
        .into_iter()
        .find(|query| query.name() == word)
        .ok_or_else(|| E::invalid_value(Unexpected::Str(word), &EXPECTED))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(json: &str) -> Result<Vec<ActiveQuery>, String> {
        let read: Result<Queries, _> = serde_json::from_str(json);
        read.map(|queries| queries.iter().collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_way_is_a_word_and_several_are_a_list_in_their_order() {
        use ActiveQuery::{S6t, Sh};
        assert_eq!(read("\"none\"").unwrap(), []);
        assert_eq!(read("\"sh\"").unwrap(), [Sh]);
        assert_eq!(read("\"s6t\"").unwrap(), [S6t]);
        assert_eq!(read("[\"s6t\", \"sh\"]").unwrap(), [S6t, Sh]);
        assert_eq!(read("[]").unwrap(), []);
    }

    #[test]
    fn what_is_no_way_of_asking_is_told_with_those_that_are() {
        for wrong in ["\"s6a\"", "[\"none\"]", "3"] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains(EXPECTED), "{told}");
        }
        assert!(read("[\"sh\", \"sh\"]").unwrap_err().contains("twice"));
    }
}
