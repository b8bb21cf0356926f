//! What this node asks HSSs over Sh: to be notified of users, and how users are now.

pub mod plan;
