//! Text of devices and guests, made harmless for logs, mails and records.

/// The text without control characters, line breaks and marks that turn the direction of writing, at most `chars_max` characters.
/// Escaping for HTML, CSV and the like is the business of each edge.
pub(crate) fn plain_text(text: &str, chars_max: usize) -> String {
    text.chars()
        .map(|c| {
            if c == '\n' || c == '\r' || c == '\t' {
                ' '
            } else {
                c
            }
        })
        .filter(|c| !c.is_control() && !is_direction_mark(*c))
        .take(chars_max)
        .collect()
}

/// Unicode's explicit direction marks (UAX #9), invisible and able to turn the text around them.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_plain() {
        assert_eq!(
            plain_text("a\u{1b}[31mred\u{202e}txt\nnext\0", 100),
            "a[31mredtxt next"
        );
        assert_eq!(plain_text("Xã Trà Giang", 6), "Xã Trà");
    }
}
