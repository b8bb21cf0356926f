//! Which build this is.

/// The package's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The git revision it was built from, or `unknown`.
pub const GIT_SHA: &str = env!("REACHD_GIT_SHA");

/// Version and revision, as `--version` shows them.
pub const LONG_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("REACHD_GIT_SHA"), ")");
