//! The serving node that holds a registration.

use std::fmt;
use std::sync::{Arc, LazyLock};

/// The identity of a serving node: its Diameter identity, NF instance id or number, 1 to 255 printable octets.
///
/// Diameter identities compare without regard to case (RFC 6733 §4.3.1), so names are kept in lower case.
/// Cloning shares the text. Nodes are network elements, not people: they may be logged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(Arc<str>);

/// Why a text is not a node's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a serving node's identity has 1 to 255 printable ASCII characters without blanks")]
pub struct NodeError;

impl Node {
    /// Whoever serves the subscriber in a slot, where the network does not say who: what is reported under this name is
    /// true of the slot's holder. Written `*`.
    pub fn unnamed() -> Self {
        static UNNAMED: LazyLock<Node> = LazyLock::new(|| Node("*".into()));
        UNNAMED.clone()
    }

    /// Whether it is [`Self::unnamed`].
    pub fn is_unnamed(&self) -> bool {
        *self.0 == *"*"
    }

    /// Reads an identity and folds its case.
    pub fn parse(text: &str) -> Result<Self, NodeError> {
        let fine = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !fine {
            return Err(NodeError);
        }
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Ok(Self(text.to_ascii_lowercase().into()));
        }
        Ok(Self(text.into()))
    }

    /// The identity in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({})", self.0)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_regard_to_case() {
        assert_eq!(Node::parse("MME1.epc.Example"), Node::parse("mme1.epc.example"));
    }

    #[test]
    fn a_star_is_whoever_it_is() {
        assert_eq!(Node::parse("*"), Ok(Node::unnamed()));
        assert!(Node::unnamed().is_unnamed());
        assert!(Node::parse("mme1").is_ok_and(|node| !node.is_unnamed()));
    }

    #[test]
    fn empty_giant_and_unprintable_names_are_refused() {
        let giant = "x".repeat(256);
        for wrong in ["", "a b", "a\n", "é", giant.as_str()] {
            assert_eq!(Node::parse(wrong), Err(NodeError), "{wrong:?}");
        }
    }
}
