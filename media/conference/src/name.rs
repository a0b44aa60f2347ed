//! Display names: what guests call themselves, made harmless.

/// Longest display name, in characters.
const NAME_CHARS_MAX: usize = 80;

/// Cleans a guest's name: control, bidirectional and invisible characters go, white space is
/// joined, and what is longer than 80 characters is cut. `None` when nothing is left.
pub fn display_name(raw: &str) -> Option<String> {
    let mut name = String::new();
    let mut chars = 0;
    let mut gap = false;
    // A hostile name may be megabytes: look at no more than a bounded part of it.
    for c in raw.chars().take(16 * NAME_CHARS_MAX) {
        if c.is_whitespace() {
            gap = !name.is_empty();
            continue;
        }
        if c.is_control() || is_invisible(c) {
            continue;
        }
        if chars + usize::from(gap) >= NAME_CHARS_MAX {
            break;
        }
        if gap {
            name.push(' ');
            chars += 1;
            gap = false;
        }
        name.push(c);
        chars += 1;
    }
    (!name.is_empty()).then_some(name)
}

/// Characters that reorder or hide text: bidi marks, embeddings, isolates and overrides,
/// zero-width characters, interlinear annotations, tags, noncharacters and private use.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_hides_or_reorders_and_keep_vietnamese() {
        assert_eq!(
            display_name("  Nguyễn\tThị \u{202e}Hoa\u{0} ").as_deref(),
            Some("Nguyễn Thị Hoa")
        );
        assert_eq!(display_name("\u{200b}\u{2066}\n"), None);
        assert_eq!(display_name(""), None);
        let long = "ộ ".repeat(500);
        let cut = display_name(&long).expect("letters are left");
        assert!(cut.chars().count() <= 80 && !cut.ends_with(' '));
    }
}
