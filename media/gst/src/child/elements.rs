//! Which GStreamer elements are needed, and who ships them on Debian 12.

use gst::prelude::*;
use gstreamer as gst;

use crate::control::Failure;
use crate::tap::Codec;

const CORE: &str = "libgstreamer1.0-0";
const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const UGLY: &str = "gstreamer1.0-plugins-ugly";
const PANGO: &str = "gstreamer1.0-x";

/// For a recording.
pub(super) const RECORD: &[(&str, &str)] = &[
    ("fdsink", CORE),
    ("appsrc", BASE),
    ("appsink", BASE),
    ("videotestsrc", BASE),
    ("videoconvert", BASE),
    ("videoscale", BASE),
    ("audioconvert", BASE),
    ("audioresample", BASE),
    ("opusdec", BASE),
    ("opusenc", BASE),
    ("vp8dec", GOOD),
    ("matroskamux", GOOD),
    ("x264enc", UGLY),
    ("textoverlay", PANGO),
];

/// What decodes a picture, the best first, with its settings. One thread each: a decoder that works on several pictures at once holds
/// them back. Of VP8 the recording depends, of the others it takes what there is.
const DECODERS: &[(Codec, &str, &str)] = &[
    (Codec::Vp8, "vp8dec", "threads=1"),
    (Codec::H264, "avdec_h264", "max-threads=1"),
    (Codec::H264, "openh264dec", ""),
    (Codec::Vp9, "vp9dec", "threads=1"),
    (Codec::Av1, "dav1ddec", "n-threads=1"),
    (Codec::Av1, "av1dec", ""),
];

/// The element and settings that decode `codec`, if any is installed. Errors in what is decoded never end it.
pub(super) fn decoder(codec: Codec) -> Option<String> {
    DECODERS
        .iter()
        .find(|(of, element, _)| *of == codec && gst::ElementFactory::find(element).is_some())
        .map(|(_, element, settings)| format!("{element} max-errors=-1 {settings}"))
}

/// For a repair.
pub(super) const REPAIR: &[(&str, &str)] = &[
    ("filesrc", CORE),
    ("fdsink", CORE),
    ("queue", CORE),
    ("matroskademux", GOOD),
    ("matroskamux", GOOD),
];

/// Initialises GStreamer and names the first element that is not there.
pub(super) fn check(needed: &[(&str, &str)]) -> Result<(), Failure> {
    gst::init().map_err(super::failure)?;
    match needed
        .iter()
        .find(|(element, _)| gst::ElementFactory::find(element).is_none())
    {
        None => Ok(()),
        Some((element, package)) => Err(Failure::MissingElement {
            element: (*element).to_owned(),
            package: (*package).to_owned(),
        }),
    }
}

/// Builds a pipeline from a description of ours; no text from outside may be part of it.
pub(super) fn launch(graph: &str) -> Result<gst::Pipeline, Failure> {
    let element = gst::parse::launch(graph).map_err(super::failure)?;
    element
        .downcast()
        .map_err(|_| super::failure("the description is no pipeline"))
}

/// An element of a pipeline by its name in the description.
pub(super) fn named<T: IsA<gst::Element>>(
    pipeline: &gst::Pipeline,
    name: &str,
) -> Result<T, Failure> {
    pipeline
        .by_name(name)
        .and_then(|element| element.downcast().ok())
        .ok_or_else(|| super::failure(format_args!("no element {name}")))
}

/// The first error that waits on a bus.
pub(super) fn error(bus: &gst::Bus) -> Option<Failure> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(failure_of(error)),
        _ => None,
    }
}

/// An error message as a failure: a full disk is told from the rest.
pub(super) fn failure_of(message: &gst::message::Error) -> Failure {
    let error = message.error();
    if error.matches(gst::ResourceError::NoSpaceLeft) {
        return Failure::DiskFull {};
    }
    let detail = message.debug().unwrap_or_default();
    // fdsink reports a full disk as a plain write error with the system's words.
    if detail.contains("No space left on device") {
        return Failure::DiskFull {};
    }
    super::failure(format_args!("{error} ({detail})"))
}
