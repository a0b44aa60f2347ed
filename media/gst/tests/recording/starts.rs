//! What a recording does not begin with.

use std::fs;
use std::path::Path;

use nhipcau_media_gst::{FailReason, RecordError, Recorder, RecorderEvent, RecordingSpec};

use crate::program::script;
use crate::{CHILD, Running};

#[test]
fn a_missing_element_is_named_with_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(
        folder.path(),
        &format!(
            "GST_PLUGIN_SYSTEM_PATH_1_0={0} GST_PLUGIN_PATH_1_0= GST_REGISTRY={0}/registry exec {CHILD} \"$@\"",
            folder.path().display()
        ),
    );
    let mut running = Running::start(folder.path(), &program);
    let RecorderEvent::Failed { reason } = running.end() else {
        panic!("it cannot record")
    };
    let expected = FailReason::MissingElement {
        element: "fdsink".into(),
        package: "libgstreamer1.0-0".into(),
    };
    assert_eq!(reason, expected);
    assert_eq!(reason.code(), "pipeline_died");
}

#[test]
fn a_program_that_is_no_child_is_told_from_one_that_died() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), "echo oops >&2; exit 3");
    let mut running = Running::start(folder.path(), &program);
    let RecorderEvent::Failed {
        reason: FailReason::PipelineDied { detail },
    } = running.end()
    else {
        panic!("died")
    };
    assert!(detail.contains("oops") && detail.contains('3'), "{detail}");
}

#[test]
fn names_come_from_the_server_and_files_are_new() {
    let folder = tempfile::tempdir().unwrap();
    let start = |directory: &Path, stem: &str, program: &str| {
        Recorder::start(
            RecordingSpec::new(directory, stem, "x"),
            program.as_ref(),
            |_| {},
        )
        .map(|_| ())
    };
    for stem in ["../x", "a/b", "", ".x", "a\0b"] {
        assert!(
            matches!(
                start(folder.path(), stem, CHILD),
                Err(RecordError::BadStem(_))
            ),
            "{stem:?}"
        );
    }
    let mut spec = RecordingSpec::new(folder.path(), "x", "x");
    spec.width = 100_000;
    assert!(matches!(
        Recorder::start(spec, CHILD.as_ref(), |_| {}),
        Err(RecordError::BadSize { .. })
    ));
    fs::write(folder.path().join("taken.mkv"), b"precious").unwrap();
    assert!(matches!(
        start(folder.path(), "taken", CHILD),
        Err(RecordError::Exists(_))
    ));
    std::os::unix::fs::symlink("/dev/null", folder.path().join("link.mkv")).unwrap();
    assert!(matches!(
        start(folder.path(), "link", CHILD),
        Err(RecordError::Exists(_))
    ));
    assert!(matches!(
        start(&folder.path().join("nowhere"), "x", CHILD),
        Err(RecordError::File { .. })
    ));
    assert!(matches!(
        start(folder.path(), "x", "/nowhere/nhipcau"),
        Err(RecordError::Spawn(_))
    ));
    assert!(
        !folder.path().join("x.mkv").exists(),
        "nothing is left behind"
    );
    assert_eq!(
        fs::read(folder.path().join("taken.mkv")).unwrap(),
        b"precious"
    );
}
