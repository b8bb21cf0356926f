//! One shared copy of each serving node's name.

use std::sync::{PoisonError, RwLock};

use hashbrown::HashSet;

use crate::domain::Node;

/// A network has hundreds of serving nodes; beyond this many, names are kept unshared.
const MAX_SHARED: usize = 65_536;

/// The names seen so far.
#[derive(Debug, Default)]
pub(super) struct Nodes(RwLock<HashSet<Node>>);

impl Nodes {
    /// The same node, its text shared with every earlier mention.
    pub(super) fn shared(&self, node: &Node) -> Node {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(node)
            .cloned();
        known.unwrap_or_else(|| {
            let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if names.len() < MAX_SHARED {
                names.get_or_insert_with(node, Node::clone).clone()
            } else {
                node.clone()
            }
        })
    }
}
