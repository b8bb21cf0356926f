//! Compiles `proto/` with protox, so that no protoc has to be installed, and stamps the git revision.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, error, fs};

const PROTOS: [&str; 3] = [
    "proto/reachability/v1/reachability.proto",
    "proto/reachability/v1/ingest.proto",
    "proto/reachability/v1/admin.proto",
];

fn main() -> Result<(), Box<dyn error::Error>> {
    let descriptors = protox::Compiler::new(["proto"])?
        .include_imports(true)
        .include_source_info(true)
        .open_files(PROTOS.map(|path| path.trim_start_matches("proto/")))?
        .file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let plain = protox::compile(PROTOS, ["proto"])?;
    fs::write(
        out.join("reachability.v1.bin"),
        protox::prost::Message::encode_to_vec(&plain),
    )?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");

    // Image builds have no repository: they pass the revision in.
    println!("cargo:rerun-if-env-changed=REACHD_GIT_SHA");
    // Naming a path that is not there, as in a source archive, would run this at every build.
    for path in [".git/HEAD", ".git/refs/heads"] {
        if Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let sha = env::var("REACHD_GIT_SHA")
        .ok()
        .or_else(git_sha)
        .unwrap_or_else(|| "unknown".into());
    println!("cargo:rustc-env=REACHD_GIT_SHA={sha}");
    Ok(())
}

fn git_sha() -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()?;
    let sha = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !sha.is_empty()).then_some(sha)
}
