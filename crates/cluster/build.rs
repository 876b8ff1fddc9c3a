//! Compiles the part of etcd's interface that is used, with protox, so that no protoc has to be installed.

use std::{error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from("proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let descriptors = protox::compile(["etcd.proto"], [&root])?;
    tonic_prost_build::configure().build_server(false).compile_fds(descriptors)?;
    Ok(())
}
