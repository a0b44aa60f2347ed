//! Takes the built pages into the binary: copies `web/dist`, compresses what gets smaller, writes the table that `http/assets.rs` includes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    let dist = Path::new("web/dist");
    if !dist.join("index.html").is_file() {
        println!("cargo::error=daemon/web/dist/index.html is missing: run `make web` first");
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let copies = out.join("assets");
    let _ = fs::remove_dir_all(&copies);
    fs::create_dir_all(&copies).expect("OUT_DIR is writable");
    let mut files = Vec::new();
    collect(dist, dist, &mut files);
    files.sort();
    let mut table = String::from("&[\n");
    for (number, path) in files.iter().enumerate() {
        let bytes = fs::read(dist.join(path)).expect("a file of web/dist is readable");
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        let tag: String = digest.as_ref()[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        fs::write(copies.join(number.to_string()), &bytes).expect("OUT_DIR is writable");
        let packed = compress(&bytes);
        let packed = if packed.len() < bytes.len() {
            fs::write(copies.join(format!("{number}.gz")), &packed).expect("OUT_DIR is writable");
            format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/assets/{number}.gz\")))")
        } else {
            "None".to_owned()
        };
        writeln!(
            table,
            "    Asset {{ path: {path:?}, tag: {tag:?}, bytes: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/assets/{number}\")), gzip: {packed} }},"
        )
        .expect("a string takes text");
    }
    table.push(']');
    fs::write(out.join("assets.rs"), table).expect("OUT_DIR is writable");
}

/// Paths below `root`, with slashes; source maps stay outside.
fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("web/dist is readable") {
        let path = entry.expect("web/dist is readable").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_none_or(|extension| extension != "map") {
            let below = path.strip_prefix(root).expect("below web/dist");
            files.push(below.to_str().expect("asset names are UTF-8").to_owned());
        }
    }
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("a vector takes bytes");
    encoder.finish().expect("a vector takes bytes")
}
