//! One JSON object of an event, member by member: whoever reads it takes what is known, and what is left is refused.
//!
//! Written by hand, because what generic readers say of a wrong value repeats the value, and that may be somebody's number.

use serde_json::{Map, Value};

/// More of a member's name than this is not shown.
const SHOWN: usize = 40;

/// What is wrong with which member. Never contains a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

impl JsonError {
    fn at(path: &str, what: &str) -> Self {
        match path {
            "" => Self(what.to_owned()),
            _ => Self(format!("{path}: {what}")),
        }
    }
}

/// The members of an object that are not taken yet.
#[derive(Debug)]
pub(super) struct Object {
    /// Where it stands in the event, such as `registration`; empty for the event itself.
    path: String,
    members: Map<String, Value>,
}

impl Object {
    /// Reads a whole line.
    ///
    /// # Errors
    /// It is not JSON, or not an object.
    pub(super) fn parse(line: &str) -> Result<Self, JsonError> {
        let value = serde_json::from_str(line).map_err(|error| {
            // The parser's own words could repeat what it read.
            JsonError(match error.classify() {
                serde_json::error::Category::Eof => "the JSON ends too early".to_owned(),
                _ => format!("not JSON, at column {}", error.column()),
            })
        })?;
        Self::of(String::new(), value)
    }

    fn of(path: String, value: Value) -> Result<Self, JsonError> {
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            _ => Err(JsonError::at(&path, "has to be an object")),
        }
    }

    fn path_of(&self, member: &str) -> String {
        match self.path.as_str() {
            "" => member.to_owned(),
            path => format!("{path}.{member}"),
        }
    }

    /// Something is wrong with a member.
    pub(super) fn wrong(&self, member: &str, what: &str) -> JsonError {
        JsonError::at(&self.path_of(member), what)
    }

    /// Takes a member by its name in JSON, or by its name in the schema. `null` is absent.
    fn take(&mut self, member: &str) -> Result<Option<Value>, JsonError> {
        let in_schema = in_schema(member);
        let value = self.members.remove(member);
        let value = match (value, self.members.remove(&in_schema)) {
            (Some(_), Some(_)) if in_schema != member => return Err(self.wrong(member, "is there twice")),
            (Some(value), _) | (None, Some(value)) => value,
            (None, None) => return Ok(None),
        };
        Ok(Some(value).filter(|value| !value.is_null()))
    }

    /// A text; empty if absent.
    pub(super) fn text(&mut self, member: &str) -> Result<String, JsonError> {
        match self.take(member)? {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.wrong(member, "has to be a string")),
        }
    }

    /// A list of texts; empty if absent.
    pub(super) fn texts(&mut self, member: &str) -> Result<Vec<String>, JsonError> {
        let text = |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        let texts: Option<_> = self.list(member)?.into_iter().map(text).collect();
        texts.ok_or_else(|| self.wrong(member, "has to be a list of strings"))
    }

    /// A number from 0 to 2³²-1, also as a string; 0 if absent.
    pub(super) fn number(&mut self, member: &str) -> Result<u32, JsonError> {
        let number = match self.take(member)? {
            None => Some(0),
            Some(Value::Number(number)) => number.as_u64().and_then(|number| number.try_into().ok()),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        number.ok_or_else(|| self.wrong(member, "has to be a whole number from 0 on"))
    }

    /// A point in time, in RFC 3339.
    pub(super) fn time(&mut self, member: &str) -> Result<Option<prost_types::Timestamp>, JsonError> {
        let time = match self.take(member)? {
            None => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        let what = "has to be a time in RFC 3339, such as 2026-01-31T12:00:00Z";
        time.map(Some).ok_or_else(|| self.wrong(member, what))
    }

    /// One of the words of an enumeration; 0 if absent. `example` is one of them.
    pub(super) fn word<T: Into<i32>>(
        &mut self,
        member: &str,
        read: impl FnOnce(&str) -> Option<T>,
        example: &str,
    ) -> Result<i32, JsonError> {
        let word = match self.take(member)? {
            None => return Ok(0),
            Some(Value::String(text)) => read(&text),
            Some(_) => None,
        };
        let what = || format!("has to be one of the words of the schema, such as {example}");
        word.map(Into::into).ok_or_else(|| self.wrong(member, &what()))
    }

    /// A list; empty if absent.
    fn list(&mut self, member: &str) -> Result<Vec<Value>, JsonError> {
        match self.take(member)? {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => Ok(values),
            Some(_) => Err(self.wrong(member, "has to be a list")),
        }
    }

    /// What `read` makes of an object, if it is there.
    pub(super) fn object<T>(
        &mut self,
        member: &str,
        read: impl FnOnce(&mut Self) -> Result<T, JsonError>,
    ) -> Result<Option<T>, JsonError> {
        let Some(value) = self.take(member)? else {
            return Ok(None);
        };
        Self::of(self.path_of(member), value)?.read(read).map(Some)
    }

    /// What `read` makes of each object of a list; nothing if it is absent.
    pub(super) fn objects<T>(
        &mut self,
        member: &str,
        read: impl Fn(&mut Self) -> Result<T, JsonError>,
    ) -> Result<Vec<T>, JsonError> {
        let path = self.path_of(member);
        let values = self.list(member)?.into_iter().enumerate();
        values
            .map(|(place, value)| Self::of(format!("{path}[{place}]"), value)?.read(&read))
            .collect()
    }

    /// What `read` makes of it, if that takes every member.
    pub(super) fn read<T>(
        mut self,
        read: impl FnOnce(&mut Self) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        let made = read(&mut self)?;
        let Some(unknown) = self.members.keys().next() else {
            return Ok(made);
        };
        let shown: String = unknown.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        Err(JsonError::at(
            &self.path,
            &format!("there is no member {shown:?}"),
        ))
    }
}

/// `eventTime` becomes `event_time`.
fn in_schema(member: &str) -> String {
    let mut name = String::with_capacity(member.len() + 2);
    for letter in member.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
