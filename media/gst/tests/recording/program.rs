//! Programs that stand for the child, or are it in another place.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::CHILD;

pub(crate) fn sub(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).unwrap();
    path
}

/// What a recording of VP8 needs.
pub(crate) const PLUGINS: &[&str] = &[
    "coreelements",
    "app",
    "videotestsrc",
    "videoconvertscale",
    "audioconvert",
    "audioresample",
    "opus",
    "vpx",
    "matroska",
    "x264",
    "pango",
];

/// The child with some plugins of this machine only.
pub(crate) fn with_plugins(folder: &Path, wanted: &[&str]) -> PathBuf {
    let plugins = sub(folder, "plugins");
    let output = Command::new("gst-inspect-1.0")
        .arg("coreelements")
        .output()
        .expect("gst-inspect-1.0 is installed");
    let said = String::from_utf8(output.stdout).unwrap();
    let core = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Filename"))
        .expect("the file of a plugin");
    for entry in fs::read_dir(Path::new(core.trim()).parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if wanted
            .iter()
            .any(|wanted| name == format!("libgst{wanted}.so"))
        {
            std::os::unix::fs::symlink(&path, plugins.join(name)).unwrap();
        }
    }
    script(
        folder,
        &format!(
            "GST_PLUGIN_SYSTEM_PATH_1_0={} GST_PLUGIN_PATH_1_0= GST_REGISTRY={}/registry exec {CHILD} \"$@\"",
            plugins.display(),
            folder.display()
        ),
    )
}

pub(crate) fn script(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}
