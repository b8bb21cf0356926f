//! Words to a person on standard output.

use std::io::{self, Write};

/// Writes `text` at once.
///
/// # Errors
/// Nobody reads any more, such as behind `| head`: reason to end, not to panic as `println!` does.
pub fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
