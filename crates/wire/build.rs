//! Compiles the .proto files with protox, so that no protoc has to be installed.

use std::{error::Error, path::PathBuf};

const PROTOS: [&str; 7] = [
    "allin/exchange/v1/matchengine.proto",
    "allin/exchange/v1/marketprice.proto",
    "allin/exchange/v1/historyreader.proto",
    "allin/exchange/v1/tradesummary.proto",
    "allin/exchange/v1/cachecenter.proto",
    "allin/exchange/v1/sharedcache.proto",
    "allin/landry/v1/directory.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from("proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let descriptors = protox::compile(PROTOS, [&root])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
