//! Holds the import directions of ARCHITECTURE.md: arrows point inward, and the inner part never learns of the outer.
//!
//! Reads the source as text: every path that starts with `crate` or `super` outside tests, and every outside crate
//! that a layer must not know. It does not expand macros.

use std::fs;
use std::path::{Path, PathBuf};

/// A layer: where it begins, which other layers it may use besides itself, and which outside crates it must not know.
/// A module belongs to the layer with the longest prefix that fits.
struct Layer {
    path: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

const NO_IO: &[&str] = &[
    "tokio", "sqlx", "tonic", "prost", "axum", "metrics", "config", "tracing", "rustls", "socket2",
];
const NO_STORE_ENGINE: &[&str] = &["sqlx"];
const NO_WIRE_NO_STORE: &[&str] = &["sqlx", "tonic", "prost", "axum"];

const LAYERS: &[Layer] = &[
    Layer {
        path: "domain",
        may_use: &[],
        never: NO_IO,
    },
    Layer {
        path: "proto",
        may_use: &[],
        never: &["sqlx", "tokio"],
    },
    // One layer in two folders: the codec reads what the dictionaries define, in the codec's own types.
    Layer {
        path: "diameter::codec",
        may_use: &["diameter::dict"],
        never: NO_IO,
    },
    Layer {
        path: "diameter::dict",
        may_use: &["diameter::codec"],
        never: NO_IO,
    },
    Layer {
        path: "diameter::peer",
        may_use: &["diameter::codec", "diameter::dict"],
        never: NO_IO,
    },
    Layer {
        path: "diameter::service",
        may_use: &["diameter::codec"],
        never: NO_WIRE_NO_STORE,
    },
    Layer {
        path: "diameter::client",
        may_use: &[
            "diameter::codec",
            "diameter::dict",
            "diameter::peer",
            "diameter::service",
        ],
        never: NO_WIRE_NO_STORE,
    },
    // Settings, metrics and the node, which drives the transport and is known to it.
    Layer {
        path: "diameter",
        may_use: &[
            "diameter::client",
            "diameter::codec",
            "diameter::dict",
            "diameter::peer",
            "diameter::service",
            "diameter::transport",
            "certificate",
            "files",
        ],
        never: NO_WIRE_NO_STORE,
    },
    Layer {
        path: "diameter::transport",
        may_use: &[
            "diameter::codec",
            "diameter::dict",
            "diameter::peer",
            "diameter::service",
            "diameter",
            "certificate",
            "files",
        ],
        never: NO_WIRE_NO_STORE,
    },
    Layer {
        path: "diameter::apps",
        may_use: &["diameter::codec", "diameter::dict", "domain"],
        never: NO_IO,
    },
    Layer {
        path: "grpc",
        may_use: &["proto"],
        never: NO_STORE_ENGINE,
    },
    Layer {
        path: "feed",
        may_use: &[
            "domain",
            "ingest",
            "audit",
            "grpc",
            "proto",
            "diameter",
            "diameter::apps",
            "diameter::client",
            "diameter::codec",
            "diameter::dict",
            "diameter::peer",
            "diameter::service",
        ],
        never: NO_STORE_ENGINE,
    },
    Layer {
        path: "ingest",
        may_use: &["domain", "index", "store"],
        never: NO_WIRE_NO_STORE,
    },
    Layer {
        path: "index",
        may_use: &["domain"],
        never: NO_WIRE_NO_STORE,
    },
    Layer {
        path: "store",
        may_use: &["domain"],
        never: &["tonic", "prost", "axum"],
    },
    // Asking at a bearable pace, as values.
    Layer {
        path: "pace",
        may_use: &["domain"],
        never: NO_IO,
    },
    // Asking for a lookup: whom, is for whoever wires it.
    Layer {
        path: "refresh",
        may_use: &["domain", "ingest", "pace"],
        never: NO_WIRE_NO_STORE,
    },
    // What to ask the network to watch, as a value; rows of the store in and out.
    Layer {
        path: "monitoring::plan",
        may_use: &["domain", "pace", "diameter::apps", "diameter::codec", "store"],
        never: NO_IO,
    },
    Layer {
        path: "monitoring",
        may_use: &[
            "domain",
            "index",
            "ingest",
            "store",
            "pace",
            "monitoring::plan",
            "feed",
            "grpc",
            "proto",
            "diameter",
            "diameter::apps",
            "diameter::client",
            "diameter::codec",
            "diameter::dict",
        ],
        never: NO_STORE_ENGINE,
    },
    // What to have HSSs notify of, as a value; rows of the store in and out.
    Layer {
        path: "hss::plan",
        may_use: &["domain", "pace", "store"],
        never: NO_IO,
    },
    Layer {
        path: "hss",
        may_use: &[
            "domain",
            "ingest",
            "pace",
            "store",
            "hss::plan",
            "feed",
            "grpc",
            "proto",
            "diameter",
            "diameter::apps",
            "diameter::client",
            "diameter::codec",
            "diameter::dict",
        ],
        never: NO_STORE_ENGINE,
    },
    // What a certificate says of its holder.
    Layer {
        path: "certificate",
        may_use: &[],
        never: &["tokio", "sqlx", "tonic", "prost", "axum"],
    },
    // When files that change are to be read again; what stands in them is for their owners.
    Layer {
        path: "files",
        may_use: &[],
        never: NO_WIRE_NO_STORE,
    },
    // Who did what; whoever serves callers may tell it.
    Layer {
        path: "audit",
        may_use: &["domain"],
        never: NO_WIRE_NO_STORE,
    },
    // Erasing touches everything that knows a subscriber.
    Layer {
        path: "erasure",
        may_use: &[
            "domain",
            "index",
            "ingest",
            "store",
            "monitoring",
            "hss",
            "feed",
            "grpc",
            "proto",
        ],
        never: NO_STORE_ENGINE,
    },
    // The health of feeds: what is seen of them, kept, and given to the index.
    Layer {
        path: "liveness",
        may_use: &["domain", "index", "ingest", "store", "diameter"],
        never: &["sqlx", "tonic", "prost", "axum"],
    },
    Layer {
        path: "watch",
        may_use: &["domain", "index"],
        never: NO_WIRE_NO_STORE,
    },
    Layer {
        path: "northbound",
        may_use: &["domain", "index", "watch", "grpc", "proto"],
        never: NO_STORE_ENGINE,
    },
    // The same answers in another protocol: never around northbound.
    Layer {
        path: "rest",
        may_use: &["domain", "audit", "certificate", "files", "northbound"],
        never: &["sqlx", "tonic", "prost"],
    },
    // The far side of a Diameter connection: never the daemon's own inside.
    Layer {
        path: "sim",
        may_use: &[
            "domain",
            "proto",
            "diameter",
            "diameter::codec",
            "diameter::dict",
            "diameter::service",
        ],
        never: NO_STORE_ENGINE,
    },
    Layer {
        path: "ops",
        may_use: &[],
        never: &["sqlx", "tonic", "prost"],
    },
];

/// These wire everything together and may use anything; nobody else may use them.
const OUTERMOST: &[&str] = &["app", "cli", "config"];

#[test]
fn no_layer_imports_one_further_out() {
    let mut wrong = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let module = module_of(&file);
        let code = without_tests(&blank_comments_and_strings(&text));
        check(&module, &code, &mut |line, what| {
            wrong.push(format!("{}:{line}: {what}", file.display()));
        });
    }
    assert!(
        wrong.is_empty(),
        "imports against the layers:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_module_opens_with_what_it_is_for() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!"))
        .map(|file| file.display().to_string())
        .collect();
    assert!(
        silent.is_empty(),
        "no module documentation in:\n{}",
        silent.join("\n")
    );
}

#[test]
fn every_source_file_belongs_to_a_layer() {
    let strays: Vec<_> = sources()
        .into_iter()
        .filter(|file| {
            let module = module_of(file);
            !module.is_empty() && module != "main" && layer_of(&module).is_none() && !is_outermost(&module)
        })
        .map(|file| file.display().to_string())
        .collect();
    assert!(
        strays.is_empty(),
        "in no layer of the table:\n{}",
        strays.join("\n")
    );
}

/// The reader itself, on a made-up file that breaks the rules in each way it knows.
#[test]
fn a_forbidden_import_is_found_with_its_line() {
    let text = "//! crate::store in a comment\n\
                use crate::domain::Imsi;\n\
                use crate::{\n    domain::Slot,\n    store::{Batch, error::StoreError},\n};\n\
                fn f() { super::super::app::run(); let _ = \"crate::cli\"; }\n\
                #[cfg(test)]\nmod tests {\n    use crate::cli;\n}\n\
                fn g() { sqlx::query(\"\"); }\n";
    let mut found = Vec::new();
    check(
        "index::shard",
        &without_tests(&blank_comments_and_strings(text)),
        &mut |line, what| {
            found.push((line, what));
        },
    );
    let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [3, 3, 7, 12], "{found:?}");
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// `src/diameter/peer/fsm.rs` is `diameter::peer::fsm`; `lib.rs` is the empty path.
fn module_of(file: &Path) -> String {
    let path = file
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    let mut parts: Vec<_> = path
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts.join("::")
}

fn within(module: &str, layer: &str) -> bool {
    module == layer
        || module
            .strip_prefix(layer)
            .is_some_and(|rest| rest.starts_with("::"))
}

fn layer_of(module: &str) -> Option<&'static Layer> {
    LAYERS
        .iter()
        .filter(|layer| within(module, layer.path))
        .max_by_key(|layer| layer.path.len())
}

fn is_outermost(module: &str) -> bool {
    OUTERMOST.iter().any(|outer| within(module, outer))
}

/// Reports every path in `code` that `module` must not name, with its line.
fn check(module: &str, code: &str, report: &mut dyn FnMut(usize, String)) {
    // Files of tests are named so and declared under `#[cfg(test)]`.
    if module.split("::").any(|part| part == "tests") || is_outermost(module) {
        return;
    }
    let Some(layer) = layer_of(module) else {
        return;
    };
    for (at, path) in paths(module, code) {
        let line = code[..at].matches('\n').count() + 1;
        let allowed = match layer_of(&path) {
            Some(used) => used.path == layer.path || layer.may_use.contains(&used.path),
            // What stands at the root itself belongs to nobody.
            None => !is_outermost(&path),
        };
        if !allowed {
            report(line, format!("{module} must not use {path}"));
        }
    }
    for never in layer.never {
        for (at, _) in code.match_indices(&format!("{never}::")) {
            let before = code[..at].chars().next_back();
            let starts_a_path =
                before.is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':');
            // A module of ours may carry the crate's name: `self::metrics::…` after `mod metrics;` in scope.
            if starts_a_path && !is_own_module(module, never) {
                let line = code[..at].matches('\n').count() + 1;
                report(line, format!("{module} must not know the crate {never}"));
            }
        }
    }
}

/// Whether a module of this name stands beside `module` or below it.
fn is_own_module(module: &str, name: &str) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(module.replace("::", "/"));
    folder.join(format!("{name}.rs")).exists()
        || folder
            .parent()
            .is_some_and(|parent| parent.join(format!("{name}.rs")).exists())
}

/// Every path into this crate, made absolute, with where it starts: groups are taken apart.
fn paths(module: &str, code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if starts_word(code, at) {
            tree(&code[at + "crate::".len()..], "", at, &mut found);
        }
    }
    let mut after = 0;
    for (at, _) in code.match_indices("super::") {
        if at < after || !starts_word(code, at) {
            continue;
        }
        let mut rest = &code[at..];
        let mut parts: Vec<_> = module.split("::").collect();
        while let Some(further) = rest.strip_prefix("super::") {
            parts.pop();
            rest = further;
        }
        after = code.len() - rest.len();
        tree(rest, &parts.join("::"), at, &mut found);
    }
    found
}

fn starts_word(code: &str, at: usize) -> bool {
    code[..at]
        .chars()
        .next_back()
        .is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != '$')
}

/// Follows a path or a use-tree from its start and notes each path it names. Returns how much it read.
fn tree(text: &str, prefix: &str, at: usize, found: &mut Vec<(usize, String)>) -> usize {
    let mut path = prefix.to_owned();
    let mut read = 0;
    loop {
        let rest = &text[read..];
        if rest.starts_with('{') {
            read += 1;
            loop {
                let skipped = text[read..].len()
                    - text[read..]
                        .trim_start_matches(|c: char| c.is_whitespace() || c == ',')
                        .len();
                read += skipped;
                if text[read..].starts_with('}') || text[read..].is_empty() {
                    return read + 1;
                }
                read += tree(&text[read..], &path, at, found);
                // `as name`, `*` and whatever else stands before the next comma.
                read += text[read..]
                    .find([',', '}'])
                    .unwrap_or_else(|| text[read..].len());
            }
        }
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if name.is_empty() || name == "self" {
            found.push((at, path));
            return read + name.len();
        }
        read += name.len();
        if !path.is_empty() {
            path.push_str("::");
        }
        path.push_str(&name);
        match text[read..].strip_prefix("::") {
            Some(_) => read += 2,
            None => {
                found.push((at, path));
                return read;
            }
        }
    }
}

/// Puts blanks in place of comments and string contents; lines stay where they are.
fn blank_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let blank_until = |out: &mut Vec<u8>, from: usize, to: usize| {
        out.extend(
            bytes[from..to]
                .iter()
                .map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }),
        );
    };
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        let end = if rest.starts_with(b"//") {
            rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            find(rest, b"*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with(b"r#\"") {
            find(rest, b"\"#").map_or(rest.len(), |end| end + 2)
        } else if rest[0] == b'"' {
            let mut end = 1;
            while end < rest.len() && rest[end] != b'"' {
                end += if rest[end] == b'\\' { 2 } else { 1 };
            }
            (end + 1).min(rest.len())
        } else if rest.starts_with(b"'\"'") || rest.starts_with(b"'\\\"'") {
            find(&rest[1..], b"'").map_or(rest.len(), |end| end + 2)
        } else {
            0
        };
        if end == 0 {
            out.push(rest[0]);
            at += 1;
        } else {
            blank_until(&mut out, at, at + end);
            at += end;
        }
    }
    String::from_utf8(out).expect("blanks keep it UTF-8")
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Puts blanks in place of every item under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    let mut from = 0;
    while let Some(found) = out[from..].find("#[cfg(test)]") {
        let begin = from + found;
        let (mut depth, mut end) = (0usize, out.len());
        for (at, byte) in out.bytes().enumerate().skip(begin + "#[cfg(test)]".len()) {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && matches!(byte, b'}' | b';') {
                end = at + 1;
                break;
            }
        }
        let blanked: String = out[begin..end]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        out.replace_range(begin..end, &blanked);
        from = begin + blanked.len();
    }
    out
}
