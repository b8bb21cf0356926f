//! What the fuzzers keep, replayed through the very functions that they run: a finding stays found without a fuzzer.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

type Run = fn(&[u8]);

/// Every target of `fuzz/fuzz_targets`.
const TARGETS: &[(&str, Run)] = &[
    ("capabilities", targets::capabilities::run),
    ("message_decode", targets::message_decode::run),
    ("message_roundtrip", targets::message_roundtrip::run),
    ("peer_events", targets::peer_events::run),
    ("sh_data", targets::sh_data::run),
];

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_target_is_replayed_and_has_a_corpus_that_stays_small() {
    let built: BTreeSet<_> = files("fuzz_targets")
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let replayed: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(built, replayed);
    for (name, _) in TARGETS {
        let corpus = files(&format!("corpus/{name}"));
        assert!((10..=100).contains(&corpus.len()), "{name}: {}", corpus.len());
        for file in corpus {
            let octets = file.metadata().unwrap().len();
            assert!(octets <= 4096, "{}: {octets} octets", file.display());
        }
    }
}

#[test]
fn whatever_the_fuzzers_kept_holds() {
    for (name, run) in TARGETS {
        for file in files(&format!("corpus/{name}")) {
            let octets = std::fs::read(&file).unwrap();
            let held = catch_unwind(AssertUnwindSafe(|| run(&octets)));
            assert!(held.is_ok(), "{name} fails on {}", file.display());
        }
    }
}

#[test]
fn no_part_of_what_the_fuzzers_kept_breaks_anything_either() {
    for (name, run) in TARGETS {
        for file in files(&format!("corpus/{name}")) {
            let octets = std::fs::read(&file).unwrap();
            for cut in (0..octets.len()).step_by(7) {
                for part in [&octets[..cut], &octets[cut..]] {
                    let held = catch_unwind(AssertUnwindSafe(|| run(part)));
                    assert!(held.is_ok(), "{name} fails on {}, cut at {cut}", file.display());
                }
            }
        }
    }
}
