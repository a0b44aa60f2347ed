//! The card that is shown while nobody's camera is on.

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app::AppSink;

use super::output::Format;
use super::{elements, failure};
use crate::control::Failure;

/// Longest title drawn, in characters: five lines at the card's size.
const CHARS_MAX: usize = 160;

/// Draws the card once.
pub(super) fn draw(title: &str, format: Format) -> Result<gst::Buffer, Failure> {
    const LONGEST: gst::ClockTime = gst::ClockTime::from_seconds(15);
    let pipeline = elements::launch(
        "videotestsrc num-buffers=1 pattern=solid-color foreground-color=0xff10233b ! capsfilter name=size \
         ! textoverlay name=text valignment=center halignment=center line-alignment=center wrap-mode=wordchar \
           draw-shadow=false font-desc=\"Sans Bold 22\" ! videoconvert ! appsink name=out sync=false",
    )?;
    let size: gst::Element = elements::named(&pipeline, "size")?;
    let text: gst::Element = elements::named(&pipeline, "text")?;
    let out: AppSink = elements::named(&pipeline, "out")?;
    size.set_property("caps", format.caps());
    text.set_property("text", markup(title));
    out.set_caps(Some(&format.caps()));
    pipeline.set_state(gst::State::Playing).map_err(failure)?;
    let card = out
        .try_pull_sample(LONGEST)
        .and_then(|sample| sample.buffer_owned());
    pipeline.set_state(gst::State::Null).map_err(failure)?;
    card.ok_or_else(|| failure("the title card cannot be drawn"))
}

/// Plain text as Pango markup: nothing in a title may change how it is drawn, or what comes after it.
fn markup(title: &str) -> String {
    let mut out = String::new();
    for c in title.chars().filter(|c| !is_control(*c)).take(CHARS_MAX) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// Control characters and the ones that reorder text around them.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_text_and_nothing_else() {
        assert_eq!(
            markup("Giao ban <b>&</b>\u{202e}\n\0 tỉnh"),
            "Giao ban &lt;b&gt;&amp;&lt;/b&gt; tỉnh"
        );
        assert_eq!(markup(&"ạ".repeat(1000)).chars().count(), CHARS_MAX);
    }
}
