//! Compiles the .proto files with protox, so that no protoc has to be installed.

use std::{error::Error, path::PathBuf};

const PROTOS: [&str; 1] = ["allin/ces/v1/matchengine.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from("proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let descriptors = protox::compile(PROTOS, [&root])?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(descriptors)?;
    Ok(())
}
