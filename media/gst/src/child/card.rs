//! The card that is shown while nobody's camera is on, or a picture comes that cannot be decoded: then it says so.

use std::sync::{Arc, OnceLock};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app::AppSink;

use super::output::Format;
use super::{elements, failure};
use crate::control::{Failure, Hidden, Undecoded};
use crate::tap::Codec;

/// Longest title drawn, in characters: five lines at the card's size.
const CHARS_MAX: usize = 160;

/// What cards say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Words(Codec, Undecoded);

/// The cards of a recording; those that say why a picture is missing are drawn when they are needed first.
#[derive(Debug)]
pub(super) struct Cards {
    title: String,
    format: Format,
    plain: gst::Buffer,
    drawn: Vec<(Words, Arc<OnceLock<gst::Buffer>>)>,
}

impl Cards {
    /// Draws the plain card.
    ///
    /// # Errors
    /// When GStreamer cannot.
    pub(super) fn draw(title: &str, format: Format) -> Result<Self, Failure> {
        let title = markup(title);
        Ok(Self {
            plain: draw(&title, format)?,
            title,
            format,
            drawn: Vec::new(),
        })
    }

    /// The card to show now: of a new reason the plain one, until its own is drawn beside the recording.
    pub(super) fn of(&mut self, hidden: Option<Hidden>) -> gst::Buffer {
        let Some(hidden) = hidden else {
            return self.plain.clone();
        };
        let words = Words(hidden.codec, hidden.why);
        if let Some((_, card)) = self.drawn.iter().find(|(of, _)| *of == words) {
            return card.get().unwrap_or(&self.plain).clone();
        }
        let card = Arc::new(OnceLock::new());
        self.drawn.push((words, Arc::clone(&card)));
        let (text, format) = (format!("{}{}", self.title, words.markup()), self.format);
        std::thread::spawn(move || match draw(&text, format) {
            Ok(drawn) => {
                let _ = card.set(drawn);
            }
            Err(error) => super::report::complain(format_args!("a card: {error:?}")),
        });
        self.plain.clone()
    }
}

impl Words {
    fn markup(self) -> String {
        let Self(codec, why) = self;
        let name = codec.name();
        let (vietnamese, english) = match why {
            Undecoded::NoDecoder => ("máy chủ không có bộ giải mã", "no decoder on the server"),
            Undecoded::NoPicture => ("không giải mã được", "it cannot be decoded"),
        };
        format!(
            "\n\n<span size=\"70%\">Không ghi được hình {name}: {vietnamese}\n\
             The {name} picture is not recorded: {english}</span>"
        )
    }
}

/// Draws one card with a text in Pango's markup.
fn draw(markup: &str, format: Format) -> Result<gst::Buffer, Failure> {
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
    text.set_property("text", markup);
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
